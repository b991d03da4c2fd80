using System.Buffers.Binary;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.Protocol.Tunnel;

/// <summary>The kinds of RFC 6455 frames.</summary>
public enum WebSocketOpcode
{
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

/// <summary>
/// The head of one RFC 6455 frame. .NET's WebSocket refuses text that is no UTF-8, as that document asks; KubeEdge's tunnel sends raw
/// bytes as text, so its frames are read here.
/// <code>
/// FIN 1 bit, reserved 3 bits, opcode 4 bits | MASK 1 bit, length 7 bits
/// [ length 16 bits where that is 126, 64 bits where it is 127 ] [ mask 4 bytes ]
/// </code>
/// </summary>
/// <param name="Opcode">The kind.</param>
/// <param name="IsFinal">Whether the message ends with it.</param>
/// <param name="Length">Of the payload, bytes.</param>
/// <param name="Mask">The key, as four bytes in their order; null where the payload is plain.</param>
public readonly record struct WebSocketFrame(WebSocketOpcode Opcode, bool IsFinal, long Length, uint? Mask)
{
    /// <summary>The longest head, bytes.</summary>
    public const int MaxHeadBytes = 14;

    /// <summary>The longest payload of a control frame.</summary>
    public const int MaxControlBytes = 125;

    /// <summary>Whether it speaks of the connection, not of a message.</summary>
    public bool IsControl => Opcode >= WebSocketOpcode.Close;

    /// <summary>Reads the head that <paramref name="bytes"/> begin with.</summary>
    /// <param name="bytes">What has come so far.</param>
    /// <param name="masked">Whether the peer is a client, whose frames must be masked (a server's must not).</param>
    /// <param name="frame">The head.</param>
    /// <param name="length">The head's own length.</param>
    /// <returns>False where more bytes are needed.</returns>
    /// <exception cref="ProtocolException">A head that RFC 6455 does not allow.</exception>
    public static bool TryRead(ReadOnlySpan<byte> bytes, bool masked, out WebSocketFrame frame, out int length)
    {
        frame = default;
        length = 2;
        if (bytes.Length < length)
        {
            return false;
        }

        var opcode = (WebSocketOpcode)(bytes[0] & 0x0f);
        var final = (bytes[0] & 0x80) != 0;
        if ((bytes[0] & 0x70) != 0 || opcode is > WebSocketOpcode.Binary and < WebSocketOpcode.Close or > WebSocketOpcode.Pong)
        {
            throw new ProtocolException("a WebSocket frame with reserved bits");
        }

        if ((bytes[1] & 0x80) != 0 != masked)
        {
            throw new ProtocolException(masked ? "a client's WebSocket frame that is not masked" : "a server's WebSocket frame that is masked");
        }

        long payload = bytes[1] & 0x7f;
        var isControl = opcode >= WebSocketOpcode.Close;
        if (isControl && (!final || payload > MaxControlBytes))
        {
            throw new ProtocolException("a WebSocket control frame that is too long or in pieces");
        }

        length += payload switch { 126 => 2, 127 => 8, _ => 0 } + (masked ? 4 : 0);
        if (bytes.Length < length)
        {
            return false;
        }

        payload = payload switch
        {
            126 => BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]),
            127 => BinaryPrimitives.ReadInt64BigEndian(bytes[2..]),
            _ => payload,
        };
        if (payload < 0)
        {
            throw new ProtocolException("a WebSocket frame longer than 63 bits can say");
        }

        frame = new WebSocketFrame(opcode, final, payload, masked ? BinaryPrimitives.ReadUInt32LittleEndian(bytes[(length - 4)..]) : null);
        return true;
    }

    /// <summary>Writes the head.</summary>
    /// <param name="head">At least <see cref="MaxHeadBytes"/>.</param>
    /// <returns>Its length.</returns>
    public int Write(Span<byte> head)
    {
        head[0] = (byte)((IsFinal ? 0x80 : 0) | (int)Opcode);
        var length = 2;
        switch (Length)
        {
            case <= MaxControlBytes:
                head[1] = (byte)Length;
                break;
            case <= ushort.MaxValue:
                head[1] = 126;
                BinaryPrimitives.WriteUInt16BigEndian(head[2..], (ushort)Length);
                length += 2;
                break;
            default:
                head[1] = 127;
                BinaryPrimitives.WriteInt64BigEndian(head[2..], Length);
                length += 8;
                break;
        }

        if (Mask is { } mask)
        {
            head[1] |= 0x80;
            BinaryPrimitives.WriteUInt32LittleEndian(head[length..], mask);
            length += 4;
        }

        return length;
    }

    /// <summary>Masks or unmasks, in place.</summary>
    /// <param name="payload">A part of a frame's payload.</param>
    /// <param name="mask">The frame's key.</param>
    /// <param name="offset">Where in the payload the part begins.</param>
    public static void Apply(Span<byte> payload, uint mask, long offset)
    {
        Span<byte> key = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(key, mask);
        for (var i = 0; i < payload.Length; i++)
        {
            payload[i] ^= key[(int)((offset + i) & 3)];
        }
    }
}
