using EdgeSync.CloudCore.Controllers.DaemonSets;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.Scheduling;

/// <summary>Why a node does not do for a pod.</summary>
/// <param name="Reason">In Kubernetes' words.</param>
/// <param name="Resolvable">Whether the removal of other pods could change it.</param>
internal readonly record struct FilterVerdict(string Reason, bool Resolvable);

/// <summary>What a node must be and have for a pod, by itself alone: the filters of Kubernetes' scheduler that look at one node.</summary>
internal static class NodeFit
{
    private static readonly Taint s_cordoned = new() { Key = "node.kubernetes.io/unschedulable", Effect = "NoSchedule" };

    /// <summary>The reasons of the first filter that refuses, in Kubernetes' order; none where the pod fits.</summary>
    public static IReadOnlyList<FilterVerdict> Judge(SchedulingPod pod, NodeLoad load)
    {
        var node = load.Node;
        if (node.Unschedulable && !pod.Tolerations.Any(toleration => DaemonPlacement.Tolerates(toleration, s_cordoned)))
        {
            return [new FilterVerdict("node(s) were unschedulable", Resolvable: false)];
        }

        if (Untolerated(pod, node) is { } taint)
        {
            return [new FilterVerdict($"node(s) had untolerated taint {{{taint.Key}: {taint.Value}}}", Resolvable: false)];
        }

        if (!Selects(pod, node))
        {
            return [new FilterVerdict("node(s) didn't match Pod's node affinity/selector", Resolvable: false)];
        }

        if (PortsCollide(pod, load))
        {
            return [new FilterVerdict("node(s) didn't have free ports for the requested pod ports", Resolvable: true)];
        }

        // most nodes have room, and all of them are asked for each pod: words are made where there is none
        return HasRoom(pod, load) ? [] : Shortages(pod, load);
    }

    /// <summary>Whether the node has free what the pod asks for: ports, resources, and that it may be one more.</summary>
    public static bool HasRoomFor(SchedulingPod pod, NodeLoad load) => !PortsCollide(pod, load) && HasRoom(pod, load);

    /// <summary>Whether the pod's nodeSelector and required node affinity take the node.</summary>
    public static bool Selects(SchedulingPod pod, SchedulingNode node) =>
        (pod.NodeSelector.Count == 0 || pod.NodeSelector.All(wanted => node.Labels.TryGetValue(wanted.Key, out var value) && value == wanted.Value))
        && (pod.Affinity?.NodeAffinity?.RequiredDuringSchedulingIgnoredDuringExecution is not { } required
            || required.NodeSelectorTerms.Any(term => DaemonPlacement.FitsTerm(term, node.Name, node.Labels)));

    /// <summary>The first taint that keeps the pod out.</summary>
    public static Taint? Untolerated(SchedulingPod pod, SchedulingNode node) => node.Taints.Count == 0 ? null : node.Taints.FirstOrDefault(
        taint => taint.Effect is "NoSchedule" or "NoExecute" && !pod.Tolerations.Any(toleration => DaemonPlacement.Tolerates(toleration, taint)));

    private static bool PortsCollide(SchedulingPod pod, NodeLoad load) =>
        pod.Ports.Count > 0 && load.Pods.Any(other => other.Ports.Any(taken => pod.Ports.Any(wanted => wanted.Collides(taken))));

    private static bool HasRoom(SchedulingPod pod, NodeLoad load)
    {
        var allocatable = load.Node.Allocatable;
        if (load.Pods.Count + 1 > allocatable.GetValueOrDefault(Demand.Pods))
        {
            return false;
        }

        foreach (var (resource, asked) in pod.Requests)
        {
            if (asked > 0 && asked > allocatable.GetValueOrDefault(resource) - load.Requested(resource))
            {
                return false;
            }
        }

        return true;
    }

    private static List<FilterVerdict> Shortages(SchedulingPod pod, NodeLoad load)
    {
        var reasons = new List<FilterVerdict>();
        var allocatable = load.Node.Allocatable;
        if (load.Pods.Count + 1 > allocatable.GetValueOrDefault(Demand.Pods))
        {
            reasons.Add(new FilterVerdict("Too many pods", allocatable.GetValueOrDefault(Demand.Pods) > 0));
        }

        foreach (var (resource, asked) in pod.Requests.OrderBy(pair => Order(pair.Key)).ThenBy(pair => pair.Key, StringComparer.Ordinal))
        {
            var has = allocatable.GetValueOrDefault(resource);
            if (asked > 0 && asked > has - load.Requested(resource))
            {
                reasons.Add(new FilterVerdict($"Insufficient {resource}", asked <= has));
            }
        }

        return reasons;
    }

    private static int Order(string resource) => resource switch
    {
        Demand.Cpu => 0,
        Demand.Memory => 1,
        Demand.Storage => 2,
        _ => 3,
    };
}
