using System.Text.Json.Nodes;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.Disruption;

/// <summary>
/// How many pods the controllers of some pods want: <c>spec.replicas</c> of a ReplicaSet's Deployment, of a ReplicaSet, StatefulSet or
/// ReplicationController. Of a DaemonSet, which Kubernetes' disruption controller cannot count, the nodes that it is to run on: at the
/// edge most pods are its. Pods without such a controller count for nothing.
/// </summary>
internal sealed class WantedPods(KubeClient client)
{
    private static readonly ApiResource[] s_kinds =
    [
        ApiResources.ReplicaSets,
        ApiResources.Deployments,
        ApiResources.StatefulSets,
        ApiResources.DaemonSets,
        ApiResources.ReplicationControllers,
    ];

    public async Task<int> CountAsync(string ns, IReadOnlyList<PodFacts> pods, CancellationToken ct)
    {
        var count = 0;
        var counted = new HashSet<string>();
        foreach (var owner in pods.Select(p => p.Controller).OfType<OwnerReference>().DistinctBy(o => o.Uid))
        {
            count += await CountAsync(ns, owner, counted, ct);
        }

        return count;
    }

    private async Task<int> CountAsync(string ns, OwnerReference owner, HashSet<string> counted, CancellationToken ct)
    {
        if (Array.Find(s_kinds, owner.Is) is not { } resource
            || await client.GetAsync(resource, ns, owner.Name, ct) is not { } found
            || found.Uid != owner.Uid
            || !counted.Add(found.Uid))
        {
            return 0;
        }

        if (resource == ApiResources.ReplicaSets && found.View(KubernetesJson.Default.AnyObject).Metadata.Controller() is { } above)
        {
            return await CountAsync(ns, above, counted, ct);
        }

        var node = (JsonObject)JsonNode.Parse(found.Json.Span)!;
        var number = resource == ApiResources.DaemonSets ? node["status"]?["desiredNumberScheduled"] : node["spec"]?["replicas"];
        return number?.GetValue<int>() ?? (resource == ApiResources.DaemonSets ? 0 : 1);
    }
}
