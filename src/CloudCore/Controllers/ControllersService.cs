using EdgeSync.CloudCore.Controllers.CronJobs;
using EdgeSync.CloudCore.Controllers.DaemonSets;
using EdgeSync.CloudCore.Controllers.Deployments;
using EdgeSync.CloudCore.Controllers.Disruption;
using EdgeSync.CloudCore.Controllers.Garbage;
using EdgeSync.CloudCore.Controllers.Jobs;
using EdgeSync.CloudCore.Controllers.Nodes;
using EdgeSync.CloudCore.Controllers.ReplicaSets;
using EdgeSync.CloudCore.Controllers.Scheduling;
using EdgeSync.CloudCore.Controllers.StatefulSets;
using EdgeSync.CloudCore.Controllers.Volumes;
using EdgeSync.CloudCore.KubeApi;

namespace EdgeSync.CloudCore.Controllers;

/// <summary>
/// Runs the controllers that a Kubernetes API needs to be a cluster, those of them that were chosen
/// (<see cref="ControllersOptions.Selection"/>). It asks the shared informers for what it needs when it is made,
/// so it must be made before they run (hosted services are).
/// </summary>
internal sealed class ControllersService : BackgroundService
{
    private readonly ClusterView _view;
    private readonly List<IController> _controllers = [];

    public ControllersService(
        KubeClient client, InformerSet informers, ControllersOptions options, TimeProvider time, ILoggerFactory loggers)
    {
        _view = new ClusterView(informers, loggers);
        var events = new EventRecorder(client, options.NoteLostEvent, time, loggers.CreateLogger<EventRecorder>());
        _controllers.Add(events);
        var room = options.Selection.Has(KnownControllers.Scheduler) ? new NodeRoom(_view, time, loggers.CreateLogger<NodeRoom>()) : null;
        Add(KnownControllers.DaemonSet, () => new DaemonSetController(client, _view, room, events, options, time, loggers.CreateLogger<DaemonSetController>()));
        Add(KnownControllers.NodeLifecycle, () => new NodeLifecycleController(client, _view, options, time, loggers.CreateLogger<NodeLifecycleController>()));
        Add(KnownControllers.TaintEviction, () => new TaintEviction(client, _view, events, options, time, loggers.CreateLogger<TaintEviction>()));
        Add(KnownControllers.GarbageCollector, () => new GarbageCollector(client, options, time, loggers.CreateLogger<GarbageCollector>()));
        Add(KnownControllers.PodGarbage, () => new PodsOfMissingNodes(client, _view, options, time, loggers.CreateLogger<PodsOfMissingNodes>()));
        Add(KnownControllers.PodGarbage, () => new PodGarbage(client, _view, options, time, loggers.CreateLogger<PodGarbage>()));
        Add(KnownControllers.EventExpiry, () => new EventExpiry(client, options, time, loggers.CreateLogger<EventExpiry>()));
        Add(KnownControllers.ReplicaSet, () => new ReplicaSetController(
            ReplicaKind.ReplicaSet, client, _view, informers, events, options, time, loggers.CreateLogger<ReplicaSetController>()));
        Add(KnownControllers.ReplicationController, () => new ReplicaSetController(
            ReplicaKind.ReplicationController, client, _view, informers, events, options, time, loggers.CreateLogger<ReplicaSetController>()));
        Add(KnownControllers.Deployment, () => new DeploymentController(
            client, _view, informers, events, options, time, loggers.CreateLogger<DeploymentController>()));
        Add(KnownControllers.StatefulSet, () => new StatefulSetController(
            client, _view, informers, events, options, time, loggers.CreateLogger<StatefulSetController>()));
        Add(KnownControllers.Job, () => new JobController(client, _view, informers, events, options, time, loggers.CreateLogger<JobController>()));
        Add(KnownControllers.CronJob, () => new CronJobController(
            client, _view, informers, events, options, time, loggers.CreateLogger<CronJobController>()));
        Add(KnownControllers.Scheduler, () => new Scheduler(
            client, _view, room!, new SchedulerInformers(informers), events, options, time, loggers.CreateLogger<Scheduler>()));
        Add(KnownControllers.Scheduler, () => new PodGroupController(client, _view, informers.For(ApiResources.PodGroups), options, time, loggers.CreateLogger<PodGroupController>()));
        Add(KnownControllers.VolumeBinder, () => new VolumeBinder(client, _view, informers, events, options, time, loggers.CreateLogger<VolumeBinder>()));
        Add(KnownControllers.VolumeBinder, () => new ClaimFolderWriter(client, _view, informers, events, options, time, loggers.CreateLogger<ClaimFolderWriter>()));
        Add(KnownControllers.Disruption, () => new DisruptionController(client, _view, informers, options, time, loggers.CreateLogger<DisruptionController>()));

        void Add(ControllerName name, Func<IController> make)
        {
            if (options.Selection.Has(name))
            {
                _controllers.Add(make());
            }
        }
    }

    public override void Dispose()
    {
        _view.Dispose();
        _controllers.ForEach(c => c.Dispose());
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
        var running = _controllers.ConvertAll(c => c.RunAsync(stop.Token));
        await Task.WhenAny(running);
        await stop.CancelAsync();
        await Task.WhenAll(running);
    }
}
