using EdgeSync.CloudCore.CloudHub;
using EdgeSync.CloudCore.Ledger;
using EdgeSync.Hosting.Tunnel;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.CloudStream;

/// <summary>
/// The newest stream tunnel of each node. A node of ours has none while nobody wants anything of it: it is asked for one over its session.
/// </summary>
internal sealed class NodeTunnels(SessionRegistry sessions, Func<string, DateTimeOffset?> lastHeard, TimeProvider time)
{
    /// <summary>The other replica that has a node, where there are several; null for none.</summary>
    public Func<string, string?> ReplicaOf { get; init; } = _ => null;

    /// <summary>How long a node has to open its tunnel.</summary>
    public static readonly TimeSpan OpenTimeout = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, TunnelSession> _tunnels = new(StringComparer.Ordinal); // guarded by _gate
    private readonly Dictionary<string, TaskCompletionSource<TunnelSession>> _awaited = new(StringComparer.Ordinal); // guarded by _gate

    /// <summary>Tunnels that are open.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _tunnels.Count;
            }
        }
    }

    /// <summary>Streams of all of them.</summary>
    public int StreamCount
    {
        get
        {
            lock (_gate)
            {
                return _tunnels.Values.Sum(t => t.StreamCount);
            }
        }
    }

    /// <summary>A node has opened a tunnel; an older one of it ends.</summary>
    public void Enter(string node, TunnelSession tunnel)
    {
        TunnelSession? older;
        TaskCompletionSource<TunnelSession>? awaited;
        lock (_gate)
        {
            _tunnels.TryGetValue(node, out older);
            _tunnels[node] = tunnel;
            _awaited.Remove(node, out awaited);
        }

        awaited?.TrySetResult(tunnel);
        older?.End("a newer tunnel of this node took over");
    }

    /// <summary>A tunnel is over.</summary>
    public void Leave(string node, TunnelSession tunnel)
    {
        lock (_gate)
        {
            if (_tunnels.GetValueOrDefault(node) == tunnel)
            {
                _tunnels.Remove(node);
            }
        }
    }

    /// <summary>Ends the node's: another replica has the node.</summary>
    public void End(string node, string reason) => Find(node)?.End(reason);

    /// <summary>Ends all.</summary>
    public void EndAll(string reason)
    {
        TunnelSession[] all;
        lock (_gate)
        {
            all = [.. _tunnels.Values];
        }

        foreach (var tunnel in all)
        {
            tunnel.End(reason);
        }
    }

    /// <summary>The node's tunnel, which may have to be opened first.</summary>
    /// <exception cref="NodeUnreachableException">The node is away, or opens none in time.</exception>
    public async Task<TunnelSession> OfAsync(string node, CancellationToken cancellationToken)
    {
        var session = sessions.Find(node);
        if (Find(node) is { } present && (session is not null || ReplicaOf(node) is null))
        {
            return present;
        }

        if (session is null)
        {
            throw new NodeUnreachableException(AwayText(node));
        }

        Task<TunnelSession> coming;
        lock (_gate)
        {
            if (_tunnels.TryGetValue(node, out var open))
            {
                return open;
            }

            if (!_awaited.TryGetValue(node, out var awaited))
            {
                _awaited[node] = awaited = new TaskCompletionSource<TunnelSession>(TaskCreationOptions.RunContinuationsAsynchronously);
            }

            coming = awaited.Task;
        }

        await AskAsync(session, cancellationToken);
        try
        {
            return await coming.WaitAsync(OpenTimeout, time, cancellationToken);
        }
        catch (TimeoutException)
        {
            throw new NodeUnreachableException(session.Identity.Extended
                ? $"node {node} is connected, and did not open a tunnel for logs and exec within {OpenTimeout.TotalSeconds:0} s (is edgeStream enabled in its edgecore.yaml?)"
                : $"node {node} is connected, and has no tunnel for logs and exec: enable modules.edgeStream in its edgecore.yaml, with this hub as its server");
        }
    }

    private TunnelSession? Find(string node)
    {
        lock (_gate)
        {
            return _tunnels.GetValueOrDefault(node);
        }
    }

    private static async Task AskAsync(EdgeSession session, CancellationToken cancellationToken)
    {
        if (!session.Identity.Extended)
        {
            return; // it opens one by itself, or never
        }

        try
        {
            await session.AskForTunnelAsync(cancellationToken);
        }
        catch (Exception e) when (e is System.Net.WebSockets.WebSocketException or TimeoutException or IOException or ObjectDisposedException or InvalidOperationException)
        {
            throw new NodeUnreachableException($"node {session.Node} has just lost its link: {e.Message}");
        }
    }

    private string AwayText(string node)
    {
        if (ReplicaOf(node) is { } replica)
        {
            return $"node {node} is not connected to this replica of the hub: {replica} had it last; within seconds of a move the Node's status names the right one, try again";
        }

        var now = time.GetUtcNow();
        return lastHeard(node) is { } at
            ? $"node {node} is not connected: it was last heard {Ago.Text(now - at)} ago, at {KubeTime.Format(at)}"
            : $"node {node} is not connected: this hub has never heard it";
    }
}
