using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.DaemonSets;

/// <summary>Everything that the decision on a DaemonSet depends on.</summary>
internal sealed record DaemonSetState
{
    public required DaemonSetSpec Spec { get; init; }

    /// <summary>The current template's revision (label controller-revision-hash).</summary>
    public required string Hash { get; init; }

    public required IReadOnlyList<NodeFacts> Nodes { get; init; }

    /// <summary>The DaemonSet's pods by node, with those that were just made or deleted and are not in the cache yet.</summary>
    public required IReadOnlyDictionary<string, IReadOnlyList<PodFacts>> Pods { get; init; }

    public required DateTimeOffset Now { get; init; }

    /// <summary>Whether nodes that are not Ready count against maxUnavailable and are updated, as in Kubernetes.</summary>
    public bool CountsOffline { get; init; }

    /// <summary>How long a failed or finished pod must still wait for its replacement; zero for now.</summary>
    public Func<PodFacts, TimeSpan> ReplaceAfter { get; init; } = static _ => TimeSpan.Zero;
}

/// <summary>Where a pod is to be made.</summary>
/// <param name="Node">The node's name.</param>
/// <param name="Beside">The UID of the old pod that it comes up beside (surge); else empty.</param>
internal readonly record struct DaemonPodPlace(string Node, string Beside);

/// <summary>What is to be done for a DaemonSet, and its status.</summary>
internal sealed record DaemonSetPlan(
    IReadOnlyList<DaemonPodPlace> CreateOn, IReadOnlyList<PodFacts> Delete, DaemonSetStatus Status, TimeSpan? LookAgainAfter)
{
    public OfflineNodes Offline { get; init; }

    /// <summary>When it was decided.</summary>
    public DateTimeOffset At { get; init; }
}

/// <summary>Nodes that are not Ready and get the present template when they are back.</summary>
/// <param name="Old">They run a pod of an earlier one.</param>
/// <param name="Empty">They have no pod, and get none while they are away.</param>
internal readonly record struct OfflineNodes(int Old, int Empty)
{
    public int All => Old + Empty;
}

/// <summary>
/// Decides what a DaemonSet needs: a pure function of its state, so that every case can be tested without an API.
/// It follows Kubernetes' DaemonSet controller, but for one thing: a rollout leaves nodes that are not Ready alone.
/// Their pods are neither replaced nor counted against maxUnavailable: an edge node that is away for a week must not
/// hold up the others, and its old pod must go on running until its replacement can be started. It is updated,
/// within the same limits, when it is back. The annotation <see cref="OfflineAnnotation"/> switches to Kubernetes' counting.
/// </summary>
internal sealed partial class DaemonSetDecision
{
    /// <summary>Of a DaemonSet: <c>true</c> for a rollout that counts nodes which are not Ready like any other.</summary>
    public const string OfflineAnnotation = "edgesync.io/count-offline-nodes";

    private readonly DaemonSetState _state;
    private readonly List<Toleration> _tolerations;
    private readonly List<DaemonPodPlace> _create = [];
    private readonly Dictionary<string, PodFacts> _delete = [];
    private readonly Dictionary<string, PlacementVerdict> _verdicts = [];
    private readonly HashSet<string> _away = [];
    private readonly int _desired;
    private readonly int _maxSurge;
    private readonly int _maxUnavailable;
    private TimeSpan? _lookAgain;

    private DaemonSetDecision(DaemonSetState state)
    {
        _state = state;
        var template = state.Spec.Template.Spec;
        _tolerations = [.. template.Tolerations, .. DaemonPlacement.AddedTolerations(template)];
        foreach (var node in state.Nodes)
        {
            var verdict = DaemonPlacement.Judge(template, _tolerations, node);
            _verdicts[node.Name] = verdict;
            _desired += IsCounted(node) ? 1 : 0;
        }

        (_maxUnavailable, _maxSurge) = Limits(state.Spec.UpdateStrategy, _desired);
    }

    private bool RollsOut => _state.Spec.UpdateStrategy?.Type is null or "" or "RollingUpdate";

    public static DaemonSetPlan Decide(DaemonSetState state)
    {
        var decision = new DaemonSetDecision(state);
        foreach (var node in state.Nodes)
        {
            decision.PlacePods(node);
        }

        if (decision.RollsOut && decision._desired > 0)
        {
            decision.RollOut();
        }

        return new DaemonSetPlan(
            [.. decision._create], [.. decision._delete.Values], decision.CountStatus(), decision._lookAgain)
        {
            Offline = decision.CountOffline(),
            At = state.Now,
        };
    }

    /// <summary>Both limits as counts, percentages of the desired pods rounded up. One of them is at least 1.</summary>
    internal static (int MaxUnavailable, int MaxSurge) Limits(DaemonSetUpdateStrategy? strategy, int desired)
    {
        var surge = CountOrShare.Of(strategy?.RollingUpdate?.MaxSurge, 0, desired, roundUp: true);
        var unavailable = CountOrShare.Of(strategy?.RollingUpdate?.MaxUnavailable, 1, desired, roundUp: true);
        return surge == 0 && unavailable == 0 ? (1, 0) : (unavailable, surge);
    }

    // most DaemonSets do not tolerate that a node is not ready, and so do not count it, as in Kubernetes; those that tolerate everything are
    // counted alike, or "kubectl rollout status" would wait for boxes that are away
    private bool IsCounted(NodeFacts node) => _verdicts[node.Name].ShouldRun && (_state.CountsOffline || !IsOffline(node));

