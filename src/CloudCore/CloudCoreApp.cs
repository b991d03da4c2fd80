using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EdgeSync.CloudCore.CloudHub;
using EdgeSync.CloudCore.CloudHub.KubeEdge;
using EdgeSync.CloudCore.CloudHub.Upstream;
using EdgeSync.CloudCore.CloudStream;
using EdgeSync.CloudCore.Commands;
using EdgeSync.CloudCore.Configuration;
using EdgeSync.CloudCore.Controllers;
using EdgeSync.CloudCore.DeviceController;
using EdgeSync.CloudCore.EmbeddedApi;
using EdgeSync.CloudCore.EmbeddedApi.InProcess;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.Enrollment;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.CloudCore.KubeApi.Authentication;
using EdgeSync.CloudCore.Ledger;
using EdgeSync.CloudCore.Replicas;
using EdgeSync.Hosting;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Storage;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace EdgeSync.CloudCore;

/// <summary>
/// The hub, composed: one web server with the API's port (embedded mode) and the hub's port, the caches, the controllers and
/// the sessions. Built, started and stopped once.
/// </summary>
internal sealed partial class CloudCoreApp : IAsyncDisposable
{
    private readonly CloudCoreRun _run;
    private readonly CertificateAuthority _authority;
    private readonly KubeClient _api;
    private readonly WebApplication _web;
    private readonly EmbeddedApiServer? _embedded;
    private readonly InformerSet _informers;
    private readonly SessionRegistry _sessions = new();
    private readonly MetricsPage _metrics = new();
    private readonly NodeScope _scope;
    private readonly NodeLedger _ledger;
    private readonly AdminEndpoints _admin;
    private readonly CloudStreamModule? _streams;
    private long _eventsLost;

