using System.Text.Json.Nodes;
using EdgeSync.CloudCore.CloudHub.Upstream;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Storage;

namespace EdgeSync.CloudCore.CloudHub;

/// <summary>
/// Renews the Lease of every node with a live session, so that the control plane knows that there is contact. Done by the hub
/// and not by the node: a lease renewal each 10 s over a metered link is most of what a quiet node would send. KubeEdge's
/// agents renew their own.
/// </summary>
internal sealed partial class LeaseKeeper(
    KubeClient api, SessionRegistry registry, CloudHubOptions options, TimeProvider time, ILogger<LeaseKeeper> logger) : BackgroundService
{
    private const int Parallel = 8;
    private const string LeaseNamespace = "kube-node-lease";

    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(1);

    private readonly Dictionary<string, long> _due = []; // node → when its lease is to be renewed; used by the loop alone

    /// <summary>As kubelet: four renewals in a lease's duration.</summary>
    private int LeaseSeconds => (int)(4 * options.LeaseInterval.TotalSeconds);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(s_look, time);
        do
        {
            await System.Threading.Tasks.Parallel.ForEachAsync(
                TakeDue(),
                new ParallelOptions { MaxDegreeOfParallelism = Parallel, CancellationToken = stoppingToken },
                async (node, token) => await RenewAsync(node, token));
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    /// <summary>
    /// Nodes whose renewal is due, with the next one noted. A node that comes back before that needs none, so a fleet that was cut
    /// off for a moment does not write thousands of leases at once.
    /// </summary>
    private List<string> TakeDue()
    {
        var due = new List<string>();
        var now = time.GetTimestamp();
        foreach (var session in registry.Live)
        {
            if (session.Identity.Extended && session.Silence < options.SilenceLimit
                && (!_due.TryGetValue(session.Node, out var at) || at <= now))
            {
                // up to a tenth early, so that what began together drifts apart
                var wait = options.LeaseInterval * (1 - (0.1 * Random.Shared.NextDouble()));
                _due[session.Node] = now + (long)(wait.TotalSeconds * time.TimestampFrequency);
                due.Add(session.Node);
            }
        }

        return due;
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
            Failpoint.Hit(HubFailpoints.LeaseRenewed);
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
