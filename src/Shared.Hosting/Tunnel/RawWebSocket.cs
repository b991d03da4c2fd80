using System.Buffers;
using System.Security.Cryptography;
using EdgeSync.Protocol.Tunnel;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.Hosting.Tunnel;

/// <summary>
/// A WebSocket over an upgraded stream whose text messages may hold any bytes, as KubeEdge's stream tunnel needs
/// (<see cref="WebSocketFrame"/>). One reader and any number of writers at a time; it owns the stream. Pings are answered while
/// somebody reads.
/// </summary>
/// <param name="stream">The stream after the handshake.</param>
/// <param name="isClient">Whether this side dialled: a client masks what it sends.</param>
/// <param name="maxMessageBytes">A longer message ends the connection before memory is taken for it.</param>
/// <param name="writeTimeout">A peer that takes nothing for so long is given up.</param>
/// <param name="time">The clock.</param>
public sealed class RawWebSocket(Stream stream, bool isClient, int maxMessageBytes, TimeSpan writeTimeout, TimeProvider time) : IAsyncDisposable
{
    private const int BufferBytes = 32 * 1024;

    private readonly SemaphoreSlim _writing = new(1, 1);
    private readonly byte[] _buffer = new byte[BufferBytes]; // the reader's, as the two below
    private int _begin;
    private int _end;
    private long _lastHeard = time.GetTimestamp();
    private int _disposed;

    /// <summary>Time since anything came from the peer.</summary>
    public TimeSpan Silence => time.GetElapsedTime(Interlocked.Read(ref _lastHeard));

    /// <summary>The next message, text or binary; null where the peer has closed.</summary>
    /// <exception cref="ProtocolException">A frame that RFC 6455 does not allow, or a message that is too long.</exception>
    /// <exception cref="IOException">The link broke.</exception>
    public async Task<byte[]?> ReceiveAsync(CancellationToken cancellationToken)
    {
        byte[] message = [];
        var begun = false;
        while (await ReadHeadAsync(cancellationToken) is { } frame)
        {
            if (frame.IsControl)
            {
                if (!await HandleControlAsync(frame, cancellationToken))
                {
                    return null;
                }

                continue;
            }

            if (frame.Opcode == WebSocketOpcode.Continuation != begun)
            {
                throw new ProtocolException("WebSocket frames out of order");
            }

            if (frame.Length > maxMessageBytes - message.Length)
            {
                throw new ProtocolException($"a WebSocket message longer than {maxMessageBytes} bytes");
            }

            begun = true;
            var start = message.Length;
            Array.Resize(ref message, start + (int)frame.Length);
            await ReadPayloadAsync(message.AsMemory(start), frame.Mask, cancellationToken);
            if (frame.IsFinal)
            {
                return message;
            }
        }

        return null;
    }

    /// <summary>Writes one text message of two parts; completes when the system has taken it.</summary>
    /// <exception cref="IOException">The link broke, or the peer took nothing in time: the connection is of no use any more.</exception>
    public Task SendAsync(ReadOnlyMemory<byte> head, ReadOnlyMemory<byte> data, CancellationToken cancellationToken) =>
        WriteAsync(WebSocketOpcode.Text, head, data, cancellationToken);

    /// <summary>Asks for a sign of life.</summary>
    public Task PingAsync(CancellationToken cancellationToken) =>
        WriteAsync(WebSocketOpcode.Ping, "ping you"u8.ToArray(), default, cancellationToken);

