using System.Collections.Concurrent;
using EdgeSync.CloudCore.CloudHub;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.CloudCore.Replicas;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.CloudCore.Ledger;

/// <summary>
/// What the hub knows of every node beyond its present session: when it was last heard, why it left, what it held then and what
/// changed since. In memory; after a restart of the hub the leases tell when each node was last heard. Sessions feed it
/// by a few calls.
/// </summary>
internal sealed class NodeLedger : IDisposable
{
    private static readonly TimeSpan s_leaseSlack = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<string, NodeRecord> _records = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, IDisposable> _listening = new(StringComparer.Ordinal);
    private readonly NodeScope _scope;
    private readonly HubInformers _caches;
    private readonly OutageReporter _reporter;
    private readonly TimeSpan _outageLimit; // shorter times away are not reported: they are what a weak link does all day
    private readonly TimeSpan _leaseSpread; // the leases of nodes that were in contact together are not further apart
    private readonly TimeProvider _time;
    private readonly IDisposable _nodes;

    public NodeLedger(NodeScope scope, HubInformers caches, OutageReporter reporter, TimeSpan outageLimit, TimeSpan leaseInterval, TimeProvider time)
    {
        _scope = scope;
        _caches = caches;
        _reporter = reporter;
        _outageLimit = outageLimit;
        _leaseSpread = leaseInterval + s_leaseSlack;
        _time = time;
        StartedAt = time.GetUtcNow();
        _nodes = caches.Nodes.Subscribe(OnNode);
    }

    public DateTimeOffset StartedAt { get; }

    public LedgerTotals Totals { get; } = new();

    /// <summary>With several replicas: this one. Null where the hub is alone.</summary>
    public string? Replica { get; init; }

    /// <summary>Every node that this hub has heard of.</summary>
    public IEnumerable<NodeRecord> Records => _records.Select(r => r.Value);

    public NodeRecord? Find(string node) => _records.GetValueOrDefault(node);

    /// <summary>
    /// Takes from the leases when each node was last heard before this hub. A node whose lease is about as new as the newest
    /// was in contact until the hub itself went away: its silence is the hub's, and no outage.
    /// </summary>
    public void Seed(IEnumerable<(string Node, DateTimeOffset Renewed)> leases)
    {
        var all = leases.ToList();
        if (all.Count == 0)
        {
            return;
        }

        var hubLeft = all.Max(l => l.Renewed);
        foreach (var (node, renewed) in all)
        {
            var record = _records.GetOrAdd(node, n => new NodeRecord(n, Totals));
            record.Seed(renewed, awaySince: hubLeft - renewed < _leaseSpread ? StartedAt : renewed);
        }
    }

    /// <summary>A session begins: before anything that the node sends is taken.</summary>
    public NodeRecord Opened(EdgeSession session)
    {
        var record = _records.GetOrAdd(session.Node, n => new NodeRecord(n, Totals));
        Totals.Connected();
        var since = session.Identity.WasElsewhere ? session.Identity.HeardElsewhere : record.State.AwaySince;
        var outage = since is { } left && session.ConnectedAt - left >= _outageLimit
            ? new Outage(left, session.ConnectedAt, RestartsOf(session.Node))
            : null;
        record.Opened(session.Identity, outage);
        if (_listening.TryRemove(session.Node, out var listener))
        {
            listener.Dispose();
        }

        return record;
    }

    /// <summary>The node holds everything that it should, for the first time in its session.</summary>
    public void CaughtUp(NodeRecord record)
    {
        var before = record.CaughtUp();
        if (before.Outage is not { } outage)
        {
            return;
        }

        var updates = before.Away?.Settle(key => _scope.Lookup(record.Node, key));
        _reporter.Offer(new EndedOutage(
            record, outage, updates?.Applied ?? Math.Max(0, outage.Differing), updates?.Superseded, _time.GetUtcNow()));
    }

    /// <summary>The session has ended; no newer one of the node has begun yet.</summary>
    public void Closed(EdgeSession session, NodeRecord record, string reason)
    {
        Totals.Ended(session.BytesSent, session.BytesReceived, session.ResentCount);
        var (held, pending) = session.Holdings();
        var away = new AwayObjects(held, pending, record.State.Away);
        record.Closed(session, _time.GetUtcNow(), reason, away);
        if (ReplicaOf(session.Node) is not null)
        {
            record.WentElsewhere();
            return;
        }

        _listening[session.Node] = _scope.Observe(session.Node, away.Note);
    }

    /// <summary>The other replica that has the node, by the caches; null where this one had it last, or the hub is alone.</summary>
    public string? ReplicaOf(string node) =>
        Replica is not null && _caches.Nodes.Get(new NamespacedName("", node)) is { } found && NodeClaim.Of(found) is { } claim && claim.Replica != Replica
            ? claim.Replica
            : null;

    /// <summary>Restarts of the node's pods as the cache has them, by UID.</summary>
    public IReadOnlyDictionary<string, int> RestartsOf(string node) =>
        PodRestarts.Count(_scope.KeysOf(node)
            .Where(k => k.Type == ResourceTypes.Pod)
            .Select(k => _scope.Lookup(node, k))
            .OfType<KubeObject>());

    public void Dispose()
    {
        _nodes.Dispose();
        foreach (var listener in _listening.Values)
        {
            listener.Dispose();
        }
    }

    /// <summary>A node that was taken out of the API is forgotten, and so is what one held that another replica has now.</summary>
    private void OnNode(InformerChange change)
    {
        var node = change.Name.Name;
        if (change.New is null && _caches.Nodes.HasSynced)
        {
            _records.TryRemove(node, out _);
        }
        else if (Replica is not null && change.New is not null && NodeClaim.Of(change.New) is { } claim && claim.Replica != Replica)
        {
            _records.GetValueOrDefault(node)?.WentElsewhere();
        }
        else
        {
            return;
        }

        if (_listening.TryRemove(node, out var listener))
        {
            listener.Dispose();
        }
    }
}
