using System.Net.WebSockets;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.CloudCore.CloudStream.RemoteCommand;

/// <summary>
/// A client that speaks WebSocket with <c>v5.channel.k8s.io</c> or <c>v4.channel.k8s.io</c>: the first byte of each message is the channel.
/// In v5 a message of the bytes 255 and a channel ends that channel.
/// </summary>
internal sealed class WebSocketClient(WebSocket socket) : IRemoteClient
{
    /// <summary>The protocols, best first.</summary>
    public static readonly string[] Protocols = ["v5.channel.k8s.io", "v4.channel.k8s.io"];

    private const byte CloseSignal = 255;
    private const int PieceBytes = 32 * 1024;
    private static readonly TimeSpan s_closeTimeout = TimeSpan.FromSeconds(2);

    private readonly SemaphoreSlim _writing = new(1, 1);
    private readonly byte[] _buffer = new byte[PieceBytes];
    private int _channel = -1; // of the message that is being read

    public async Task<RemoteInput?> ReadAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            ValueWebSocketReceiveResult received;
            try
            {
                received = await socket.ReceiveAsync(_buffer.AsMemory(), cancellationToken);
            }
            catch (WebSocketException)
            {
                return null; // it has gone without a goodbye
            }

            if (received.MessageType == WebSocketMessageType.Close)
            {
                return null;
            }

            var data = _buffer.AsMemory(0, received.Count);
            if (_channel < 0 && data.Length > 0)
            {
                _channel = data.Span[0];
                data = data[1..];
            }

            var channel = _channel;
            _channel = received.EndOfMessage ? -1 : channel;
            if (channel == CloseSignal && data.Length == 1)
            {
                return new RemoteInput(Channel(data.Span[0]), default, IsEnd: true);
            }

            if (channel >= 0 && data.Length > 0)
            {
                return new RemoteInput(Channel((byte)channel), data, IsEnd: false);
            }
        }
    }

    public async Task WriteAsync(RemoteChannel channel, ReadOnlyMemory<byte> data, CancellationToken cancellationToken)
    {
        var message = new byte[1 + data.Length];
        message[0] = (byte)channel;
        data.CopyTo(message.AsMemory(1));
        await _writing.WaitAsync(cancellationToken);
        try
        {
            await socket.SendAsync(message.AsMemory(), WebSocketMessageType.Binary, endOfMessage: true, cancellationToken);
        }
        catch (WebSocketException e)
        {
            throw new IOException("the client has gone", e);
        }
        finally
        {
            _writing.Release();
        }
    }

    public async Task EndAsync(CancellationToken cancellationToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(s_closeTimeout);
        try
        {
            await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "", deadline.Token);
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException or InvalidOperationException)
        {
            // it went first
        }
    }

    public ValueTask DisposeAsync()
    {
        socket.Dispose();
        _writing.Dispose();
        return ValueTask.CompletedTask;
    }

    private static RemoteChannel Channel(byte number) =>
        number is (byte)RemoteChannel.Stdin or (byte)RemoteChannel.Resize ? (RemoteChannel)number : throw new ProtocolException($"a message on channel {number}");
}
