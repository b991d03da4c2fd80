using System.Net;
using System.Net.Sockets;

namespace EdgeSync.TestKit;

/// <summary>
/// A TCP relay on loopback between a box and its hub. Cut, it ends what goes through it and refuses what comes, as a box
/// sees a link that is gone; restored, it listens on the same port again.
/// </summary>
public sealed class CuttableLink : IAsyncDisposable
{
    private readonly int _target;
    private readonly IPEndPoint _listening;
    private readonly Lock _gate = new();
    private readonly List<Socket> _open = []; // guarded by _gate
    private Socket? _listener;
    private Task _accepting = Task.CompletedTask;

    /// <param name="targetPort">On 127.0.0.1.</param>
    /// <param name="listening">Where it listens; null for a free port.</param>
    public CuttableLink(int targetPort, IPEndPoint? listening = null)
    {
        _target = targetPort;
        _listening = listening ?? new IPEndPoint(IPAddress.Loopback, FreePort.Next());
        Restore();
    }

    public int Port => _listening.Port;

    public string Address => _listening.ToString();

    public void Restore()
    {
        _listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        _listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        _listener.Bind(_listening);
        _listener.Listen();
        _accepting = AcceptAsync(_listener);
    }

    public async Task CutAsync()
    {
        _listener?.Dispose();
        lock (_gate)
        {
            foreach (var socket in _open)
            {
                socket.Dispose();
            }

            _open.Clear();
        }

        await _accepting;
    }

    public async ValueTask DisposeAsync() => await CutAsync();

    private async Task AcceptAsync(Socket listener)
    {
        var relays = new List<Task>();
        try
        {
            while (true)
            {
                relays.Add(RelayAsync(await listener.AcceptAsync()));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // cut
        }

        await Task.WhenAll(relays);
    }

    private async Task RelayAsync(Socket box)
    {
        using var hub = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        lock (_gate)
        {
            _open.Add(box);
            _open.Add(hub);
        }

        try
        {
            await hub.ConnectAsync(IPAddress.Loopback, _target);
            await Task.WhenAny(CopyAsync(box, hub), CopyAsync(hub, box));
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // one side is gone; the other is closed below
        }

        box.Dispose();
    }

    private static async Task CopyAsync(Socket from, Socket to)
    {
        var buffer = new byte[16 * 1024];
        try
        {
            while (await from.ReceiveAsync(buffer) is > 0 and var received)
            {
                for (var sent = 0; sent < received;)
                {
                    sent += await to.SendAsync(buffer.AsMemory(sent, received - sent));
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // the link is cut
        }
    }
}
