using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace EdgeSync.EdgeCore.Tests.Link;

/// <summary>A TCP proxy on a port of its own that counts bytes, and can swallow what goes one way without closing anything.</summary>
internal sealed class TcpProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentBag<Task> _running = [];
    private readonly ConcurrentBag<TcpClient> _clients = [];
    private readonly int _target;
    private long _up;
    private long _down;

    public TcpProxy(int target)
    {
        _target = target;
        _listener.Start();
        _running.Add(AcceptAsync());
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>What the client sends is lost.</summary>
    public volatile bool SwallowsUp;

    /// <summary>What the server sends is lost.</summary>
    public volatile bool SwallowsDown;

    public long BytesUp => Interlocked.Read(ref _up);

    public long BytesDown => Interlocked.Read(ref _down);

    /// <summary>Ends every connection; the bytes until then, up and down.</summary>
    public (long Up, long Down) Cut()
    {
        var bytes = (BytesUp, BytesDown);
        while (_clients.TryTake(out var client))
        {
            client.Dispose();
        }

        return bytes;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        Cut();

        await Task.WhenAll(_running);
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                var server = new TcpClient { NoDelay = true };
                client.NoDelay = true;
                _clients.Add(client);
                _clients.Add(server);
                await server.ConnectAsync(IPAddress.Loopback, _target, _stop.Token);
                _running.Add(PumpAsync(client, server, () => SwallowsUp, count => Interlocked.Add(ref _up, count)));
                _running.Add(PumpAsync(server, client, () => SwallowsDown, count => Interlocked.Add(ref _down, count)));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // the test is over
        }
    }

    private async Task PumpAsync(TcpClient from, TcpClient to, Func<bool> swallows, Action<int> count)
    {
        var buffer = new byte[16 * 1024];
        try
        {
            while (await from.GetStream().ReadAsync(buffer, _stop.Token) is > 0 and var length)
            {
                count(length);
                if (!swallows())
                {
                    await to.GetStream().WriteAsync(buffer.AsMemory(0, length), _stop.Token);
                }
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            // one end has closed
        }

        if (!swallows())
        {
            to.Dispose();
        }
    }
}
