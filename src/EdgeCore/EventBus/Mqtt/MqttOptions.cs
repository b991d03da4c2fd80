using EdgeSync.EdgeCore.Configuration;

namespace EdgeSync.EdgeCore.EventBus.Mqtt;

/// <summary>How the broker is reached, and how much is held in memory for it.</summary>
internal sealed record MqttOptions
{
    public required string Host { get; init; }

    public required int Port { get; init; }

    /// <summary>Stable: the broker keeps this client's session, and so its QoS 1 messages, while the agent is away.</summary>
    public required string ClientId { get; init; }

    public string Username { get; init; } = "";

    /// <summary>Kept out of logs.</summary>
    public string Password { get; init; } = "";

    /// <summary>
    /// The broker hears from us at least this often; when nothing comes back for as long, the connection is given up.
    /// </summary>
    public TimeSpan KeepAlive { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>For the TCP connection and the CONNACK, for the SUBACK, and for one write.</summary>
    public TimeSpan OperationTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The first wait after a lost connection; doubled up to <see cref="MaxBackoff"/>, with jitter.</summary>
    public TimeSpan MinBackoff { get; init; } = TimeSpan.FromMilliseconds(200);

    public TimeSpan MaxBackoff { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Longer incoming packets are not kept in memory.</summary>
    public int MaxPacketBytes { get; init; } = 1024 * 1024;

    /// <summary>Messages received and not yet handled; then reading stops, and the broker waits.</summary>
    public int MaxIncoming { get; init; } = 4096;

    public int MaxIncomingBytes { get; init; } = 8 * 1024 * 1024;

    /// <summary>Messages to publish, sent or not, that the broker has not confirmed; then the least needed is dropped.</summary>
    public int MaxOutgoing { get; init; } = 8192;

    public int MaxOutgoingBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>Published and not yet confirmed by the broker; a busy broker confirms late, so this limits the rate.</summary>
    public int MaxInFlight { get; init; } = 4096;

    /// <summary>From <c>modules.eventBus</c>; the client id is <c>edgesync-NODE</c>.</summary>
    /// <exception cref="FormatException">mqttServerExternal is not <c>tcp://HOST:PORT</c>.</exception>
    public static MqttOptions From(EdgeCoreConfig config)
    {
        var bus = config.Modules.EventBus;
        if (!Uri.TryCreate(bus.MqttServerExternal, UriKind.Absolute, out var server)
            || server.Scheme is not ("tcp" or "mqtt") || server.Host.Length == 0)
        {
            throw new FormatException(
                $"modules.eventBus.mqttServerExternal is \"{bus.MqttServerExternal}\"; it must be tcp://HOST:PORT, for example tcp://127.0.0.1:1883");
        }

        return new MqttOptions
        {
            Host = server.IdnHost.Trim('[', ']'),
            Port = server.Port > 0 ? server.Port : 1883,
            ClientId = $"edgesync-{config.Modules.Edged.HostnameOverride}",
            Username = bus.MqttUsername,
            Password = bus.MqttPassword,
        };
    }
}
