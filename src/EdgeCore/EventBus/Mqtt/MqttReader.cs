using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace EdgeSync.EdgeCore.EventBus.Mqtt;

/// <summary>
/// Reads what a broker sends, MQTT 3.1.1. (Version 5 puts a property block after the variable header of the same
/// packets; a reader for it would skip the block in the methods that are marked.)
/// </summary>
internal static class MqttReader
{
    private static readonly UTF8Encoding s_strictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>
    /// <c>byte type&lt;&lt;4|flags, varint length (1 to 4 bytes, 7 bits each, low first)</c>
    /// </summary>
    /// <returns>False where more bytes are needed.</returns>
    /// <exception cref="MqttProtocolException">The length has more than four bytes.</exception>
    public static bool TryReadHeader(ReadOnlySequence<byte> buffer, out MqttHeader header)
    {
        header = default;
        var reader = new SequenceReader<byte>(buffer);
        if (!reader.TryRead(out var first))
        {
            return false;
        }

        var length = 0;
        for (var i = 0; i < 4; i++)
        {
            if (!reader.TryRead(out var b))
            {
                return false;
            }

            length |= (b & 0x7f) << (7 * i);
            if ((b & 0x80) == 0)
            {
                header = new MqttHeader((MqttPacketType)(first >> 4), first & 0x0f, length, 2 + i);
                return true;
            }
        }

        throw new MqttProtocolException("a packet's length has more than four bytes");
    }

    /// <summary>CONNACK: <c>byte 0|session-present, byte return code</c>. (Version 5: then properties.)</summary>
    public static (bool SessionPresent, byte Code) ReadConnAck(ReadOnlySequence<byte> body)
    {
        var reader = new SequenceReader<byte>(body);
        return reader.TryRead(out var flags) && reader.TryRead(out var code) && flags <= 1
            ? ((flags & 1) == 1, code)
            : throw new MqttProtocolException("a malformed CONNACK");
    }

    /// <summary>PUBACK: <c>uint16 packet id</c>. (Version 5: then reason and properties.)</summary>
    public static ushort ReadPacketId(ReadOnlySequence<byte> body)
    {
        var reader = new SequenceReader<byte>(body);
        return TryReadUInt16(ref reader, out var id) && id != 0
            ? id
            : throw new MqttProtocolException("a packet without a packet id");
    }

    /// <summary>SUBACK: <c>uint16 packet id, one byte per topic: granted QoS, or 0x80 refused</c>. (Version 5: properties between.)</summary>
    public static (ushort PacketId, byte[] Codes) ReadSubAck(ReadOnlySequence<byte> body) =>
        (ReadPacketId(body), body.Slice(Math.Min(2, body.Length)).ToArray());

    /// <summary>
    /// PUBLISH: <c>uint16 length, topic, uint16 packet id (not with QoS 0), payload</c>. (Version 5: properties before
    /// the payload.) Reads the part before the payload from what is there of the packet.
    /// </summary>
    /// <returns>False where more bytes are needed.</returns>
    public static bool TryReadPublishHead(MqttHeader header, ReadOnlySequence<byte> body, out PublishHead head)
    {
        head = default;
        var qos = (header.Flags >> 1) & 3;
        if (qos > 1)
        {
            throw new MqttProtocolException($"a PUBLISH with QoS {qos}; at most 1 was subscribed");
        }

        var reader = new SequenceReader<byte>(body);
        if (!TryReadUInt16(ref reader, out var topicLength))
        {
            return Incomplete(header, 2);
        }

        var size = 2 + topicLength + (qos == 0 ? 0 : 2);
        if (topicLength == 0 || size > header.Length)
        {
            throw new MqttProtocolException("a PUBLISH whose topic does not fit its length");
        }

        if (body.Length < size)
        {
            return false;
        }

        var topic = ReadTopic(body.Slice(2, topicLength));
        reader.Advance(topicLength);
        ushort id = 0;
        if (qos == 1 && (!TryReadUInt16(ref reader, out id) || id == 0))
        {
            throw new MqttProtocolException("a PUBLISH with QoS 1 and packet id 0");
        }

        head = new PublishHead(topic, id, size);
        return true;
    }

    private static bool Incomplete(MqttHeader header, int needed) => header.Length >= needed
        ? false
        : throw new MqttProtocolException("a PUBLISH that is too short for a topic");

    private static string ReadTopic(ReadOnlySequence<byte> bytes)
    {
        try
        {
            var topic = s_strictUtf8.GetString(bytes);
            return topic.AsSpan().ContainsAny('\0', '+', '#')
                ? throw new MqttProtocolException("a PUBLISH whose topic has a NUL or a wildcard")
                : topic;
        }
        catch (DecoderFallbackException)
        {
            throw new MqttProtocolException("a PUBLISH whose topic is not UTF-8");
        }
    }

    private static bool TryReadUInt16(ref SequenceReader<byte> reader, out ushort value)
    {
        Span<byte> bytes = stackalloc byte[2];
        value = 0;
        if (!reader.TryCopyTo(bytes))
        {
            return false;
        }

        reader.Advance(2);
        value = BinaryPrimitives.ReadUInt16BigEndian(bytes);
        return true;
    }
}

/// <summary>A PUBLISH packet before its payload.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="PacketId">0 for QoS 0.</param>
/// <param name="Size">Bytes from the packet's body that this is.</param>
internal readonly record struct PublishHead(string Topic, ushort PacketId, int Size);
