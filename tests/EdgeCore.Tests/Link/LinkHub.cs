using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using EdgeSync.CloudCore;
using EdgeSync.CloudCore.CloudHub;
using EdgeSync.CloudCore.CloudHub.KubeEdge;
using EdgeSync.CloudCore.CloudHub.Upstream;
using EdgeSync.CloudCore.DeviceController;
using EdgeSync.CloudCore.Enrollment;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.CloudCore.Ledger;
using EdgeSync.Protocol.Enrollment;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace EdgeSync.EdgeCore.Tests.Link;

/// <summary>The hub's real endpoint on a real Kestrel with TLS, over caches that the test fills and an API that takes everything.</summary>
internal sealed class LinkHub : IAsyncDisposable
{
    private readonly CertificateAuthority _authority;
    private readonly HubInformers _caches;
    private readonly NodeScope _scope;
    private readonly KubeClient _api;
    private WebApplication? _web;
    private SessionSweep? _sweep;

    public LinkHub(TimeSpan heartbeat)
    {
        Heartbeat = heartbeat;
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        _authority = CertificateAuthority.Create(key, TimeProvider.System);
        _api = new KubeClient(new TakesAll(), new Uri("http://api.invalid/"), TimeProvider.System);
        Informer Of(ApiResource resource) => new(_api, resource, null, TimeProvider.System, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
        _caches = new HubInformers(
            Of(ApiResources.Nodes), Of(ApiResources.Pods), Of(ApiResources.ConfigMaps), Of(ApiResources.Secrets), Of(ApiResources.Devices),
            Of(ApiResources.DeviceModels));
        _scope = new NodeScope(Caches);
    }

    public TimeSpan Heartbeat { get; }

    public IReadOnlyDictionary<string, ObjectCache> Caches => _caches.Caches();

    public SessionRegistry Sessions { get; } = new();

    /// <summary>What the hub logged.</summary>
    public LinkLog Log { get; } = new();

    /// <summary>Whether the caches are filled.</summary>
    public bool IsReady { get; set; } = true;

    /// <summary>Nodes that may be connected at once.</summary>
    public int NodeLimit { get; init; } = 100;

    public int Port { get; private set; }

    /// <summary>What the log says of peers; its minutes are those of <see cref="Clock"/>.</summary>
    public PeerLog Peers { get; private set; } = null!;

    /// <summary>Set before the start.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    public X509Certificate2 Authority => _authority.Certificate;

    public async Task StartAsync()
    {
        using var serverKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var issued = _authority.IssueServer(new PublicKey(serverKey), ["127.0.0.1"]);
        var server = X509CertificateLoader.LoadPkcs12(issued.CopyWithPrivateKey(serverKey).Export(X509ContentType.Pkcs12), null);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, Port, listen =>
            listen.UseHttps(https => new ClientCertificates(Authority).Configure(https, server))));
        _web = builder.Build();
        _web.UseWebSockets();
        _web.Run(Endpoint(_web.Lifetime.ApplicationStopping).HandleAsync);
        await _web.StartAsync();
        Port = new Uri(_web.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single()).Port;
    }

    public async Task StopAsync()
    {
        await _sweep!.StopAsync(CancellationToken.None);
        _sweep.Dispose();
        await _web!.DisposeAsync();
        _web = null;
    }

    /// <summary>A node's certificate with its key.</summary>
    public (X509Certificate2 Certificate, ECDsa Key) Issue(string node)
    {
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return (_authority.IssueClient(
            NodeIdentity.ForNode(node), new PublicKey(key), TimeSpan.FromDays(1), [NodeCertificateRequest.ClientAuthentication]), key);
    }

    public async ValueTask DisposeAsync()
    {
        if (_web is not null)
        {
            await StopAsync();
        }

        _scope.Dispose();
        _api.Dispose();
        _authority.Dispose();
    }

    private CloudHubEndpoint Endpoint(CancellationToken stopping)
    {
        var time = TimeProvider.System;
        var loggers = LoggerFactory.Create(b => b.SetMinimumLevel(LogLevel.Debug).AddProvider(Log));
        var replies = new Replies(time);
        Peers = new PeerLog(Clock, loggers.CreateLogger<PeerLog>());
        var upstream = new UpstreamDispatcher(
            new NodeUpstream(_api, new KnownNode(name => _caches.Nodes.Get(new NamespacedName("", name)), time), replies),
            new PodUpstream(_api, _caches.Pods, replies), new QueryUpstream(_api, _scope, replies),
            new DeviceUpstream(_api, replies, Peers.Limit(loggers.CreateLogger<DeviceUpstream>(), "device")), replies,
            Peers.Limit(loggers.CreateLogger<UpstreamDispatcher>(), "request"));
        var options = new CloudHubOptions
        {
            HeartbeatInterval = Heartbeat,
            SilenceLimit = 2 * Heartbeat,
            WhyNotReady = () => IsReady ? null : "the hub has not read the API yet",
            NodeLimit = NodeLimit,
            Stopping = () => stopping,
        };
        _sweep = new SessionSweep(Sessions, options, time);
        _sweep.StartAsync(stopping);
        var ledger = new NodeLedger(
            _scope, _caches, new OutageReporter(_api, time, loggers.CreateLogger<OutageReporter>()), TimeSpan.FromMinutes(1),
            TimeSpan.FromMinutes(5), time);
        var records = new SyncRecords(_api, _caches.Nodes.Cache, () => true, time, loggers);
        return new CloudHubEndpoint(
            options, Sessions, new NodeContacts(Sessions, time), _scope, upstream, records, ledger, time,
            Peers.Limit(loggers.CreateLogger<CloudHubEndpoint>(), "connection"));
    }

    /// <summary>An API that takes whatever is written, and has nothing.</summary>
    private sealed class TakesAll : HttpMessageHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var body = request.Method == HttpMethod.Post
                ? await request.Content!.ReadAsStringAsync(cancellationToken)
                : """{"kind":"Node","apiVersion":"v1","metadata":{"name":"n","uid":"u","resourceVersion":"1"}}""";
            return new HttpResponseMessage(request.Method == HttpMethod.Get ? HttpStatusCode.NotFound : HttpStatusCode.OK)
            {
                Content = new StringContent(request.Method == HttpMethod.Get ? """{"kind":"Status","code":404}""" : body, Encoding.UTF8, "application/json"),
                RequestMessage = request,
            };
        }
    }
}
