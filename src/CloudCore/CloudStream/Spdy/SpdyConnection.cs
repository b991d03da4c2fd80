using System.Buffers.Binary;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.CloudCore.CloudStream.Spdy;

/// <summary>What came over a SPDY connection.</summary>
internal enum SpdyEventKind
{
    /// <summary>The peer has opened a stream.</summary>
    Opened,

    /// <summary>Bytes of a stream, in the order in which they were sent; perhaps none.</summary>
    Data,

    /// <summary>The peer has given a stream up.</summary>
    Reset,
}

/// <param name="Kind">What.</param>
/// <param name="StreamId">Of which stream.</param>
/// <param name="Headers">Of a stream that was opened.</param>
/// <param name="Data">Good until the next read.</param>
/// <param name="IsEnd">Whether the peer sends no more on the stream.</param>
internal readonly record struct SpdyEvent(
    SpdyEventKind Kind, int StreamId, IReadOnlyDictionary<string, string>? Headers, ReadOnlyMemory<byte> Data, bool IsEnd);

/// <summary>
/// SPDY/3.1 over a stream, as far as kubectl, kubelets and container runtimes use it: streams with headers, data, ends, resets, pings. None
/// of them keeps to windows, so neither does this: data is read in pieces of 32 KiB, and who does not read holds the peer up by TCP.
/// One reader, any number of writers.
/// <code>
/// control: 1 | version 3 (15 bits) | type (16) | flags (8) | length (24) | …       data: 0 | stream (31) | flags (8) | length (24) | bytes
/// </code>
/// </summary>
internal sealed class SpdyConnection : IAsyncDisposable
{
    /// <summary>The longest control frame taken; headers of streams are a few words.</summary>
    public const int MaxControlBytes = 64 * 1024;

    private const int HeadBytes = 8;
    private const int PieceBytes = 32 * 1024;
    private const byte Fin = 1;
    private const uint Control = 0x8003_0000;

    private readonly Stream _stream;
    private readonly BufferedStream _reading;
    private readonly SemaphoreSlim _writing = new(1, 1);
    private readonly SpdyHeaderReader _headersIn = new(); // the reader's, as the next four
    private readonly byte[] _head = new byte[HeadBytes];
    private readonly byte[] _piece = new byte[PieceBytes];
    private int _dataStream;
    private int _dataLeft;
    private bool _dataIsLast;
    private readonly SpdyHeaderWriter _headersOut = new(); // guarded by _writing
    private int _nextId; // guarded by _writing

    /// <param name="stream">Open and agreed on SPDY/3.1; owned from here on.</param>
    /// <param name="isServer">Whether the peer dialled.</param>
    public SpdyConnection(Stream stream, bool isServer)
    {
        _stream = stream;
        _reading = new BufferedStream(stream, PieceBytes);
        _nextId = isServer ? 2 : 1;
    }

    private enum FrameType
    {
        SynStream = 1,
        SynReply = 2,
        RstStream = 3,
        Settings = 4,
        Ping = 6,
        GoAway = 7,
        Headers = 8,
        WindowUpdate = 9,
    }

    /// <summary>What comes next; null where the peer has ended the connection.</summary>
    /// <exception cref="ProtocolException">A frame that is none.</exception>
    /// <exception cref="IOException">The connection broke.</exception>
    public async Task<SpdyEvent?> ReadAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            if (_dataLeft > 0)
            {
                return await ReadPieceAsync(cancellationToken);
            }

            var read = await _reading.ReadAtLeastAsync(_head, HeadBytes, throwOnEndOfStream: false, cancellationToken);
            if (read < HeadBytes)
            {
                return read == 0 ? null : throw new IOException("the SPDY connection ended in the middle of a frame");
            }

