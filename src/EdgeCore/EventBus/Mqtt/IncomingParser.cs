using System.Buffers;

namespace EdgeSync.EdgeCore.EventBus.Mqtt;

/// <summary>A packet from the broker, read.</summary>
/// <param name="Type">Its type.</param>
/// <param name="PacketId">Of a PUBACK or SUBACK.</param>
/// <param name="Message">Of a PUBLISH.</param>
/// <param name="SubscribeRefused">Of a SUBACK: a topic was refused.</param>
internal readonly record struct IncomingPacket(
    MqttPacketType Type, ushort PacketId = 0, MqttMessage? Message = null, bool SubscribeRefused = false);

/// <summary>
/// Cuts the stream of one connection into packets. A PUBLISH that is too long is skipped as it comes in, without being
/// held, and reported by its topic; another packet that is too long ends the connection.
/// </summary>
internal sealed class IncomingParser(int maxPacketBytes)
{
    private MqttMessage? _skipped;
    private long _skip;

    /// <summary>Reads all whole packets of <paramref name="buffer"/> into <paramref name="packets"/>.</summary>
    /// <returns>Up to where the buffer is used up.</returns>
    /// <exception cref="MqttProtocolException">The bytes are not MQTT 3.1.1 as a broker sends it.</exception>
    public SequencePosition Parse(ReadOnlySequence<byte> buffer, List<IncomingPacket> packets)
    {
        while (true)
        {
            if (_skipped is not null)
            {
                var available = Math.Min(_skip, buffer.Length);
                buffer = buffer.Slice(available);
                _skip -= available;
                if (_skip > 0)
                {
                    return buffer.Start;
                }

                packets.Add(new IncomingPacket(MqttPacketType.Publish, Message: _skipped));
                _skipped = null;
            }

            if (!TryParseOne(ref buffer, packets))
            {
                return buffer.Start;
            }
        }
    }

    private bool TryParseOne(ref ReadOnlySequence<byte> buffer, List<IncomingPacket> packets)
    {
        if (!MqttReader.TryReadHeader(buffer, out var header))
        {
            return false;
        }

        var body = buffer.Slice(header.HeaderLength);
        if (header.Length > maxPacketBytes)
        {
            return TryBeginSkip(header, body, ref buffer);
        }

        if (body.Length < header.Length)
        {
            return false;
        }

        body = body.Slice(0, header.Length);
        packets.Add(Read(header, body));
        buffer = buffer.Slice(body.End);
        return true;
    }

    private bool TryBeginSkip(MqttHeader header, ReadOnlySequence<byte> body, ref ReadOnlySequence<byte> buffer)
    {
        if (header.Type != MqttPacketType.Publish)
        {
            throw new MqttProtocolException($"a packet of type {(int)header.Type} with {header.Length} bytes");
        }

        if (!MqttReader.TryReadPublishHead(header, body, out var head))
        {
            return false;
        }

        _skip = header.Length - head.Size;
        _skipped = new MqttMessage(head.Topic, default, head.PacketId, TooLong: header.Length - head.Size, Again: (header.Flags & 8) != 0);
        buffer = body.Slice(head.Size);
        return true;
    }

    private static IncomingPacket Read(MqttHeader header, ReadOnlySequence<byte> body)
    {
        switch (header.Type)
        {
            case MqttPacketType.Publish:
                if (!MqttReader.TryReadPublishHead(header, body, out var head))
                {
                    throw new MqttProtocolException("a PUBLISH whose topic does not fit its length");
                }

                var message = new MqttMessage(head.Topic, body.Slice(head.Size).ToArray(), head.PacketId, Again: (header.Flags & 8) != 0);
                return new IncomingPacket(header.Type, Message: message);
            case MqttPacketType.PubAck:
                return new IncomingPacket(header.Type, MqttReader.ReadPacketId(body));
            case MqttPacketType.SubAck:
                var (id, codes) = MqttReader.ReadSubAck(body);
                return new IncomingPacket(header.Type, id, SubscribeRefused: codes.Length == 0 || codes.Any(c => c > 2));
            default:
                return new IncomingPacket(header.Type);
        }
    }
}