    private static bool IsOffline(NodeFacts node) => node.Ready is "False" or "Unknown";

    private OfflineNodes CountOffline()
    {
        int old = 0, empty = 0;
        foreach (var node in _state.Nodes.Where(node => IsOffline(node) && !_state.CountsOffline && _verdicts[node.Name].ShouldContinue))
        {
            var pods = PodsOn(node.Name).Where(pod => pod is { IsTerminal: false, IsDeleting: false }).ToList();
            if (pods.Count > 0)
            {
                old += RollsOut && !pods.Exists(IsCurrent) ? 1 : 0;
            }
            else if (!_verdicts[node.Name].ShouldRun && DaemonPlacement.Judge(_state.Spec.Template.Spec, _tolerations, node with { Taints = [.. node.Taints.Where(taint => !IsOfContact(taint))] }).ShouldRun)
            {
                empty++;
            }
        }

        return new OfflineNodes(old, empty);
    }

    private static bool IsOfContact(Taint taint) => taint.Key is Nodes.NodeTaints.NotReady or Nodes.NodeTaints.Unreachable;

    private IReadOnlyList<PodFacts> PodsOn(string node) => _state.Pods.TryGetValue(node, out var pods) ? pods : [];

    private void PlacePods(NodeFacts node)
    {
        var pods = PodsOn(node.Name);
        var verdict = _verdicts[node.Name];
        if (!verdict.ShouldContinue)
        {
            Delete(pods);
        }
        else if (pods.Count > 0)
        {
            ReplaceEndedPods(pods);
            RemoveSurplus(pods);
        }
        else if (verdict.ShouldRun)
        {
            // a pod on its way out still counts as there: the new one comes when the node has let go of it
            _create.Add(new DaemonPodPlace(node.Name, ""));
        }
    }

    private void ReplaceEndedPods(IReadOnlyList<PodFacts> pods)
    {
        foreach (var pod in pods.Where(pod => pod is { IsTerminal: true, IsDeleting: false }))
        {
            var wait = _state.ReplaceAfter(pod);
            if (wait == TimeSpan.Zero)
            {
                Delete([pod]);
            }
            else
            {
                LookAgainAfter(wait);
            }
        }
    }

    private void RemoveSurplus(IReadOnlyList<PodFacts> pods)
    {
        var alive = InOrderOfKeeping(pods.Where(pod => pod is { IsTerminal: false, IsDeleting: false }));
        if (alive.Count <= 1)
        {
            return;
        }

        if (!RollsOut || _maxSurge == 0)
        {
            Delete(alive.Skip(1));
            return;
        }

        // with surge an old and a new pod may stand side by side until the new one is available
        var newest = alive.Where(IsCurrent).ToList();
        var old = alive.Where(pod => !IsCurrent(pod)).ToList();
        Delete(newest.Skip(1));
        Delete(old.Skip(1));
        if (newest.Count > 0 && old.Count > 0 && (!old[0].IsReady || IsAvailable(newest[0])))
        {
            Delete(old.Take(1));
        }
    }

    // ready before not ready: a surplus pod must never cost the one that works; then the oldest
    private static List<PodFacts> InOrderOfKeeping(IEnumerable<PodFacts> pods) =>
        [.. pods.OrderByDescending(pod => pod.IsReady).ThenBy(pod => pod.Created).ThenBy(pod => pod.Uid, StringComparer.Ordinal)];

    private bool IsCurrent(PodFacts pod) => pod.Labels.GetValueOrDefault(DaemonPodWriter.HashLabel) == _state.Hash;

    private bool IsAvailable(PodFacts pod)
    {
        if (!pod.IsReady || pod.IsAvailable(_state.Spec.MinReadySeconds, _state.Now))
        {
            return pod.IsReady;
        }

        // ready, but not for long enough: nothing else will tell when that has changed
        LookAgainAfter(pod.ReadySince.AddSeconds(_state.Spec.MinReadySeconds) - _state.Now);
        return false;
    }

    private void LookAgainAfter(TimeSpan wait) => _lookAgain = _lookAgain is { } earlier && earlier < wait ? earlier : wait;

    private void Delete(IEnumerable<PodFacts> pods)
    {
        foreach (var pod in pods.Where(pod => !pod.IsDeleting))
        {
            _delete.TryAdd(pod.Uid, pod);
        }
    }

    private DaemonSetStatus CountStatus()
    {
        int current = 0, ready = 0, available = 0, updated = 0, misscheduled = 0;
        foreach (var node in _state.Nodes)
        {
            // a terminal pod that is being deleted is history
            var pods = PodsOn(node.Name).Where(pod => pod is not { IsTerminal: true, IsDeleting: true }).ToList();
            if (pods.Count == 0)
            {
                continue;
            }

            if (!_verdicts[node.Name].ShouldRun)
            {
                misscheduled++;
                continue;
            }

            if (!IsCounted(node))
            {
                continue;
            }

            var pod = pods.MinBy(candidate => candidate.Created)!;
            current++;
            ready += pod.IsReady ? 1 : 0;
            available += IsAvailable(pod) ? 1 : 0;
            updated += IsCurrent(pod) ? 1 : 0;
        }

        return new DaemonSetStatus
        {
            DesiredNumberScheduled = _desired,
            CurrentNumberScheduled = current,
            NumberReady = ready,
            NumberAvailable = available,
            NumberUnavailable = _desired - available,
            UpdatedNumberScheduled = updated,
            NumberMisscheduled = misscheduled,
        };
    }
}