            var first = BinaryPrimitives.ReadUInt32BigEndian(_head);
            var flags = _head[4];
            var length = (int)(BinaryPrimitives.ReadUInt32BigEndian(_head.AsSpan(4)) & 0xff_ffff);
            if ((first & 0x8000_0000) == 0)
            {
                (_dataStream, _dataLeft, _dataIsLast) = ((int)first, length, (flags & Fin) != 0);
                if (length == 0)
                {
                    return new SpdyEvent(SpdyEventKind.Data, _dataStream, null, default, _dataIsLast);
                }
            }
            else if (await ReadControlAsync(first, flags, length, cancellationToken) is { } happened)
            {
                return happened;
            }
        }
    }

    /// <summary>Opens a stream.</summary>
    /// <returns>Its number.</returns>
    public async Task<int> OpenAsync(IReadOnlyCollection<KeyValuePair<string, string>> headers, CancellationToken cancellationToken)
    {
        await _writing.WaitAsync(cancellationToken);
        try
        {
            var id = _nextId;
            _nextId += 2;
            var block = _headersOut.Write(headers);
            var body = new byte[10 + block.Length];
            BinaryPrimitives.WriteInt32BigEndian(body, id);
            block.CopyTo(body, 10);
            await WriteAsync(FrameType.SynStream, body, cancellationToken);
            return id;
        }
        finally
        {
            _writing.Release();
        }
    }

    /// <summary>Takes a stream that the peer has opened.</summary>
    public async Task AcceptAsync(int id, CancellationToken cancellationToken)
    {
        await _writing.WaitAsync(cancellationToken);
        try
        {
            var block = _headersOut.Write([]);
            var body = new byte[4 + block.Length];
            BinaryPrimitives.WriteInt32BigEndian(body, id);
            block.CopyTo(body, 4);
            await WriteAsync(FrameType.SynReply, body, cancellationToken);
        }
        finally
        {
            _writing.Release();
        }
    }

    /// <summary>Sends bytes, perhaps none, and perhaps the stream's end.</summary>
    public async Task SendAsync(int id, ReadOnlyMemory<byte> data, bool isEnd, CancellationToken cancellationToken)
    {
        var frame = new byte[HeadBytes + data.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, id);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(4), data.Length);
        frame[4] = isEnd ? Fin : (byte)0;
        data.CopyTo(frame.AsMemory(HeadBytes));
        await _writing.WaitAsync(cancellationToken);
        try
        {
            await _stream.WriteAsync(frame, cancellationToken);
            await _stream.FlushAsync(cancellationToken);
        }
        finally
        {
            _writing.Release();
        }
    }

    /// <summary>Refuses a stream that the peer has opened.</summary>
    public Task RefuseAsync(int id, CancellationToken cancellationToken)
    {
        const int RefusedStream = 3;
        var body = new byte[8];
        BinaryPrimitives.WriteInt32BigEndian(body, id);
        BinaryPrimitives.WriteInt32BigEndian(body.AsSpan(4), RefusedStream);
        return SendControlAsync(FrameType.RstStream, body, cancellationToken);
    }

    /// <summary>Says that the connection is over as it should be.</summary>
    public Task GoAwayAsync(CancellationToken cancellationToken) => SendControlAsync(FrameType.GoAway, new byte[8], cancellationToken);

    public async ValueTask DisposeAsync()
    {
        _headersIn.Dispose();
        await _stream.DisposeAsync();
    }

    private async Task<SpdyEvent> ReadPieceAsync(CancellationToken cancellationToken)
    {
        var read = await _reading.ReadAsync(_piece.AsMemory(0, Math.Min(_dataLeft, PieceBytes)), cancellationToken);
        if (read == 0)
        {
            throw new IOException("the SPDY connection ended in the middle of a frame");
        }

        _dataLeft -= read;
        return new SpdyEvent(SpdyEventKind.Data, _dataStream, null, _piece.AsMemory(0, read), _dataIsLast && _dataLeft == 0);
    }

    private async Task<SpdyEvent?> ReadControlAsync(uint first, byte flags, int length, CancellationToken cancellationToken)
    {
        if ((first & 0xffff_0000) != Control || length > MaxControlBytes)
        {
            throw new ProtocolException(length > MaxControlBytes ? $"a SPDY control frame of {length} bytes" : "a frame that is not SPDY/3's");
        }

        var body = new byte[length];
        await _reading.ReadExactlyAsync(body, cancellationToken);
        var type = (FrameType)(first & 0xffff);
        switch (type)
        {
            case FrameType.SynStream when length >= 10:
                return new SpdyEvent(SpdyEventKind.Opened, Id(body), _headersIn.Read(body.AsSpan(10)), default, (flags & Fin) != 0);
            case FrameType.SynReply or FrameType.Headers when length >= 4:
                // nothing in them is of use, but the blocks are one compressed stream
                _headersIn.Read(body.AsSpan(4));
                return (flags & Fin) != 0 ? new SpdyEvent(SpdyEventKind.Data, Id(body), null, default, true) : null;
            case FrameType.RstStream when length == 8:
                return new SpdyEvent(SpdyEventKind.Reset, Id(body), null, default, true);
            case FrameType.Ping when length == 4:
                await AnswerPingAsync(body, cancellationToken);
                return null;
            case FrameType.Settings or FrameType.GoAway or FrameType.WindowUpdate:
                return null;
            default:
                throw new ProtocolException($"a SPDY control frame of type {(int)type} and {length} bytes");
        }
    }

    /// <summary>Odd numbers are a client's pings, even ones a server's: an answer to none of ours.</summary>
    private async Task AnswerPingAsync(byte[] body, CancellationToken cancellationToken)
    {
        await SendControlAsync(FrameType.Ping, body, cancellationToken);
    }

    private static int Id(byte[] body) => BinaryPrimitives.ReadInt32BigEndian(body) & 0x7fff_ffff;

    private async Task SendControlAsync(FrameType type, byte[] body, CancellationToken cancellationToken)
    {
        await _writing.WaitAsync(cancellationToken);
        try
        {
            await WriteAsync(type, body, cancellationToken);
        }
        finally
        {
            _writing.Release();
        }
    }

    private async Task WriteAsync(FrameType type, byte[] body, CancellationToken cancellationToken)
    {
        var frame = new byte[HeadBytes + body.Length];
        BinaryPrimitives.WriteUInt32BigEndian(frame, Control | (uint)type);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(4), body.Length);
        body.CopyTo(frame, HeadBytes);
        await _stream.WriteAsync(frame, cancellationToken);
        await _stream.FlushAsync(cancellationToken);
    }
}
