using System.Security.Cryptography.X509Certificates;
using EdgeSync.CloudCore.CloudHub;
using EdgeSync.CloudCore.Configuration;
using EdgeSync.CloudCore.EmbeddedApi;
using EdgeSync.CloudCore.Enrollment;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.CloudCore.Ledger;
using EdgeSync.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace EdgeSync.CloudCore.CloudStream;

/// <summary>Logs, exec, attach, port-forward and figures of nodes, composed; as long as the program.</summary>
internal sealed class CloudStreamModule
{
    private readonly CloudStreamSection _config;
    private readonly NodeTunnels _tunnels;
    private readonly TunnelEndpoint _endpoint;
    private readonly StreamServer _server;
    private readonly PodSubresources _subresources;
    private readonly MetricsApi _figures;

    /// <param name="config">What is served.</param>
    /// <param name="sessions">Which nodes are connected.</param>
    /// <param name="nodes">When the others were last heard.</param>
    /// <param name="pods">Where pods run.</param>
    /// <param name="stopping">The hub's end.</param>
    /// <param name="time">The clock.</param>
    /// <param name="loggers">The log.</param>
    /// <param name="isReplica">Whether other replicas have nodes too.</param>
    public CloudStreamModule(
        CloudStreamSection config, SessionRegistry sessions, NodesView nodes, Informer pods, Func<CancellationToken> stopping, TimeProvider time,
        ILoggerFactory loggers, bool isReplica)
    {
        _config = config;
        _tunnels = new NodeTunnels(sessions, node => nodes.Row(node).LastHeard, time) { ReplicaOf = nodes.ReplicaOf };
        _endpoint = new TunnelEndpoint(_tunnels, stopping, time, loggers.CreateLogger<TunnelEndpoint>())
        {
            IsMisdirected = node => isReplica && sessions.Find(node) is null,
        };
        var kubelets = new KubeletClient(_tunnels, time);
        var streams = new PodStreams(kubelets, stopping, time);
        _subresources = new PodSubresources(streams);
        _figures = new MetricsApi(new NodeFigures(kubelets, time, loggers.CreateLogger<NodeFigures>()));
        _server = new StreamServer(streams, kubelets, pods.Get, config.StreamClients, loggers.CreateLogger<StreamServer>());
    }

    /// <summary>Makes the embedded API serve what needs the nodes themselves.</summary>
    public void Serve(EmbeddedApiServer api)
    {
        api.PodStreams = _subresources.HandleAsync;
        api.Computed = _figures.HandleAsync;
    }

    public void Describe(MetricsPage metrics)
    {
        metrics.Gauge("edgesync_hub_tunnels", "Stream tunnels of nodes that are open.", () => _tunnels.Count);
        metrics.Gauge("edgesync_hub_tunnel_streams", "Streams (logs, exec, port-forward) that are open.", () => _tunnels.StreamCount);
    }

    /// <summary>The port of a cluster's API server, where there is one. (Nodes' tunnels come to the hub's ports.)</summary>
    public static void Listen(KestrelServerOptions kestrel, CloudStreamSection config, System.Net.IPAddress address)
    {
        if (config is not { Enable: true, StreamPort: > 0 })
        {
            return;
        }

        var clients = new ClientCertificates(X509Certificate2.CreateFromPem(File.ReadAllText(config.TlsStreamCAFile)));
        var server = X509Certificate2.CreateFromPemFile(config.TlsStreamCertFile, config.TlsStreamPrivateKeyFile);
        kestrel.Listen(address, config.StreamPort, l =>
        {
            l.Protocols = HttpProtocols.Http1;
            l.UseHttps(o => clients.Configure(o, server));
        });
    }

    /// <summary>The API server's port; before the hub's own endpoints.</summary>
    public void MapServer(WebApplication web)
    {
        if (_config.StreamPort > 0)
        {
            web.MapWhen(context => context.Connection.LocalPort == _config.StreamPort, branch => branch.UseWebSockets().Run(_server.HandleAsync));
        }
    }

    /// <summary>The nodes' path, at the hub's ports.</summary>
    public void MapTunnels(WebApplication web)
    {
        web.Map(TunnelEndpoint.Path, _endpoint.HandleAsync);
    }

    public void EndAll(string reason) => _tunnels.EndAll(reason);

    /// <summary>The node has gone to another replica: what streams it has here ends, so that it opens them there.</summary>
    public void End(string node) => _tunnels.End(node, "the node is at another replica of the hub");
}
