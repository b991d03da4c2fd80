using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using EdgeSync.Protocol.Tunnel;

namespace EdgeSync.Hosting.Tunnel;

/// <summary>
/// One stream of a tunnel: bytes both ways, ended by either side. What has come and was not read is bounded: EdgeSync's peers send no more
/// than a window beyond what was read, so a reader that does not read holds up its own stream and no other. One reader and one writer at a time.
/// </summary>
public sealed class TunnelStream : Stream
{
    /// <summary>Bytes that a peer may send before it needs a grant.</summary>
    public const int WindowBytes = 256 * 1024;

    /// <summary>Bytes of one message: small, so that streams share a thin link fairly.</summary>
    internal const int ChunkBytes = 16 * 1024;

    private const int MaxReasonBytes = 1024;

    private readonly TunnelSession _session;
    private readonly Pipe _received = new(new PipeOptions(pauseWriterThreshold: 0, resumeWriterThreshold: 0, useSynchronizationContext: false));
    private readonly WakeSignal _room = new();
    private readonly CancellationTokenSource _ended = new();
    private readonly Lock _gate = new();
    private long _credit = WindowBytes; // guarded by _gate: how much may be sent
    private long _unread; // guarded by _gate
    private int _read; // the reader's: since the last grant
    private bool _over; // guarded by _gate: no more comes
    private string _reason = ""; // guarded by _gate: why, where it is not as it should be
    private int _closed;

    internal TunnelStream(TunnelSession session, ulong id)
    {
        _session = session;
        Id = id;
    }

    public ulong Id { get; }

    /// <summary>Signals that the peer, or the tunnel, has ended the stream; what came before can still be read.</summary>
    public CancellationToken Ended => _ended.Token;

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>What came and was not read, bytes.</summary>
    internal long Unread
    {
        get
        {
            lock (_gate)
            {
                return _unread;
            }
        }
    }

    /// <returns>0 at the end.</returns>
    /// <exception cref="IOException">The end, where the peer gave a reason or the tunnel is gone.</exception>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.Length == 0)
        {
            return 0;
        }

        var result = await _received.Reader.ReadAsync(cancellationToken);
        var length = (int)Math.Min(buffer.Length, result.Buffer.Length);
        if (length == 0)
        {
            _received.Reader.AdvanceTo(result.Buffer.Start);
            lock (_gate)
            {
                return _reason.Length == 0 ? 0 : throw new IOException(_reason);
            }
        }

        result.Buffer.Slice(0, length).CopyTo(buffer.Span);
        _received.Reader.AdvanceTo(result.Buffer.GetPosition(length));
        await NoteReadAsync(length);
        return length;
    }

    /// <summary>Completes when the tunnel has taken all; waits while the peer does not read.</summary>
    /// <exception cref="IOException">The stream is over.</exception>
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (buffer.Length > 0)
        {
            var part = buffer[..await RoomAsync(Math.Min(buffer.Length, ChunkBytes), cancellationToken)];
            await _session.SendAsync(new TunnelMessage(Id, TunnelMessageType.Data, part), cancellationToken);
            buffer = buffer[part.Length..];
        }
    }

    /// <summary>Ends the stream for both sides.</summary>
    /// <param name="reason">What went wrong; empty where nothing did. KubeEdge's peers are not told.</param>
    public async Task CloseAsync(string reason)
    {
        if (Interlocked.Exchange(ref _closed, 1) != 0)
        {
            return;
        }

        bool told;
        lock (_gate)
        {
            told = _over;
            _over = true;
            _reason = _reason.Length > 0 ? _reason : "the stream is closed";
        }

        _session.Forget(this);
        _room.Set();
        await _ended.CancelAsync();
        await _received.Writer.CompleteAsync();
        if (!told || _session.AnswersEnds)
        {
            await _session.SendRemoveAsync(Id, Clip(reason));
        }
    }

    public override async ValueTask DisposeAsync()
    {
        await CloseAsync("");
        await base.DisposeAsync();
    }

    public override void Flush()
    {
        // what is written has been taken
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("read it asynchronously");

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("write it asynchronously");

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    /// <summary>Takes what the peer sent; the tunnel's reader calls it.</summary>
    /// <returns>False where the peer has sent more than its window.</returns>
    internal async ValueTask<bool> ReceiveAsync(ReadOnlyMemory<byte> data)
    {
        lock (_gate)
        {
            if (_over)
            {
                return true; // it crossed with our end
            }

            if (_session.IsExtended && _unread + data.Length > WindowBytes)
            {
                return false;
            }

            _unread += data.Length;
        }

        await _received.Writer.WriteAsync(data);
        return true;
    }

    /// <summary>The peer may take so much more.</summary>
    internal void Grant(long bytes)
    {
        lock (_gate)
        {
            _credit = Math.Min(_credit + bytes, int.MaxValue);
        }

        _room.Set();
    }

    /// <summary>The peer or the tunnel ended it; the tunnel's reader calls it.</summary>
    internal void End(string reason)
    {
        lock (_gate)
        {
            if (_over)
            {
                return;
            }

            _over = true;
            _reason = reason;
        }

        _received.Writer.Complete();
        _room.Set();
        _ended.Cancel();
    }

    /// <summary>Completes when the reader has caught up a little; for peers that know no windows.</summary>
    internal async Task<bool> DrainsAsync(int most, TimeSpan patience, TimeProvider time, CancellationToken cancellationToken)
    {
        var since = time.GetTimestamp();
        while (Unread > most)
        {
            if (_ended.IsCancellationRequested)
            {
                return true;
            }

            if (time.GetElapsedTime(since) > patience)
            {
                return false;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(20), time, cancellationToken);
        }

        return true;
    }

    protected override void Dispose(bool disposing)
    {
        // only the asynchronous way can tell the peer
        base.Dispose(disposing);
    }

    private static string Clip(string reason)
    {
        while (Encoding.UTF8.GetByteCount(reason) > MaxReasonBytes)
        {
            reason = reason[..(reason.Length / 2)];
        }

        return reason;
    }

    private async ValueTask NoteReadAsync(int length)
    {
        bool over;
        lock (_gate)
        {
            _unread -= length;
            over = _over;
        }

        _read += length;
        if (_session.IsExtended && !over && _read >= WindowBytes / 4)
        {
            var grant = _read;
            _read = 0;
            await _session.SendGrantAsync(Id, grant);
        }
    }

    private async Task<int> RoomAsync(int wanted, CancellationToken cancellationToken)
    {
        while (true)
        {
            lock (_gate)
            {
                if (_over)
                {
                    throw new IOException(_reason.Length > 0 ? _reason : "the peer has ended the stream");
                }

                if (!_session.IsExtended)
                {
                    return wanted;
                }

                if (_credit > 0)
                {
                    var part = (int)Math.Min(wanted, _credit);
                    _credit -= part;
                    return part;
                }
            }

            await _room.WaitAsync(cancellationToken);
        }
    }
}
