using EdgeSync.Protocol.Wire;

namespace EdgeSync.Protocol.Tunnel;

/// <summary>What a message of the stream tunnel is; the numbers are KubeEdge's, up to <see cref="AttachConnect"/>.</summary>
public enum TunnelMessageType : ulong
{
    /// <summary>Cloud to edge: a log is wanted; answered with its bytes alone.</summary>
    LogsConnect = 0,

    /// <summary>Cloud to edge: a request is to be made; answered with the raw HTTP response, bytes both ways from there on.</summary>
    ExecConnect = 1,

    /// <summary>Cloud to edge: figures are wanted; answered with their bytes alone.</summary>
    MetricConnect = 2,

    /// <summary>Bytes of one stream.</summary>
    Data = 3,

    /// <summary>One stream is over. EdgeSync's peers say why, as text, where it did not end as it should.</summary>
    RemoveConnect = 4,

    /// <summary>Cloud to edge: the tunnel is over; the data says why.</summary>
    CloseConnect = 5,

    /// <summary>As <see cref="ExecConnect"/>.</summary>
    AttachConnect = 6,

    /// <summary>EdgeSync extension: so many more bytes of the stream may be sent (a uvarint).</summary>
    Credit = 32,
}

/// <summary>
/// One message of the stream tunnel, KubeEdge's form:
/// <code>
/// stream id (uvarint) | type (uvarint) | data (the rest)
/// </code>
/// A uvarint is LEB128: seven bits a byte, the lowest first, the highest bit says that another byte follows.
/// </summary>
/// <param name="Id">The stream; the cloud numbers them.</param>
/// <param name="Type">What it is; numbers that are not known pass through.</param>
/// <param name="Data">The rest; a view of the frame, not a copy.</param>
public readonly record struct TunnelMessage(ulong Id, TunnelMessageType Type, ReadOnlyMemory<byte> Data)
{
    /// <summary>The most that a head takes, bytes.</summary>
    public const int MaxHeadBytes = 2 * MaxVarintBytes;

    /// <summary>The most data that KubeEdge's peers read of one message; they drop what is over.</summary>
    public const int MaxDataBytes = 1 << 20;

    private const int MaxVarintBytes = 10;

    /// <summary>Takes a frame's payload apart.</summary>
    /// <exception cref="ProtocolException">It has no whole head, or a number that needs more than 64 bits.</exception>
    public static TunnelMessage Read(ReadOnlyMemory<byte> payload)
    {
        var id = ReadVarint(payload.Span, out var first);
        var type = ReadVarint(payload.Span[first..], out var second);
        return new TunnelMessage(id, (TunnelMessageType)type, payload[(first + second)..]);
    }

    /// <summary>Writes the head, to be followed by the data.</summary>
    /// <param name="head">At least <see cref="MaxHeadBytes"/>.</param>
    /// <returns>Its length.</returns>
    public int WriteHead(Span<byte> head)
    {
        var length = WriteVarint(head, Id);
        return length + WriteVarint(head[length..], (ulong)Type);
    }

    /// <summary>The number of <see cref="TunnelMessageType.Credit"/>.</summary>
    /// <exception cref="ProtocolException">The data is no uvarint alone.</exception>
    public long ReadCredit()
    {
        var credit = ReadVarint(Data.Span, out var length);
        return length == Data.Length && credit <= int.MaxValue ? (long)credit : throw new ProtocolException("a credit that is none");
    }

    /// <summary>A grant of so many bytes.</summary>
    public static TunnelMessage Grant(ulong id, int bytes)
    {
        var data = new byte[MaxVarintBytes];
        return new TunnelMessage(id, TunnelMessageType.Credit, data.AsMemory(0, WriteVarint(data, (ulong)bytes)));
    }

    private static int WriteVarint(Span<byte> to, ulong value)
    {
        var length = 0;
        while (value >= 0x80)
        {
            to[length++] = (byte)(value | 0x80);
            value >>= 7;
        }

        to[length++] = (byte)value;
        return length;
    }

    private static ulong ReadVarint(ReadOnlySpan<byte> from, out int length)
    {
        ulong value = 0;
        for (length = 0; length < from.Length && length < MaxVarintBytes;)
        {
            var part = from[length];
            if (length == MaxVarintBytes - 1 && part > 1)
            {
                break; // more than 64 bits
            }

            value |= (ulong)(part & 0x7f) << (7 * length++);
            if (part < 0x80)
            {
                return value;
            }
        }

        throw new ProtocolException("a tunnel message without a whole head");
    }
}
