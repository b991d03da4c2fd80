using EdgeSync.Protocol.Configuration;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.Nodes;

/// <summary>
/// When a pod has to leave its node for the node's NoExecute taints: Kubernetes' rules, but that a node at the edge which is out of contact
/// keeps its pods unless its annotation says otherwise. Pure functions.
/// </summary>
internal static class OfflineEviction
{
    /// <summary>
    /// Of a Node: <c>never</c>, or how long its pods stay at least when it is out of contact or not ready (<c>30m</c>, <c>12h</c>). Without
    /// it: never for nodes at the edge, and as the pods' tolerations say for others.
    /// </summary>
    public const string Annotation = "edgesync.io/evict-offline-after";

    private const string Never = "never";
    private static readonly TimeSpan s_longest = TimeSpan.FromDays(365);

    /// <summary>What is wrong with the annotation's value, and what holds in its place; null where nothing is.</summary>
    public static string? Problem(NodeFacts node) =>
        node.EvictOfflineAfter is not { } text || text == Never || TryRead(text, out _) ? null
        : $"The annotation {Annotation} is \"{(text.Length > 60 ? text[..60] + "…" : text)}\", which is neither \"{Never}\" nor a duration up to {s_longest.TotalDays:0} days such as 30m or 12h; pods stay on this node when it is offline";

    /// <summary>How long after its taints were noticed a pod has to leave; zero for now, null for never.</summary>
    public static TimeSpan? After(NodeFacts node, IReadOnlyList<Toleration> tolerations)
    {
        TimeSpan? shortest = null;
        foreach (var taint in node.Taints.Where(taint => taint.Effect == "NoExecute"))
        {
            var least = TimeSpan.Zero;
            if (IsOfContact(taint))
            {
                if (Wish(node) is not { } wish)
                {
                    continue;
                }

                least = wish;
            }

            // as in Kubernetes the first toleration that fits a taint counts; of several taints the one that is tolerated for the shortest time
            if (Tolerated(tolerations.FirstOrDefault(toleration => DaemonSets.DaemonPlacement.Tolerates(toleration, taint))) is { } tolerated)
            {
                var time = tolerated < least ? least : tolerated;
                shortest = shortest is { } before && before < time ? before : time;
            }
        }

        return shortest;
    }

    // null for ever, none not at all
    private static TimeSpan? Tolerated(Toleration? toleration) =>
        toleration is null ? TimeSpan.Zero
        : toleration.TolerationSeconds is { } seconds ? TimeSpan.FromSeconds(Math.Clamp(seconds, 0, (long)s_longest.TotalSeconds))
        : null;

    /// <summary>Whether the taint says that the node is out of contact or not ready, rather than what somebody wants.</summary>
    public static bool IsOfContact(Taint taint) => taint is { Effect: "NoExecute", Key: NodeTaints.NotReady or NodeTaints.Unreachable };

    /// <summary>
    /// Whether so many nodes are not ready that the cause is more likely on this side: all of them, or more than two and 55 % of them
    /// (Kubernetes' unhealthy-zone-threshold).
    /// </summary>
    public static bool IsWidespread(int nodes, int notReady) => notReady > 0 && (notReady == nodes || (notReady > 2 && notReady >= 0.55 * nodes));

    private static TimeSpan? Wish(NodeFacts node) => node.EvictOfflineAfter switch
    {
        null => node.IsEdge ? null : TimeSpan.Zero,
        { } text => TryRead(text, out var after) ? after : null,
    };

    private static bool TryRead(string text, out TimeSpan after) => GoDuration.TryParse(text, out after) && after <= s_longest;
}
