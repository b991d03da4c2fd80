using System.Globalization;

namespace EdgeSync.CloudCore.Controllers.Scheduling;

/// <summary>Where a pod goes, or why it goes nowhere.</summary>
/// <param name="Node">The node; null for none.</param>
/// <param name="Message">Without a node: Kubernetes' words.</param>
/// <param name="Preemption">Without a node: whom to remove, and where, so that it has one soon.</param>
/// <param name="KeepsNomination">Whether the node that it was promised stays promised.</param>
internal sealed record PlacementOutcome(string? Node, string Message, PreemptionPlan? Preemption, bool KeepsNomination = false);

/// <summary>
/// Chooses the node of one pod: a pure function of the pod and the snapshot. Nodes are filtered, those left are scored, the best wins; among
/// equals the one that <c>tieBreak</c> draws.
/// </summary>
internal sealed class PodPlacement
{
    private readonly SchedulingPod _pod;
    private readonly SchedulingSnapshot _snapshot;
    private readonly IReadOnlyList<SchedulingPod> _nominated;
    private readonly AffinityCounts _affinity;
    private readonly SpreadCounts _spread;
    private readonly Func<SchedulingNode, FilterVerdict?> _volumes;

    private PodPlacement(
        SchedulingPod pod, SchedulingSnapshot snapshot, IReadOnlyList<SchedulingPod> nominated, Func<SchedulingNode, FilterVerdict?> volumes)
    {
        _pod = pod;
        _snapshot = snapshot;
        _nominated = nominated;
        _volumes = volumes;
        _affinity = new AffinityCounts(pod, snapshot);
        _spread = new SpreadCounts(pod, snapshot);
    }

    /// <param name="pod">The pod without a node.</param>
    /// <param name="snapshot">The nodes, and what is on them. It is changed while victims are weighed, and as before at the end.</param>
    /// <param name="nominated">Pods that wait for room that is being made for them.</param>
    /// <param name="volumes">Why a node cannot have the pod's volumes.</param>
    /// <param name="tieBreak">From a count of equals, which one.</param>
    /// <param name="budgets">What speaks against the removal of pods.</param>
    public static PlacementOutcome Decide(
        SchedulingPod pod, SchedulingSnapshot snapshot, IReadOnlyList<SchedulingPod> nominated,
        Func<SchedulingNode, FilterVerdict?> volumes, Func<int, int> tieBreak, DisruptionBudgets budgets)
    {
        if (snapshot.Nodes.Count == 0)
        {
            return new PlacementOutcome(null, "no nodes available to schedule pods", null);
        }

        var placement = new PodPlacement(pod, snapshot, nominated, volumes);
        var refused = new Dictionary<NodeLoad, IReadOnlyList<FilterVerdict>>();
        var fitting = new List<NodeLoad>();
        foreach (var load in snapshot.Nodes)
        {
            var verdicts = placement.JudgeBesideNominated(load);
            if (verdicts.Count == 0)
            {
                fitting.Add(load);
            }
            else
            {
                refused[load] = verdicts;
            }
        }

        if (fitting.Count > 0)
        {
            return new PlacementOutcome(Best(pod, fitting, snapshot, tieBreak).Node.Name, "", null);
        }

        var message = Describe(refused.Values, snapshot.Nodes.Count);
        var (plan, why, onItsWay) = Preemption.Decide(pod, snapshot, refused, placement, budgets);
        return new PlacementOutcome(null, plan is null ? $"{message} preemption: {why}" : message, plan, onItsWay);
    }

    /// <summary>All that speaks against the node now; none where the pod fits.</summary>
    public IReadOnlyList<FilterVerdict> Judge(NodeLoad load)
    {
        var own = NodeFit.Judge(_pod, load);
        if (own.Count > 0)
        {
            return own;
        }

        return (_volumes(load.Node) ?? _spread.Judge(load.Node) ?? _affinity.Judge(load.Node)) is { } verdict ? [verdict] : [];
    }

    /// <summary>Takes a pod off a node for as long as victims are weighed.</summary>
    public void Remove(SchedulingPod other, NodeLoad load) => Change(other, load, -1);

    /// <summary>Puts it back.</summary>
    public void Restore(SchedulingPod other, NodeLoad load) => Change(other, load, 1);

    /// <summary>Counts of reasons, sorted as texts, as Kubernetes writes them.</summary>
    internal static string Describe(IEnumerable<IReadOnlyList<FilterVerdict>> refused, int nodes)
    {
        var reasons = refused.SelectMany(verdicts => verdicts.Select(verdict => verdict.Reason))
            .GroupBy(reason => reason)
            .Select(group => string.Create(CultureInfo.InvariantCulture, $"{group.Count()} {group.Key}"))
            .Order(StringComparer.Ordinal);
        return string.Create(CultureInfo.InvariantCulture, $"0/{nodes} nodes are available: {string.Join(", ", reasons)}.");
    }

    private static NodeLoad Best(SchedulingPod pod, List<NodeLoad> fitting, SchedulingSnapshot snapshot, Func<int, int> tieBreak)
    {
        if (fitting.Find(load => load.Node.Name == pod.NominatedNode) is { } nominated)
        {
            return nominated;
        }

        if (fitting.Count == 1)
        {
            return fitting[0];
        }

        var scores = NodeScores.Score(pod, fitting, snapshot);
        var best = scores.Max();
        var equals = fitting.Where((_, i) => Math.Abs(scores[i] - best) < 1e-9).ToList();
        return equals[tieBreak(equals.Count)];
    }

    // room that is being made for a pod that is as important is not taken by another; but the pod must fit without it too, as it may never come
    private IReadOnlyList<FilterVerdict> JudgeBesideNominated(NodeLoad load)
    {
        if (_nominated.Count == 0)
        {
            return Judge(load);
        }

        var beside = _nominated.Where(other => other.NominatedNode == load.Node.Name && other.Uid != _pod.Uid && other.Priority >= _pod.Priority).ToList();
        if (beside.Count > 0)
        {
            beside.ForEach(other => Restore(other, load));
            var verdicts = Judge(load);
            beside.ForEach(other => Remove(other, load));
            if (verdicts.Count > 0)
            {
                return verdicts;
            }
        }

        return Judge(load);
    }

    private void Change(SchedulingPod other, NodeLoad load, int sign)
    {
        if (sign > 0)
        {
            _snapshot.Add(other, load.Node.Name);
        }
        else
        {
            _snapshot.Remove(other, load.Node.Name);
        }

        _affinity.Count(other, load.Node, sign);
        _spread.Count(other, load.Node, sign);
    }
}
