using System.Buffers;
using System.Net.WebSockets;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.Hosting;

/// <summary>
/// A WebSocket that carries one <see cref="Message"/> in each text message, as KubeEdge's main channel does. One reader and
/// any number of writers at a time; it owns the socket.
/// </summary>
/// <param name="socket">An open socket.</param>
/// <param name="maxMessageBytes">
/// Longer messages end the session before more memory is taken for them; counted after decompression, piece by piece.
/// </param>
/// <param name="writeTimeout">A peer that takes nothing for so long is given up.</param>
public sealed class MessageSocket(WebSocket socket, int maxMessageBytes, TimeSpan writeTimeout) : IAsyncDisposable
{
    /// <summary>
    /// Twice the largest object that a Kubernetes API takes (3 MiB) and room for escaping: larger frames are not ours.
    /// </summary>
    public const int DefaultMaxMessageBytes = 8 << 20;

    private const int FirstBuffer = 4096;
    private const int LeastToCompress = 512;
    private static readonly TimeSpan s_closeTimeout = TimeSpan.FromSeconds(2);

    private readonly SemaphoreSlim _writing = new(1, 1);
    private long _bytesReceived;
    private long _bytesSent;

    /// <summary>Bytes of messages received, as they are without compression.</summary>
    public long BytesReceived => Interlocked.Read(ref _bytesReceived);

    /// <summary>Bytes of messages sent, likewise.</summary>
    public long BytesSent => Interlocked.Read(ref _bytesSent);

    /// <summary>The next message; null where the peer has closed.</summary>
    /// <exception cref="ProtocolException">A message that is too long or not one of ours.</exception>
    /// <exception cref="WebSocketException">The link broke.</exception>
    public async Task<Message?> ReceiveAsync(CancellationToken cancellationToken)
    {
        // an idle session holds no buffer: wait for the first byte with an empty one
        var ready = await socket.ReceiveAsync(Memory<byte>.Empty, cancellationToken);
        if (ready.MessageType == WebSocketMessageType.Close)
        {
            return null;
        }

        var buffer = ArrayPool<byte>.Shared.Rent(FirstBuffer);
        try
        {
            var length = 0;
            while (true)
            {
                var result = await socket.ReceiveAsync(buffer.AsMemory(length), cancellationToken);
                if (result.MessageType == WebSocketMessageType.Close)
                {
                    return null;
                }

                length += result.Count;
                if (length > maxMessageBytes)
                {
                    throw new ProtocolException($"message longer than {maxMessageBytes} bytes");
                }

                if (result.EndOfMessage)
                {
                    Interlocked.Add(ref _bytesReceived, length);
                    return MessageCodec.Read(buffer.AsSpan(0, length).ToArray());
                }

                if (length == buffer.Length)
                {
                    buffer = Grow(buffer, length);
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Writes a message; completes when the system has taken it.</summary>
    /// <exception cref="TimeoutException">The peer took nothing in time; the session is of no use any more.</exception>
    public async Task SendAsync(Message message, CancellationToken cancellationToken)
    {
        var output = new ArrayBufferWriter<byte>(512 + message.Content.Length);
        MessageCodec.Write(output, message);
        await _writing.WaitAsync(cancellationToken);
        try
        {
            Interlocked.Add(ref _bytesSent, output.WrittenCount);
            var flags = WebSocketMessageFlags.EndOfMessage
                | (MayCompress(message, output.WrittenCount) ? WebSocketMessageFlags.None : WebSocketMessageFlags.DisableCompression);
            var sending = socket.SendAsync(output.WrittenMemory, WebSocketMessageType.Text, flags, cancellationToken);
            if (sending.IsCompleted)
            {
                await sending;
            }
            else
            {
                // only a full link needs a clock
                await sending.AsTask().WaitAsync(writeTimeout, CancellationToken.None);
            }
        }
        catch (TimeoutException)
        {
            socket.Abort();
            throw new TimeoutException($"the peer took nothing for {writeTimeout.TotalSeconds:0} s");
        }
        finally
        {
            _writing.Release();
        }
    }

    /// <summary>Says goodbye if the peer listens, then closes in any case.</summary>
    public async Task CloseAsync(string reason)
    {
        using var deadline = new CancellationTokenSource(s_closeTimeout);
        try
        {
            if (socket.State is WebSocketState.Open or WebSocketState.CloseReceived)
            {
                await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, reason, deadline.Token);
            }
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            // the link is broken already; Abort below is all that is left to do
        }

        socket.Abort();
    }

    /// <summary>Ends the session at once, without a goodbye.</summary>
    public void Abort() => socket.Abort();

    public ValueTask DisposeAsync()
    {
        socket.Dispose();
        _writing.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>
    /// Where the peers have agreed on compression: short messages gain nothing, and one that carries a secret must not show by its
    /// length what else it contains.
    /// </summary>
    private static bool MayCompress(Message message, int length) => length >= LeastToCompress
        && !message.Resource.Contains($"/{ResourceTypes.Secret}/", StringComparison.Ordinal)
        && !message.Resource.Contains($"/{ResourceTypes.ServiceAccountToken}/", StringComparison.Ordinal);

    private byte[] Grow(byte[] buffer, int length)
    {
        var larger = ArrayPool<byte>.Shared.Rent(Math.Min(buffer.Length * 2, maxMessageBytes + 1));
        buffer.AsSpan(0, length).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(buffer);
        return larger;
    }
}
