using EdgeSync.CloudCore.KubeApi;

namespace EdgeSync.CloudCore.Controllers;

/// <summary>What the controllers see of the cluster: the shared informers, and the indexes over them.</summary>
internal sealed class ClusterView : IDisposable
{
    private readonly InformerSet _informers;
    // guarded by itself: controllers begin to follow at the same time
    private readonly List<IDisposable> _subscriptions = [];

    public ClusterView(InformerSet informers, ILoggerFactory loggers)
    {
        _informers = informers;
        DaemonSets = informers.For(ApiResources.DaemonSets);
        Leases = informers.For(ApiResources.Leases);
        Pods = new PodIndex(informers.For(ApiResources.Pods), loggers.CreateLogger<PodIndex>());
        Nodes = new NodeIndex(informers.For(ApiResources.Nodes), loggers.CreateLogger<NodeIndex>());
        Revisions = new RevisionIndex(informers.For(ApiResources.ControllerRevisions), loggers.CreateLogger<RevisionIndex>());
    }

    public Informer DaemonSets { get; }

    public Informer Leases { get; }

    public PodIndex Pods { get; }

    public NodeIndex Nodes { get; }

    public RevisionIndex Revisions { get; }

    /// <summary>
    /// Begins to follow, when every handler is set. Nodes and owners first, so that a pod's note finds them in most
    /// cases; nothing depends on it.
    /// </summary>
    public void Start()
    {
        _subscriptions.Add(Nodes.Start());
        _subscriptions.Add(Revisions.Start());
        _subscriptions.Add(Pods.Start());
    }

    /// <summary>Adds a handler for a kind that has no index of its own.</summary>
    public void Follow(Informer informer, Action<InformerChange> handler)
    {
        var subscription = informer.Subscribe(handler);
        lock (_subscriptions)
        {
            _subscriptions.Add(subscription);
        }
    }

    public Task WaitForSyncAsync(CancellationToken ct) => Task.WhenAll(
        DaemonSets.WaitForSyncAsync(ct),
        Leases.WaitForSyncAsync(ct),
        Pods.Pods.WaitForSyncAsync(ct),
        _informers.For(ApiResources.Nodes).WaitForSyncAsync(ct),
        _informers.For(ApiResources.ControllerRevisions).WaitForSyncAsync(ct));

    public void Dispose()
    {
        lock (_subscriptions)
        {
            foreach (var subscription in _subscriptions)
            {
                subscription.Dispose();
            }
        }
    }
}
