using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.DaemonSets;

/// <summary>What a node means for a daemon pod.</summary>
/// <param name="ShouldRun">A pod is made where there is none.</param>
/// <param name="ShouldContinue">A pod that is there may stay. A NoSchedule taint keeps new pods out, and old ones in.</param>
internal readonly record struct PlacementVerdict(bool ShouldRun, bool ShouldContinue);

/// <summary>
/// Which nodes a DaemonSet's pods belong on: spec.nodeName, nodeSelector, required node affinity, taints.
/// Pure functions of the pod template and the node (Kubernetes: the DaemonSet controller's node predicates).
/// </summary>
internal static class DaemonPlacement
{
    private static readonly IReadOnlyList<Toleration> s_added =
    [
        // health taints never make a daemon pod leave …
        new() { Key = "node.kubernetes.io/not-ready", Operator = "Exists", Effect = "NoExecute" },
        new() { Key = "node.kubernetes.io/unreachable", Operator = "Exists", Effect = "NoExecute" },
        // … and pressure or a cordon never keeps one out
        new() { Key = "node.kubernetes.io/disk-pressure", Operator = "Exists", Effect = "NoSchedule" },
        new() { Key = "node.kubernetes.io/memory-pressure", Operator = "Exists", Effect = "NoSchedule" },
        new() { Key = "node.kubernetes.io/pid-pressure", Operator = "Exists", Effect = "NoSchedule" },
        new() { Key = "node.kubernetes.io/unschedulable", Operator = "Exists", Effect = "NoSchedule" },
    ];

    private static readonly Toleration s_addedOnHostNetwork =
        new() { Key = "node.kubernetes.io/network-unavailable", Operator = "Exists", Effect = "NoSchedule" };

    /// <summary>The tolerations that every daemon pod gets beside its template's.</summary>
    public static IEnumerable<Toleration> AddedTolerations(PodSpec template) =>
        template.HostNetwork ? s_added.Append(s_addedOnHostNetwork) : s_added;

    /// <param name="template">The pod template's spec.</param>
    /// <param name="tolerations">The template's and the added tolerations.</param>
    /// <param name="node">The node.</param>
    public static PlacementVerdict Judge(PodSpec template, IReadOnlyList<Toleration> tolerations, NodeFacts node)
    {
        if (!string.IsNullOrEmpty(template.NodeName) && template.NodeName != node.Name)
        {
            return default;
        }

        if (!FitsNodeSelector(template, node) || !FitsAffinity(template.Affinity?.NodeAffinity, node))
        {
            return default;
        }

        var repelled = node.Taints.Where(taint => !tolerations.Any(toleration => Tolerates(toleration, taint))).ToList();
        return new PlacementVerdict(
            ShouldRun: !repelled.Any(taint => taint.Effect is "NoSchedule" or "NoExecute"),
            ShouldContinue: !repelled.Any(taint => taint.Effect == "NoExecute"));
    }

    /// <summary>core/v1: an empty key with Exists fits all taints; an empty effect fits all effects.</summary>
    public static bool Tolerates(Toleration toleration, Taint taint)
    {
        if (!string.IsNullOrEmpty(toleration.Effect) && toleration.Effect != taint.Effect)
        {
            return false;
        }

        if (!string.IsNullOrEmpty(toleration.Key) && toleration.Key != taint.Key)
        {
            return false;
        }

        return toleration.Operator switch
        {
            "Exists" => true,
            null or "" or "Equal" => !string.IsNullOrEmpty(toleration.Key) && (toleration.Value ?? "") == (taint.Value ?? ""),
            _ => false,
        };
    }

    private static bool FitsNodeSelector(PodSpec template, NodeFacts node) =>
        (template.NodeSelector ?? LabelSelectors.NoLabels)
            .All(wanted => node.Labels.TryGetValue(wanted.Key, out var value) && value == wanted.Value);

    // no requirement fits every node; a requirement without terms fits none
    private static bool FitsAffinity(NodeAffinity? affinity, NodeFacts node) =>
        affinity?.RequiredDuringSchedulingIgnoredDuringExecution is not { } required
        || required.NodeSelectorTerms.Any(term => FitsTerm(term, node.Name, node.Labels));

    /// <summary>Whether all of a term's requirements hold for a node of that name and those labels; a term without any fits none.</summary>
    public static bool FitsTerm(NodeSelectorTerm term, string nodeName, IReadOnlyDictionary<string, string> labels)
    {
        var expressions = term.MatchExpressions ?? [];
        var fields = term.MatchFields ?? [];
        return expressions.Count + fields.Count > 0
            && expressions.All(expression => expression.Matches(labels))
            && fields.All(field => FitsField(field, nodeName));
    }

    // metadata.name is the only field, In and NotIn the only operators that the API takes
    private static bool FitsField(SelectorRequirement field, string nodeName) =>
        field.Key == "metadata.name" && field.Operator switch
        {
            "In" => (field.Values ?? []).Contains(nodeName),
            "NotIn" => !(field.Values ?? []).Contains(nodeName),
            _ => false,
        };
}
