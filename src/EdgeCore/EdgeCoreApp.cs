using System.Net;
using EdgeSync.EdgeCore.Commands;
using EdgeSync.EdgeCore.Configuration;
using EdgeSync.EdgeCore.Edged;
using EdgeSync.EdgeCore.Edged.Cri;
using EdgeSync.EdgeCore.EdgeHub;
using EdgeSync.EdgeCore.EdgeHub.KubeEdge;
using EdgeSync.EdgeCore.EdgeStream;
using EdgeSync.EdgeCore.EventBus.Mqtt;
using EdgeSync.EdgeCore.MetaManager;
using EdgeSync.EdgeCore.MetaServer;
using EdgeSync.Hosting;
using EdgeSync.Storage;

namespace EdgeSync.EdgeCore;

/// <summary>
/// The agent, composed. Starting it reads SQLite and talks to the runtime and to loopback; the link to the hub and the broker are
/// services that may be away. Stopping it leaves the pods running.
/// </summary>
internal sealed partial class EdgeCoreApp : IAsyncDisposable
{
    /// <summary>How long after the first contact with a hub devices may be missing that it knows.</summary>
    private static readonly TimeSpan s_devicesPatience = TimeSpan.FromSeconds(30);

    private readonly TaskCompletionSource _devicesKnown = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Database _database;
    private readonly EdgeHubService _hub;
    private readonly EdgedService _edged;
    private readonly WebApplication _web;
    private readonly ILogger _logger;
    private ITimer? _devicesWait;

