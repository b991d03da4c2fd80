using EdgeSync.CloudCore.Controllers.DaemonSets;
using EdgeSync.CloudCore.Controllers.Garbage;
using EdgeSync.CloudCore.Controllers.Nodes;
using EdgeSync.CloudCore.KubeApi;

namespace EdgeSync.CloudCore.Controllers;

/// <summary>
/// Runs the controllers that a Kubernetes API needs to be a cluster: DaemonSets, node lifecycle, garbage collection.
/// For the embedded API; a real cluster has its own. It asks the shared informers for what it needs when it is made,
/// so it must be made before they run (hosted services are).
/// </summary>
internal sealed class ControllersService : BackgroundService
{
    private readonly ClusterView _view;
    private readonly DaemonSetController _daemonSets;
    private readonly NodeLifecycleController _nodes;
    private readonly GarbageCollector _garbage;
    private readonly PodsOfMissingNodes _missingNodes;

    public ControllersService(
        KubeClient client, InformerSet informers, ControllersOptions options, TimeProvider time, ILoggerFactory loggers)
    {
        _view = new ClusterView(informers, loggers);
        _daemonSets = new DaemonSetController(client, _view, options, time, loggers.CreateLogger<DaemonSetController>());
        _nodes = new NodeLifecycleController(client, _view, options, time, loggers.CreateLogger<NodeLifecycleController>());
        _garbage = new GarbageCollector(client, options, time, loggers.CreateLogger<GarbageCollector>());
        _missingNodes = new PodsOfMissingNodes(client, _view, options, time, loggers.CreateLogger<PodsOfMissingNodes>());
    }

    public override void Dispose()
    {
        _view.Dispose();
        _daemonSets.Dispose();
        _nodes.Dispose();
        _garbage.Dispose();
        _missingNodes.Dispose();
        base.Dispose();
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => RunAsync(stoppingToken);

    /// <summary>Runs all controllers until cancelled. A failure that escapes one of them ends all, and the host with them.</summary>
    internal async Task RunAsync(CancellationToken ct)
    {
        _view.Start();
        try
        {
            // a controller that decided on half a cache would delete the other half's work
            await _view.WaitForSyncAsync(ct);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            return;
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var running = new List<Task>
        {
            _daemonSets.RunAsync(stop.Token),
            _nodes.RunAsync(stop.Token),
            _garbage.RunAsync(stop.Token),
            _missingNodes.RunAsync(stop.Token),
        };
        await Task.WhenAny(running);
        await stop.CancelAsync();
        await Task.WhenAll(running);
    }
}
