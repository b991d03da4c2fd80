using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.Nodes;

/// <summary>
/// The taints that follow from a node's conditions and its cordon, as Kubernetes' node lifecycle controller sets them.
/// On edge nodes the NoExecute ones are marks only, unless the node asks for more (<see cref="OfflineEviction"/>): lost contact
/// says nothing about the health of what runs there. No node is admitted with a not-ready taint: an agent registers with what it
/// knows of itself, so the taint would come and go with two writes for each box that joins.
/// </summary>
internal static class NodeTaints
{
    public const string NotReady = "node.kubernetes.io/not-ready";
    public const string Unreachable = "node.kubernetes.io/unreachable";

    private const string Unschedulable = "node.kubernetes.io/unschedulable";

    private static readonly (string Condition, string Taint)[] s_pressure =
    [
        ("MemoryPressure", "node.kubernetes.io/memory-pressure"),
        ("DiskPressure", "node.kubernetes.io/disk-pressure"),
        ("PIDPressure", "node.kubernetes.io/pid-pressure"),
        ("NetworkUnavailable", "node.kubernetes.io/network-unavailable"),
    ];

    /// <summary>The taints that the node should have, or null where it has exactly these; other people's taints stay.</summary>
    public static IReadOnlyList<Taint>? Correct(NodeFacts node, DateTimeOffset now)
    {
        var wanted = Wanted(node);
        var corrected = node.Taints.Where(taint => !IsOurs(taint) || wanted.Any(want => Same(want, taint))).ToList();
        var missing = wanted.Where(want => !node.Taints.Any(taint => Same(want, taint))).ToList();
        if (missing.Count == 0 && corrected.Count == node.Taints.Count)
        {
            return null;
        }

        corrected.AddRange(missing.Select(taint => taint with { TimeAdded = KubeTime.Format(now) }));
        return corrected;
    }

    private static List<Taint> Wanted(NodeFacts node)
    {
        var wanted = new List<Taint>();
        if (node.Ready is "False" or "Unknown")
        {
            var key = node.Ready == "False" ? NotReady : Unreachable;
            wanted.Add(new Taint { Key = key, Effect = "NoSchedule" });
            wanted.Add(new Taint { Key = key, Effect = "NoExecute" });
        }

        foreach (var (condition, taint) in s_pressure)
        {
            if (node.Conditions.Any(candidate => candidate.Type == condition && candidate.Status == "True"))
            {
                wanted.Add(new Taint { Key = taint, Effect = "NoSchedule" });
            }
        }

        if (node.Unschedulable)
        {
            wanted.Add(new Taint { Key = Unschedulable, Effect = "NoSchedule" });
        }

        return wanted;
    }

    // a node that has not told anything yet keeps the not-ready taint that the API may have admitted it with
    private static bool IsOurs(Taint taint) => taint.Effect switch
    {
        "NoSchedule" => taint.Key is NotReady or Unreachable or Unschedulable || s_pressure.Any(pair => pair.Taint == taint.Key),
        "NoExecute" => taint.Key is NotReady or Unreachable,
        _ => false,
    };

    private static bool Same(Taint a, Taint b) => a.Key == b.Key && a.Effect == b.Effect;
}