    /// <summary>Says goodbye, within a second; the stream is closed by <see cref="DisposeAsync"/>.</summary>
    public async Task CloseAsync()
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(1), time);
        try
        {
            await WriteAsync(WebSocketOpcode.Close, new byte[] { 0x03, 0xe8 }, default, deadline.Token); // 1000: normal
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // nobody is there to hear it
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            await stream.DisposeAsync();
        }
    }

    private async Task<WebSocketFrame?> ReadHeadAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            if (WebSocketFrame.TryRead(_buffer.AsSpan(_begin, _end - _begin), masked: !isClient, out var frame, out var length))
            {
                _begin += length;
                return frame;
            }

            if (!await FillAsync(cancellationToken))
            {
                return _begin == _end ? null : throw new IOException("the peer ended the connection in the middle of a frame");
            }
        }
    }

    private async Task<bool> FillAsync(CancellationToken cancellationToken)
    {
        if (_begin == _end)
        {
            _begin = _end = 0;
        }
        else if (_end == _buffer.Length)
        {
            // only ever part of a head
            _buffer.AsSpan(_begin, _end - _begin).CopyTo(_buffer);
            (_begin, _end) = (0, _end - _begin);
        }

        var read = await stream.ReadAsync(_buffer.AsMemory(_end), cancellationToken);
        _end += read;
        Interlocked.Exchange(ref _lastHeard, time.GetTimestamp());
        return read > 0;
    }

    private async Task ReadPayloadAsync(Memory<byte> payload, uint? mask, CancellationToken cancellationToken)
    {
        for (var done = 0; done < payload.Length;)
        {
            if (_begin == _end && !await FillAsync(cancellationToken))
            {
                throw new IOException("the peer ended the connection in the middle of a frame");
            }

            var part = Math.Min(_end - _begin, payload.Length - done);
            _buffer.AsSpan(_begin, part).CopyTo(payload.Span[done..]);
            _begin += part;
            done += part;
        }

        if (mask is { } key)
        {
            WebSocketFrame.Apply(payload.Span, key, 0);
        }
    }

    /// <returns>False where it was the peer's goodbye.</returns>
    private async Task<bool> HandleControlAsync(WebSocketFrame frame, CancellationToken cancellationToken)
    {
        var payload = new byte[frame.Length];
        await ReadPayloadAsync(payload, frame.Mask, cancellationToken);
        switch (frame.Opcode)
        {
            case WebSocketOpcode.Close:
                await CloseAsync();
                return false;
            case WebSocketOpcode.Ping:
                await WriteAsync(WebSocketOpcode.Pong, payload, default, cancellationToken);
                break;
        }

        return true;
    }

    private async Task WriteAsync(WebSocketOpcode opcode, ReadOnlyMemory<byte> head, ReadOnlyMemory<byte> data, CancellationToken cancellationToken)
    {
        var length = head.Length + data.Length;
        uint? mask = isClient ? BitConverter.ToUInt32(RandomNumberGenerator.GetBytes(4)) : null;
        var buffer = ArrayPool<byte>.Shared.Rent(WebSocketFrame.MaxHeadBytes + length);
        try
        {
            var start = new WebSocketFrame(opcode, true, length, mask).Write(buffer);
            head.CopyTo(buffer.AsMemory(start));
            data.CopyTo(buffer.AsMemory(start + head.Length));
            if (mask is { } key)
            {
                WebSocketFrame.Apply(buffer.AsSpan(start, length), key, 0);
            }

            await WriteAsync(buffer.AsMemory(0, start + length), cancellationToken);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private async Task WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        await _writing.WaitAsync(cancellationToken);
        using var deadline = new CancellationTokenSource(writeTimeout, time);
        try
        {
            ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);

            // a frame that has begun must not be given up half way: only the deadline ends it, and then the connection
            await stream.WriteAsync(bytes, deadline.Token);
            await stream.FlushAsync(deadline.Token);
        }
        catch (OperationCanceledException e)
        {
            await DisposeAsync();
            throw new IOException($"the peer took nothing for {writeTimeout.TotalSeconds:0} s", e);
        }
        catch (Exception e) when (e is ObjectDisposedException or InvalidOperationException)
        {
            throw new IOException("the connection is closed", e); // each stream has its own way to say so
        }
        finally
        {
            _writing.Release();
        }
    }
}
