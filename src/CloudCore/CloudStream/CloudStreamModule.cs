using EdgeSync.CloudCore.CloudHub;
using EdgeSync.CloudCore.EmbeddedApi;
using EdgeSync.CloudCore.Ledger;
using EdgeSync.Hosting;

namespace EdgeSync.CloudCore.CloudStream;

/// <summary>Logs, exec, attach, port-forward and figures of nodes, composed; as long as the program.</summary>
internal sealed class CloudStreamModule
{
    private readonly NodeTunnels _tunnels;
    private readonly TunnelEndpoint _endpoint;
    private readonly PodSubresources _subresources;
    private readonly MetricsApi _figures;

    /// <param name="sessions">Which nodes are connected.</param>
    /// <param name="nodes">When the others were last heard.</param>
    /// <param name="stopping">The hub's end.</param>
    /// <param name="time">The clock.</param>
    /// <param name="loggers">The log.</param>
    public CloudStreamModule(
        SessionRegistry sessions, NodesView nodes, Func<CancellationToken> stopping, TimeProvider time, ILoggerFactory loggers)
    {
        _tunnels = new NodeTunnels(sessions, node => nodes.Row(node).LastHeard, time);
        _endpoint = new TunnelEndpoint(_tunnels, stopping, time, loggers.CreateLogger<TunnelEndpoint>());
        var kubelets = new KubeletClient(_tunnels, time);
        var streams = new PodStreams(kubelets, stopping, time);
        _subresources = new PodSubresources(streams);
        _figures = new MetricsApi(new NodeFigures(kubelets, time, loggers.CreateLogger<NodeFigures>()));
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

    /// <summary>The nodes' path, at the hub's ports.</summary>
    public void MapTunnels(WebApplication web)
    {
        web.Map(TunnelEndpoint.Path, _endpoint.HandleAsync);
    }

    public void EndAll(string reason) => _tunnels.EndAll(reason);
}