    private EdgeCoreApp(EdgeCoreRun run, TimeProvider time)
    {
        var config = run.Config;
        var builder = WebApplication.CreateSlimBuilder();
        ConsoleLog.Configure(builder.Logging);
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = TimeSpan.FromSeconds(10));
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Listen(IPEndPoint.Parse(config.Modules.MetaManager.MetaServer.Server));
        });

        // the pieces below are made by hand, in the order in which they depend on each other
        var loggers = LoggerFactory.Create(ConsoleLog.Configure);
        builder.Services.AddSingleton(loggers);
        _logger = loggers.CreateLogger<EdgeCoreApp>();
        _database = EdgeDatabase.Open(config.Database.DataSource, time);
        var objects = new MetaManager.MetaManager(_database);
        ReportStore(objects);
        var outbox = new Outbox(_database, config.Modules.MetaManager.Outbox.ToLimits());
        var mqtt = new MqttClient(MqttOptions.From(config), time, loggers.CreateLogger<MqttClient>());
        var twins = new DeviceTwin.DeviceTwin(config, _database, objects, outbox, mqtt, time, loggers.CreateLogger<DeviceTwin.DeviceTwin>());
        var bus = new EventBus.EventBus(mqtt, twins, outbox, _devicesKnown.Task, loggers.CreateLogger<EventBus.EventBus>());
        _edged = new EdgedService(config, _database, objects, outbox, time, loggers);
        var journal = new LinkJournal(() => outbox.DroppedOf(OutboxKind.Event) + outbox.DroppedOf(OutboxKind.Routed), time);
        var connector = new HubConnector(config, new HubTime(_database));
        _hub = new EdgeHubService(
            connector, config, objects, outbox, _edged.NodeStatus.RegistrationAsync, journal, time, loggers.CreateLogger<EdgeHubService>());
        _hub.KubeEdge = new KubeEdgePeer(config, objects, _edged.RunningAsync, time, loggers);
        KeepUnknownPodsUntilFilled(objects, time);
        _hub.Connected += _edged.OnConnected;
        _edged.Tokens.Query = _hub.AskForTokenAsync;
        builder.Services.AddHostedService(_ => new FaultWatch(_database.Fault));
        builder.Services.AddHostedService(_ => new MemoryTrim(time, loggers.CreateLogger<MemoryTrim>()));
        builder.Services.AddHostedService(_ => twins);
        builder.Services.AddHostedService(_ => _edged);
        builder.Services.AddHostedService(_ => bus);
        builder.Services.AddHostedService(_ => _hub);
        if (config.Modules.EdgeStream.Enable)
        {
            var stream = Stream(config, objects, connector, time, loggers);
            _hub.TunnelWanted += stream.Want;
            _hub.Connected += stream.OnConnected;
            builder.Services.AddHostedService(_ => stream);
        }

        _web = builder.Build();
        _web.UseRouting();
        _web.MapTwins(twins);
        MapHealth(EdgeMetrics.Page(_hub, journal, outbox, objects));
    }

    /// <summary>What the commands need of the agent's parts.</summary>
    public static EdgeCoreParts Parts => new()
    {
        RunAsync = RunAsync,
        RuntimeVersion = async (endpoint, cancellationToken) =>
        {
            using var cri = new CriClient(new CriChannel(endpoint, TimeProvider.System));
            var version = await cri.VersionAsync(cancellationToken);
            return $"{version.RuntimeName} {version.RuntimeVersion}";
        },
        RemovePods = (config, cancellationToken) => EdgedReset.RemoveAllAsync(config, TimeProvider.System, cancellationToken),
    };

    /// <summary>Runs the agent until <paramref name="cancellationToken"/> or a signal ends it; the program's exit code.</summary>
    public static async Task<int> RunAsync(EdgeCoreRun run, CancellationToken cancellationToken)
    {
        await using var app = Compose(run);
        await HostExit.StartAsync(app._web, cancellationToken);
        run.Ready();
        app.LogStarted(run.Config.Modules.Edged.HostnameOverride, run.Config.Modules.MetaManager.MetaServer.Server);
        await app._web.WaitForShutdownAsync(cancellationToken);
        return HostExit.Code(app._web.Services.GetServices<IHostedService>());
    }

    private static EdgeCoreApp Compose(EdgeCoreRun run)
    {
        try
        {
            return new EdgeCoreApp(run, TimeProvider.System);
        }
        catch (Exception e) when (e is DatabaseException or FormatException)
        {
            throw new CommandFailedException(e.Message);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _web.DisposeAsync();
        await (_devicesWait?.DisposeAsync() ?? ValueTask.CompletedTask);
        await _database.DisposeAsync();
    }

    private EdgeStreamService Stream(
        EdgeCoreConfig config, MetaManager.MetaManager objects, HubConnector connector, TimeProvider time, ILoggerFactory loggers)
    {
        var requests = new KubeletRequests(
            _edged.Cri, new ContainerLookup(_edged.Cri, objects, _edged.Settings), new NodeStats(_edged.Cri, _edged.Settings, time), time,
            loggers.CreateLogger<KubeletRequests>());
        return new EdgeStreamService(
            new TunnelConnector(config, _edged.Settings, connector, time), requests, _hub, time, loggers.CreateLogger<EdgeStreamService>());
    }

    private void ReportStore(MetaManager.MetaManager objects)
    {
        if (_database.SetAsideFile is { } aside)
        {
            LogSetAside(aside);
        }

        foreach (var row in objects.BrokenRows)
        {
            LogBrokenRow(row);
        }
    }

    /// <summary>
    /// A store that the hub has not filled (new, in the place of a damaged one, or with rows that cannot be read) does not know
    /// all pods that belong here. What runs stays until the hub has said so. It does not know the devices either: their
    /// messages stay with the broker, which keeps them, until they can be told from those of strangers.
    /// </summary>
    private void KeepUnknownPodsUntilFilled(MetaManager.MetaManager objects, TimeProvider time)
    {
        var filled = EdgeDatabase.WasFilled(_database);
        if (filled)
        {
            _devicesKnown.TrySetResult();
        }

        // a hub of KubeEdge's never says that it has sent all
        _hub.Connected += () => _devicesWait ??= time.CreateTimer(_ => _devicesKnown.TrySetResult(), null, s_devicesPatience, Timeout.InfiniteTimeSpan);
        _edged.KeepsUnknownPods = !filled || objects.BrokenRows.Count > 0;
        _hub.Synced = async cancellationToken =>
        {
            if (!filled)
            {
                await EdgeDatabase.SetFilledAsync(_database, cancellationToken);
                filled = true;
            }

            _edged.KeepsUnknownPods = false;
            _devicesKnown.TrySetResult();
        };
    }

    private void MapHealth(MetricsPage metrics)
    {
        _web.MapGet("/healthz", context => context.Response.WriteAsync("ok"));
        _web.MapGet("/metrics", context =>
        {
            context.Response.ContentType = MetricsPage.ContentType;
            return context.Response.WriteAsync(metrics.Render(), context.RequestAborted);
        });
    }

    [LoggerMessage(LogLevel.Information, "Agent of node {Node} is up; twins are served on http://{Address}/twins")]
    private partial void LogStarted(string node, string address);

    [LoggerMessage(LogLevel.Error, "The database was damaged and is set aside as {File}; what runs goes on, and the content comes again from the hub")]
    private partial void LogSetAside(string file);

    [LoggerMessage(LogLevel.Error, "A stored object cannot be read and is left out until the hub sends it again: {Row}")]
    private partial void LogBrokenRow(string row);
}