    private CloudCoreApp(CloudCoreRun run, TimeProvider time)
    {
        _run = run;
        var hub = run.Config.Modules.CloudHub;
        _authority = CertificateAuthority.Load(hub.TlsCAFile, hub.TlsCAKeyFile, time);
        var builder = WebApplication.CreateSlimBuilder();
        ConsoleLog.Configure(builder.Logging);

        // whoever listens there makes the server keep a trace for each request, and a session is one request
        builder.Logging.AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None);
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = TimeSpan.FromSeconds(10));
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(ConfigureListeners);
        builder.Services.AddSingleton(time);

        // the pieces below are made by hand, in the order in which they depend on each other
        var loggers = LoggerFactory.Create(ConsoleLog.Configure);
        builder.Services.AddSingleton(loggers);
        _embedded = IsEmbedded
            ? EmbeddedApiServer.Open(ApiOptions(run, Selection, _authority), time, loggers)
            : null;
        _api = _embedded is not null ? EmbeddedClient(_embedded, time) : new KubeClient(Cluster(run.Config.KubeAPIConfig), time);
        _informers = new InformerSet(_api, time, loggers);
        var caches = new HubInformers(
            _informers.For(ApiResources.Nodes), _informers.For(ApiResources.Pods), _informers.For(ApiResources.ConfigMaps),
            _informers.For(ApiResources.Secrets), _informers.For(ApiResources.Devices), _informers.For(ApiResources.DeviceModels));
        _scope = new NodeScope(caches.Caches());
        var contacts = new NodeContacts(_sessions, time);
        if (Selection.HasAnyOutsideApi && !IsReplica)
        {
            builder.Services.AddHostedService(_ => Controllers(_informers, contacts.SilenceOf, time, loggers));
        }

        // our own node controller asks the hub; another sees nothing but the leases
        var leaseInterval = IsEmbedded && Selection.Has(KnownControllers.NodeLifecycle) ? TimeSpan.FromMinutes(5) : TimeSpan.FromSeconds(10);
        var outages = new OutageReporter(_api, time, loggers.CreateLogger<OutageReporter>());
        var replica = IsReplica ? new ReplicaModule(_api, run.Config.LeaderElection, caches, _sessions, time, loggers) : null;
        _ledger = new NodeLedger(_scope, caches, outages, hub.OutageReportAfter, leaseInterval, time) { Replica = replica?.Identity };
        var seed = new LedgerSeed(_api, _ledger, time, loggers.CreateLogger<LedgerSeed>());
        IHostApplicationLifetime? lifetime = null;
        var options = new CloudHubOptions
        {
            SilenceLimit = TimeSpan.FromSeconds(hub.KeepaliveInterval),
            HeartbeatInterval = TimeSpan.FromSeconds(hub.KeepaliveInterval / 2.0),
            NodeLimit = hub.NodeLimit,
            LeaseInterval = leaseInterval,
            WhyNotReady = () => !caches.HaveSynced || !seed.IsDone ? "the hub has not read the API yet"
                : replica is { ReachesApi: false } ? "the Kubernetes API does not answer this replica of the hub" : null,
            Stopping = () => lifetime!.ApplicationStopping,
        };
        var leases = new LeaseKeeper(_api, _sessions, options, time, loggers.CreateLogger<LeaseKeeper>());
        var replies = new Replies(time);
        var peers = new PeerLog(time, loggers.CreateLogger<PeerLog>());
        var upstream = new UpstreamDispatcher(
            new NodeUpstream(_api, new KnownNode(name => caches.Nodes.Get(new NamespacedName("", name)), time), replies) { AmendStatus = KubeletAddress.Amend(run.Config.Modules) },
            new PodUpstream(_api, caches.Pods, replies), new QueryUpstream(_api, _scope, replies),
            new DeviceUpstream(_api, replies, peers.Limit(loggers.CreateLogger<DeviceUpstream>(), "device")), replies,
            peers.Limit(loggers.CreateLogger<UpstreamDispatcher>(), "request"));
        var records = new SyncRecords(_api, caches.Nodes.Cache, () => caches.Nodes.HasSynced, time, loggers)
        {
            IsLeader = () => replica is null or { IsLeader: true },
            IsElsewhere = node => _ledger.ReplicaOf(node) is not null,
        };
        var endpoint = new CloudHubEndpoint(
            options, _sessions, contacts, _scope, upstream, records, _ledger, time,
            peers.Limit(loggers.CreateLogger<CloudHubEndpoint>(), "connection"))
        {
            Handover = replica?.Handover,
        };
        builder.Services.AddHostedService(_ => _informers);
        builder.Services.AddHostedService(_ => leases);
        builder.Services.AddHostedService(_ => peers);
        builder.Services.AddHostedService(_ => records);
        if (replica is null)
        {
            builder.Services.AddHostedService(_ => new DeviceStatusMirror(_api, caches, time, loggers));
        }
        else
        {
            builder.Services.AddHostedService(_ => replica.Service(LeaderWorks(caches, records, time, loggers)));
            replica.Describe(_metrics);
        }

        builder.Services.AddHostedService(_ => new SessionSweep(_sessions, options, time));
        builder.Services.AddHostedService(_ => seed);
        builder.Services.AddHostedService(_ => outages);
        var nodes = new NodesView(_ledger, _sessions, _scope, caches, time);
        var streaming = run.Config.Modules.CloudStream;
        if (streaming.Enable)
        {
            _streams = new CloudStreamModule(streaming, _sessions, nodes, caches.Pods, options.Stopping, time, loggers, IsReplica);
            _streams.Describe(_metrics);
            replica?.WhenNodesGo(_streams.End);
            if (_embedded is not null)
            {
                _streams.Serve(_embedded);
            }
        }

        _admin = new AdminEndpoints(
            nodes, new WhyView(_scope, _sessions, _ledger, caches, nodes, _api, time), _metrics, () => options.IsReady);
        HubMetrics.Describe(_metrics, _sessions, _ledger, outages.Totals, nodes, () => options.IsReady);
        _metrics.CounterBy("edgesync_hub_peer_events_total", "What peers did that is worth a line of the log, written or not.", "kind", () => peers.Counts);
        _metrics.Counter("edgesync_controllers_events_lost_total", "Events of the controllers that were not written.", () => Interlocked.Read(ref _eventsLost));
        _metrics.Gauge("edgesync_hub_object_syncs", "Records of what KubeEdge agents hold.", () => records.Count);
        _metrics.Gauge("edgesync_hub_object_syncs_waiting", "Such records that wait for their write to the API.", () => records.WaitingCount);
        if (_embedded is { } embedded)
        {
            builder.Services.AddHostedService(_ => new FaultWatch(embedded.Fault));
            embedded.Metrics = WriteMetricsAsync;
            _metrics.Counter(
                "edgesync_api_unauthorized_total", "Requests to the embedded API that showed a certificate or token that is worth nothing.", () => embedded.RefusedRequests);
        }

        _web = builder.Build();
        lifetime = _web.Lifetime;

        // the API's watches would hold up the end of the web server
        lifetime.ApplicationStopping.Register(() =>
        {
            _embedded?.BeginStop();
            _sessions.EndAll("the hub stops");
            _streams?.EndAll("the hub stops");
        });
        MapPorts(endpoint, Desk(time, loggers), options);
    }

    /// <summary>Whether there may be other cloudcores on the same cluster.</summary>
    private bool IsReplica => _run.Config.LeaderElection.LeaderElect;

    private bool IsEmbedded => _run.Config.Modules.EmbeddedApi.Enable;

    private ControllerSelection Selection => _run.Config.Modules.Controllers.Selection(IsEmbedded);

    /// <summary>Runs the hub until <paramref name="cancellationToken"/> or a signal ends it; the program's exit code.</summary>
    public static async Task<int> RunAsync(CloudCoreRun run, CancellationToken cancellationToken)
    {
        await using var app = Compose(run);
        await HostExit.StartAsync(app._web, cancellationToken);
        File.SetUnixFileMode(run.Files.AdminSocket, DurableFile.OwnerOnly);
        app.LogStarted();
        await app._web.WaitForShutdownAsync(cancellationToken);
        return HostExit.Code(app._web.Services.GetServices<IHostedService>());
    }

    private static CloudCoreApp Compose(CloudCoreRun run)
    {
        try
        {
            return new CloudCoreApp(run, TimeProvider.System);
        }
        catch (Exception e) when (e is DatabaseException or KubeConfigException or CryptographicException)
        {
            throw new CommandFailedException(e.Message);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _web.DisposeAsync();
        _ledger.Dispose();
        _scope.Dispose();
        _api.Dispose();
        if (_embedded is not null)
        {
            await _embedded.DisposeAsync();
        }

        _authority.Dispose();
    }

    private void LogStarted()
    {
        var modules = _run.Config.Modules;
        var logger = _web.Services.GetRequiredService<ILoggerFactory>().CreateLogger<CloudCoreApp>();
        LogListening(logger, $"{modules.CloudHub.Websocket.Address}:{modules.CloudHub.Websocket.Port}", _api.Server);
    }

    private ControllersService Controllers(InformerSet informers, Func<string, TimeSpan?> silenceOf, TimeProvider time, ILoggerFactory loggers) => new(
        _api, informers,
        new ControllersOptions
        {
            Selection = Selection,
            NodeMonitorGracePeriod = _run.Config.Modules.Controllers.NodeMonitorGracePeriod,
            TerminatedPodGcThreshold = _run.Config.Modules.Controllers.TerminatedPodGCThreshold,
            SilenceOf = silenceOf,
            NoteLostEvent = () => Interlocked.Increment(ref _eventsLost),
        },
        time, loggers);

    /// <summary>What one of several replicas does at a time.</summary>
    private List<Func<CancellationToken, Task>> LeaderWorks(HubInformers caches, SyncRecords records, TimeProvider time, ILoggerFactory loggers)
    {
        var works = new List<Func<CancellationToken, Task>>
        {
            ct => new DeviceStatusMirror(_api, caches, time, loggers).RunAsync(ct),
            async ct =>
            {
                await records.ForgetMissingNodesAsync(ct);
                await Task.Delay(Timeout.InfiniteTimeSpan, time, ct);
            },
        };
        if (Selection.HasAnyOutsideApi)
        {
            works.Add(async ct =>
            {
                // caches of their own, for a term: who does not lead keeps none. Nodes are judged by their leases, as this hub hears but a part of them.
                using var informers = new InformerSet(_api, time, loggers);
                using var controllers = Controllers(informers, static _ => null, time, loggers);
                await Task.WhenAll(informers.RunAsync(ct), controllers.RunAsync(ct));
            });
        }

        return works;
    }

    private static EmbeddedApiOptions ApiOptions(CloudCoreRun run, ControllerSelection controllers, CertificateAuthority authority) => new()
    {
        DataDir = run.Files.DataDir,
        Controllers = controllers,
        ClientAuthority = authority.Certificate,
        Authority = authority,
        ServiceAccountKeyFile = run.Config.Modules.EmbeddedApi.ServiceAccountKeyFile,
        Admission = new AdmissionSettings
        {
            Services = new ServiceNetwork
            {
                // both have been checked when the configuration was read
                ClusterIpRange = ServiceNetwork.ParseRange(run.Config.Modules.EmbeddedApi.ServiceClusterIPRange)!.Value,
                NodePorts = ServiceNetwork.ParsePorts(run.Config.Modules.EmbeddedApi.ServiceNodePortRange)!.Value,
            },
            NotReadyTolerationSeconds = run.Config.Modules.EmbeddedApi.DefaultNotReadyTolerationSeconds,
            UnreachableTolerationSeconds = run.Config.Modules.EmbeddedApi.DefaultUnreachableTolerationSeconds,
        },
    };

    private static KubeConfig Cluster(KubeApiSection api) => api.InCluster
        ? InCluster.Load(InCluster.ServiceAccountFolder, Environment.GetEnvironmentVariable)
        : KubeConfig.Load(api.KubeConfig, api.Context.Length > 0 ? api.Context : null);

    private KubeClient EmbeddedClient(EmbeddedApiServer embedded, TimeProvider time)
    {
        var administrator = X509Certificate2.CreateFromPemFile(_run.Files.AdminCertificate, _run.Files.AdminKey);
        return new KubeClient(
            new InProcessTransport(embedded.HandleAsync, administrator),
            new Uri($"https://127.0.0.1:{_run.Config.Modules.EmbeddedApi.Port}"),
            time);
    }

    private CertificateDesk Desk(TimeProvider time, ILoggerFactory loggers) => new(
        _authority,
        TimeSpan.FromDays(_run.Config.Modules.CloudHub.EdgeCertSigningDuration),
        PresenceAsync,
        new FailedAttempts(time),
        loggers.CreateLogger<CertificateDesk>());

    private async Task<NodePresence> PresenceAsync(string node, CancellationToken cancellationToken)
    {
        if (await _api.GetAsync(ApiResources.Nodes, "", node, cancellationToken) is not { } found)
        {
            return NodePresence.Absent;
        }

        var conditions = found.View(KubernetesJson.Default.Node).Status?.Conditions ?? [];
        return _sessions.Find(node) is not null || conditions.Any(c => c is { Type: "Ready", Status: "True" })
            ? NodePresence.Present
            : NodePresence.Away;
    }

    private void ConfigureListeners(KestrelServerOptions kestrel)
    {
        var api = _run.Config.Modules.EmbeddedApi;
        var hub = _run.Config.Modules.CloudHub;
        var clients = new ClientCertificates(_authority.Certificate);
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = null; // each endpoint has its own limit
        kestrel.Limits.Http2.MaxStreamsPerConnection = 1000; // clients of Kubernetes put all their watches on one connection
        AdminEndpoints.Listen(kestrel, _run.Files);
        if (IsEmbedded)
        {
            var certificate = X509Certificate2.CreateFromPemFile(api.TlsCertFile, api.TlsPrivateKeyFile);
            kestrel.Listen(IPAddress.Parse(api.Address), api.Port, l => l.UseHttps(o => clients.ConfigureApi(o, certificate)));
        }

        var server = X509Certificate2.CreateFromPemFile(hub.TlsCertFile, hub.TlsPrivateKeyFile);
        var stream = _run.Config.Modules.CloudStream;
        CloudStreamModule.Listen(kestrel, stream, IPAddress.Parse(hub.Websocket.Address));
        var tunnels = new ListenSection { Enable = stream is { Enable: true, TunnelPort: > 0 }, Address = hub.Websocket.Address, Port = stream.TunnelPort };
        foreach (var port in (ListenSection[])[hub.Websocket, hub.Https, tunnels])
        {
            if (port.Enable)
            {
                kestrel.Listen(IPAddress.Parse(port.Address), port.Port, l =>
                {
                    // KubeEdge's agent upgrades to WebSocket over HTTP/1.1
                    l.Protocols = HttpProtocols.Http1;
                    l.UseHttps(o => clients.Configure(o, server));
                    l.Use(next => connection =>
                    {
                        TlsBuffers.ReleaseWhenIdle(connection);
                        return next(connection);
                    });
                });
            }
        }
    }

    private void MapPorts(CloudHubEndpoint endpoint, CertificateDesk desk, CloudHubOptions options)
    {
        _web.MapWhen(AdminEndpoints.IsLocal, branch => branch.Run(_admin.HandleAsync));
        if (_embedded is { } embedded)
        {
            var apiPort = _run.Config.Modules.EmbeddedApi.Port;
            _web.MapWhen(
                context => context.Connection.LocalPort == apiPort,
                branch => branch
                    .UseWebSockets() // kubectl's exec, attach and port-forward
                    .Run(embedded.HandleAsync));
        }

        _streams?.MapServer(_web);
        _web.UseWebSockets();
        _web.UseRouting();
        _streams?.MapTunnels(_web);
        _web.MapEnrollment(desk);
        _web.MapGet("/healthz", context => context.Response.WriteAsync("ok"));
        _web.MapGet("/readyz", context =>
        {
            var why = options.WhyNotReady();
            context.Response.StatusCode = why is null ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
            return context.Response.WriteAsync(why is null ? "ok" : why + "\n");
        });
        _web.MapGet("/metrics", context =>
        {
            if (IsAdmin(context) || IPAddress.IsLoopback(context.Connection.RemoteIpAddress ?? IPAddress.None))
            {
                return WriteMetricsAsync(context);
            }

            context.Response.StatusCode = StatusCodes.Status401Unauthorized;
            return Task.CompletedTask;
        });
        _web.MapFallback(endpoint.HandleAsync);
    }

    private static bool IsAdmin(HttpContext context) =>
        ClientCertificates.IdentityOf(context.Connection.ClientCertificate)?.Organization == "system:masters";

    private Task WriteMetricsAsync(HttpContext context)
    {
        context.Response.ContentType = MetricsPage.ContentType;
        return context.Response.WriteAsync(_metrics.Render(), context.RequestAborted);
    }

    [LoggerMessage(LogLevel.Information, "The hub listens on {Hub}; the Kubernetes API is {Api}")]
    private static partial void LogListening(ILogger logger, string hub, Uri api);
}
