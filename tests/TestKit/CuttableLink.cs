using System.Net;
using System.Net.Sockets;

namespace EdgeSync.TestKit;

/// <summary>
/// A TCP relay on loopback between a box and its hub. Cut, it ends what goes through it and refuses what comes, as a box
/// sees a link that is gone; restored, it listens on the same port again.
/// </summary>
public sealed class CuttableLink : IAsyncDisposable
{
    private readonly IPEndPoint _listening;
    private readonly Lock _gate = new();
    private readonly List<Socket> _open = []; // guarded by _gate
    private readonly Queue<int> _astray = []; // guarded by _gate
    private readonly List<Socket> _boxes = []; // guarded by _gate; the boxes' ends of those
    private volatile TaskCompletionSource _cut = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Socket? _listener;
    private Task _accepting = Task.CompletedTask;

    /// <param name="targetPort">On 127.0.0.1.</param>
    /// <param name="listening">Where it listens; null for a free port.</param>
    public CuttableLink(int targetPort, IPEndPoint? listening = null)
    {
        Target = targetPort;
        _listening = listening ?? new IPEndPoint(IPAddress.Loopback, FreePort.Next());
        Restore();
    }

    public int Port => _listening.Port;

    /// <summary>The port, on 127.0.0.1, where connections lead from now on.</summary>
    public int Target { get; set; }

    public string Address => _listening.ToString();

    /// <summary>Connections that <see cref="LeadAstray"/> has still to lead.</summary>
    public int StraysLeft
    {
        get
        {
            lock (_gate)
            {
                return _astray.Count;
            }
        }
    }

    /// <summary>The next connections lead to another port, as a balancer may choose.</summary>
    public void LeadAstray(int port, int connections)
    {
        lock (_gate)
        {
            for (var i = 0; i < connections; i++)
            {
                _astray.Enqueue(port);
            }
        }
    }

    public void Restore()
    {
        _cut = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
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
            _boxes.Clear();
        }

        _cut.TrySetResult();
        await _accepting;
    }

    /// <summary>
    /// The boxes' connections end, and the hub is not told: for it they are open until the link is cut. New ones are taken.
    /// </summary>
    public void Strand()
    {
        lock (_gate)
        {
            foreach (var box in _boxes)
            {
                box.Dispose();
                _open.Remove(box);
            }

            _boxes.Clear();
        }
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
        var target = Target;
        lock (_gate)
        {
            target = _astray.TryDequeue(out var other) ? other : target;
            _open.Add(box);
            _open.Add(hub);
            _boxes.Add(box);
        }

        try
        {
            await hub.ConnectAsync(IPAddress.Loopback, target);
            await Task.WhenAny(CopyAsync(box, hub), CopyAsync(hub, box));
            if (IsStranded(box, hub))
            {
                await _cut.Task;
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // one side is gone; the other is closed below
        }

        box.Dispose();
    }

    private bool IsStranded(Socket box, Socket hub)
    {
        lock (_gate)
        {
            return _open.Contains(hub) && !_boxes.Contains(box);
        }
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
