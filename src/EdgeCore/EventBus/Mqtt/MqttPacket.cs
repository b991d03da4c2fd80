namespace EdgeSync.EdgeCore.EventBus.Mqtt;

/// <summary>MQTT control packet types (MQTT 3.1.1 section 2.2.1): the upper half of a packet's first byte.</summary>
internal enum MqttPacketType
{
    Connect = 1,
    ConnAck = 2,
    Publish = 3,
    PubAck = 4,
    Subscribe = 8,
    SubAck = 9,
    PingReq = 12,
    PingResp = 13,
    Disconnect = 14,
}

/// <summary>The first byte and the length that every packet begins with.</summary>
/// <param name="Type">The packet's type; not checked against the known ones.</param>
/// <param name="Flags">The lower half of the first byte.</param>
/// <param name="Length">Bytes that follow the header (the "remaining length").</param>
/// <param name="HeaderLength">Bytes of the header itself, 2 to 5.</param>
internal readonly record struct MqttHeader(MqttPacketType Type, int Flags, int Length, int HeaderLength);
