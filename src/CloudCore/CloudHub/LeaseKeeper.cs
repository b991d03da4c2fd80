using System.Text.Json.Nodes;
using EdgeSync.CloudCore.CloudHub.Upstream;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Hosting;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.CloudHub;

/// <summary>
/// Renews the Lease of every node with a live session, so that the control plane knows that there is contact. Done by the hub
/// and not by the node: a lease renewal each 10 s over a metered link is most of what a quiet node would send. KubeEdge's
/// agents renew their own.
/// </summary>
internal sealed partial class LeaseKeeper(
    KubeClient api, SessionRegistry registry, CloudHubOptions options, TimeProvider time, ILogger<LeaseKeeper> logger) : BackgroundService
{
    /// <summary>As kubelet: a quarter of the lease's duration.</summary>
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(10);

    private const int LeaseSeconds = 40;
    private const int Parallel = 8;
    private const string LeaseNamespace = "kube-node-lease";

    private readonly WakeSignal _wake = new();
    private readonly HashSet<(string Node, long Epoch)> _renewed = []; // sessions renewed in this interval; used by the loop alone

    /// <summary>A session has begun: renew its lease now, not in ten seconds.</summary>
    public void Wake() => _wake.Set();

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var due = time.GetTimestamp();
        while (true)
        {
            await RenewAsync(stoppingToken);
            var left = s_interval - time.GetElapsedTime(due);
            if (left <= TimeSpan.Zero || !await _wake.WaitAsync(left, stoppingToken))
            {
                due = time.GetTimestamp();
                _renewed.Clear();
            }
        }
    }

    private async Task RenewAsync(CancellationToken cancellationToken)
    {
        var sessions = registry.Live
            .Where(s => s.Identity.Extended && s.Silence < options.SilenceLimit && _renewed.Add((s.Node, s.Epoch)))
            .ToList();
        await System.Threading.Tasks.Parallel.ForEachAsync(
            sessions,
            new ParallelOptions { MaxDegreeOfParallelism = Parallel, CancellationToken = cancellationToken },
            async (session, token) => await RenewAsync(session.Node, token));
    }

    private async Task RenewAsync(string node, CancellationToken cancellationToken)
    {
        var spec = new JsonObject
        {
            ["holderIdentity"] = node,
            ["leaseDurationSeconds"] = LeaseSeconds,
            ["renewTime"] = KubeTime.FormatMicro(time.GetUtcNow()),
        };
        try
        {
            var patch = new JsonObject { ["spec"] = spec };
            await api.PatchAsync(ApiResources.Leases, LeaseNamespace, node, PatchType.Merge, ObjectContent.Bytes(patch), null, cancellationToken);
        }
        catch (ApiException e) when (e.IsNotFound)
        {
            await CreateAsync(node, spec, cancellationToken);
        }
        catch (ApiException e)
        {
            LogFailed(node, e.Message);
        }
    }

    private async Task CreateAsync(string node, JsonObject spec, CancellationToken cancellationToken)
    {
        spec = spec.DeepClone().AsObject();
        spec["acquireTime"] = spec["renewTime"]!.DeepClone();
        var lease = new JsonObject
        {
            ["apiVersion"] = "coordination.k8s.io/v1",
            ["kind"] = "Lease",
            ["metadata"] = new JsonObject { ["name"] = node, ["namespace"] = LeaseNamespace },
            ["spec"] = spec,
        };
        try
        {
            await api.CreateAsync(ApiResources.Leases, LeaseNamespace, ObjectContent.Bytes(lease), cancellationToken);
        }
        catch (ApiException e)
        {
            LogFailed(node, e.Message);
        }
    }

    [LoggerMessage(LogLevel.Warning, "Lease of node {Node} was not renewed: {Text}")]
    private partial void LogFailed(string node, string text);
}
