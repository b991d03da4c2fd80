using EdgeSync.EdgeCore.Configuration;
using EdgeSync.EdgeCore.Edged.Cri;
using EdgeSync.EdgeCore.Edged.Images;
using EdgeSync.EdgeCore.Edged.Node;
using EdgeSync.EdgeCore.Edged.Pods;
using EdgeSync.EdgeCore.Edged.Probes;
using EdgeSync.EdgeCore.Edged.Volumes;
using EdgeSync.EdgeCore.MetaManager;
using EdgeSync.Storage;

namespace EdgeSync.EdgeCore.Edged;

/// <summary>
/// Runs this node's pods on the container runtime, with or without a cloud. Starting adopts what runs already;
/// stopping leaves it running.
/// </summary>
internal sealed class EdgedService : BackgroundService
{
    private readonly CriClient _cri;
    private readonly ProbeChecks _checks;
    private readonly ImageStore _images;
    private readonly RuntimePods _runtime;
    private readonly PodSupervisor _supervisor;
    private readonly LogRotation _rotation;

    public EdgedService(
        EdgeCoreConfig config, Database database, MetaManager.MetaManager objects, Outbox outbox, TimeProvider time, ILoggerFactory logs)
    {
        var settings = Settings = EdgedSettings.From(config);
        _cri = new CriClient(new CriChannel(settings.Kubelet.ContainerRuntimeEndpoint, time));
        _checks = new ProbeChecks(_cri);
        _images = new ImageStore(_cri, new RegistryAuth(objects), time, logs.CreateLogger<ImageStore>());
        NodeStatus = new NodeStatusSource(settings, objects, outbox, new RuntimeHealth(_cri, time), time);
        Tokens = new PodTokens(objects, new TokenStore(database, time), time, logs.CreateLogger<PodTokens>());
        _runtime = new RuntimePods(_cri, settings.NodeName, time);
        var parts = new EdgedParts(
            settings, objects, _cri, _runtime, _images,
            new PodVolumes(settings, new VolumeContents(objects, Tokens), time), new EnvResolver(objects),
            new StatusReporter(outbox, settings), _checks, new LifecycleHooks(_checks, _runtime, time), time, logs);
        _rotation = new LogRotation(_cri, settings, time, logs.CreateLogger<LogRotation>());
        _supervisor = new PodSupervisor(parts, logs.CreateLogger<PodSupervisor>())
        {
            // an object that cannot be read may be a pod that runs
            KeepsUnknownPods = objects.BrokenRows.Count > 0,
        };
        Tokens.Changed = _supervisor.Wake;
    }

    public EdgedSettings Settings { get; }

    /// <summary>The runtime; open until this service has stopped.</summary>
    public CriClient Cri => _cri;

    /// <summary>What the link to the hub tells about this node.</summary>
    public NodeStatusSource NodeStatus { get; }

    /// <summary>The pods' service account tokens.</summary>
    public PodTokens Tokens { get; }

    /// <inheritdoc cref="PodSupervisor.KeepsUnknownPods"/>
    public bool KeepsUnknownPods
    {
        get => _supervisor.KeepsUnknownPods;
        set => _supervisor.KeepsUnknownPods = value;
    }

    /// <summary>The pods of this node that the runtime holds, by UID, wanted or not.</summary>
    /// <exception cref="CriException">The runtime is away.</exception>
    public Task<IReadOnlyDictionary<string, RelistedPod>> RunningAsync(CancellationToken cancellationToken) => _runtime.RelistAsync(cancellationToken);

    /// <summary>The link is back: what failed for want of it is tried at once.</summary>
    public void OnConnected()
    {
        _images.RetryNow();
        Tokens.OnConnected();
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await _supervisor.DisposeAsync();
        await _images.DisposeAsync();
        _checks.Dispose();
        _cri.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await Task.WhenAll(
                _supervisor.RunAsync(stoppingToken), NodeStatus.RunAsync(stoppingToken), _rotation.RunAsync(stoppingToken), Tokens.RunAsync(stoppingToken));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // the agent stops; the pods go on
        }
    }
}
