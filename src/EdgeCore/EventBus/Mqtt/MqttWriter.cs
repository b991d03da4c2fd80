using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace EdgeSync.EdgeCore.EventBus.Mqtt;

/// <summary>Writes what a client sends, MQTT 3.1.1 (protocol level 4).</summary>
internal static class MqttWriter
{
    private const byte ProtocolLevel = 4;
    private const byte UsernameFlag = 0x80;
    private const byte PasswordFlag = 0x40;

    /// <summary>
    /// CONNECT: <c>"MQTT", byte level, byte flags, uint16 keep alive, client id [, user name [, password]]</c>, without
    /// the clean session flag: the broker keeps the session.
    /// </summary>
    public static void WriteConnect(IBufferWriter<byte> output, MqttOptions options)
    {
        var flags = options.Username.Length == 0 ? 0 : UsernameFlag | (options.Password.Length == 0 ? 0 : PasswordFlag);
        var length = 6 + 1 + 1 + 2 + StringSize(options.ClientId)
            + ((flags & UsernameFlag) == 0 ? 0 : StringSize(options.Username))
            + ((flags & PasswordFlag) == 0 ? 0 : StringSize(options.Password));
        WriteHeader(output, MqttPacketType.Connect, 0, length);
        WriteString(output, "MQTT");
        WriteBytes(output, [ProtocolLevel, (byte)flags]);
        WriteUInt16(output, (ushort)options.KeepAlive.TotalSeconds);
        WriteString(output, options.ClientId);
        if ((flags & UsernameFlag) != 0)
        {
            WriteString(output, options.Username);
        }

        if ((flags & PasswordFlag) != 0)
        {
            WriteString(output, options.Password);
        }
    }

    /// <summary>SUBSCRIBE: <c>uint16 packet id, then for each topic: string, byte QoS</c>.</summary>
    public static void WriteSubscribe(IBufferWriter<byte> output, ushort packetId, IReadOnlyList<string> topics)
    {
        WriteHeader(output, MqttPacketType.Subscribe, 2, 2 + topics.Sum(t => StringSize(t) + 1));
        WriteUInt16(output, packetId);
        foreach (var topic in topics)
        {
            WriteString(output, topic);
            WriteBytes(output, [1]);
        }
    }

    /// <summary>PUBLISH with QoS 1: <c>topic, uint16 packet id, payload</c>.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="packetId">Not 0.</param>
    /// <param name="again">True for a packet that went out on an earlier connection (DUP).</param>
    /// <param name="topic">The topic.</param>
    /// <param name="payload">The content.</param>
    public static void WritePublish(IBufferWriter<byte> output, ushort packetId, bool again, string topic, ReadOnlySpan<byte> payload)
    {
        WriteHeader(output, MqttPacketType.Publish, 2 | (again ? 8 : 0), StringSize(topic) + 2 + payload.Length);
        WriteString(output, topic);
        WriteUInt16(output, packetId);
        output.Write(payload);
    }

    /// <summary>PUBACK: <c>uint16 packet id</c>.</summary>
    public static void WritePubAck(IBufferWriter<byte> output, ushort packetId)
    {
        WriteHeader(output, MqttPacketType.PubAck, 0, 2);
        WriteUInt16(output, packetId);
    }

    /// <summary>PINGREQ, DISCONNECT: nothing but the header.</summary>
    public static void WriteEmpty(IBufferWriter<byte> output, MqttPacketType type) => WriteHeader(output, type, 0, 0);

    private static int StringSize(string text) => 2 + Encoding.UTF8.GetByteCount(text);

    private static void WriteHeader(IBufferWriter<byte> output, MqttPacketType type, int flags, int length)
    {
        var span = output.GetSpan(5);
        span[0] = (byte)(((int)type << 4) | flags);
        var used = 1;
        do
        {
            span[used++] = (byte)((length & 0x7f) | (length > 0x7f ? 0x80 : 0));
            length >>= 7;
        }
        while (length > 0);
        output.Advance(used);
    }

    private static void WriteString(IBufferWriter<byte> output, string text)
    {
        var size = Encoding.UTF8.GetByteCount(text);
        WriteUInt16(output, checked((ushort)size));
        Encoding.UTF8.GetBytes(text, output.GetSpan(size));
        output.Advance(size);
    }

    private static void WriteUInt16(IBufferWriter<byte> output, ushort value)
    {
        BinaryPrimitives.WriteUInt16BigEndian(output.GetSpan(2), value);
        output.Advance(2);
    }

    private static void WriteBytes(IBufferWriter<byte> output, ReadOnlySpan<byte> bytes) => output.Write(bytes);
}
