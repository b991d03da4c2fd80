namespace EdgeSync.EdgeCore.EventBus.Mqtt;

/// <summary>An application message that the broker delivered.</summary>
/// <param name="Topic">Its topic.</param>
/// <param name="Payload">Its content; empty where it was longer than <see cref="MqttOptions.MaxPacketBytes"/> allows.</param>
/// <param name="PacketId">What a QoS 1 delivery is acknowledged by; 0 for QoS 0.</param>
/// <param name="TooLong">
/// The payload's length where it was over the limit and therefore skipped, else 0. The message is still delivered, and
/// acknowledged: the broker would send it again for ever.
/// </param>
/// <param name="Again">The broker's DUP flag: this may have been delivered on an earlier connection.</param>
internal sealed record MqttMessage(string Topic, ReadOnlyMemory<byte> Payload, ushort PacketId, int TooLong = 0, bool Again = false);

/// <summary>
/// Takes messages in the order in which the broker sent them. When its task completes, they are durable and may be
/// acknowledged; where it fails, none of them is, and the broker delivers them again on the next connection.
/// </summary>
internal delegate Task MqttHandler(IReadOnlyList<MqttMessage> messages, CancellationToken cancellationToken);

/// <summary>What matters less is dropped first when the outgoing queue is full: the oldest of the highest kind.</summary>
internal enum PublishKind
{
    /// <summary>What a device has to act on, and what the cloud sent to an app.</summary>
    Delta = 0,

    /// <summary>Answers to requests.</summary>
    Result = 1,

    /// <summary>The before and after of a change: for observers.</summary>
    Document = 2,
}

/// <summary>
/// The seam to the MQTT library: ours today. MQTTnet fits behind it with manual acknowledgement. It never asks its
/// caller to wait for the broker.
/// </summary>
internal interface IMqttClient
{
    /// <summary>Whether the broker has accepted the present connection and its subscriptions: what is published now is received.</summary>
    bool IsConnected { get; }

    /// <summary>
    /// Connects, subscribes to <paramref name="topics"/>, delivers to <paramref name="handler"/>, and connects again
    /// whenever the connection is lost, until cancelled.
    /// </summary>
    Task RunAsync(IReadOnlyList<string> topics, MqttHandler handler, CancellationToken cancellationToken);

    /// <summary>
    /// Queues a message for QoS 1; it waits in memory while there is no broker. A full queue drops by
    /// <see cref="PublishKind"/>, and counts.
    /// </summary>
    void Publish(PublishKind kind, string topic, ReadOnlyMemory<byte> payload);
}
