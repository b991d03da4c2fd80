using System.Globalization;
using EdgeSync.CloudCore.Controllers.Volumes;

namespace EdgeSync.CloudCore.Controllers.Scheduling;

/// <summary>What has become of one pod in a round.</summary>
internal sealed record RoundResult(SchedulingPod Pod, PlacementOutcome Outcome);

/// <summary>Everything that one round of scheduling depends on.</summary>
internal sealed record SchedulingState
{
    public required SchedulingSnapshot Snapshot { get; init; }

    /// <summary>The pods that are to be placed.</summary>
    public required IReadOnlyList<SchedulingPod> Pending { get; init; }

    /// <summary>All pods without a node, also those whose turn it is not: room that is being made for them is theirs.</summary>
    public IReadOnlyList<SchedulingPod> Nominated { get; init; } = [];

    /// <summary>How many pods of a PodGroup must start together; null where there is no such group.</summary>
    public Func<NamespacedName, GangRule?> Gang { get; init; } = static _ => null;

    /// <summary>The tasks of those pods of the group that have a node already, or have done their work.</summary>
    public Func<NamespacedName, IReadOnlyList<string>> Started { get; init; } = static _ => [];

    /// <summary>What the claims of a pod allow: a reason that holds for all nodes, or a filter for each.</summary>
    public Func<SchedulingPod, PodVolumes> Volumes { get; init; } = static _ => PodVolumes.None;

    /// <summary>What speaks against the removal of pods; spent as the round removes some.</summary>
    public DisruptionBudgets Budgets { get; init; } = new([]);

    public Func<int, int> TieBreak { get; init; } = Random.Shared.Next;
}

/// <summary>What a pod's claims mean for where it can go.</summary>
/// <param name="Refused">Why it can go nowhere; null where it can.</param>
/// <param name="Judge">Why it cannot go to a node; null where it can.</param>
internal sealed record PodVolumes(string? Refused, Func<SchedulingNode, FilterVerdict?> Judge)
{
    /// <summary>The folders that its claims are on a node, by the claims' names.</summary>
    public IReadOnlyDictionary<string, VolumeFolder> Folders { get; init; } = new Dictionary<string, VolumeFolder>();


    public static readonly PodVolumes None = new(null, static _ => null);
}

/// <summary>
/// Places all pods whose turn it is, the most important and then the oldest first, each on what those before it have left. A pure function
/// but for the snapshot, in which the placed pods stand at the end.
/// </summary>
internal static class SchedulingRound
{
    public static IReadOnlyList<RoundResult> Run(SchedulingState state)
    {
        var results = new List<RoundResult>();
        var waiting = state.Pending
            .OrderByDescending(pod => pod.Priority).ThenBy(pod => pod.Created).ThenBy(pod => pod.Name.ToString(), StringComparer.Ordinal).ToList();
        var groups = new HashSet<NamespacedName>();
        foreach (var pod in waiting)
        {
            // a group that is not there means something to the gang scheduler alone
            var group = new NamespacedName(pod.Name.Namespace, pod.Group);
            if (pod.Group.Length == 0 || (pod.SchedulerName != SchedulingPod.GangScheduler && state.Gang(group) is null))
            {
                Keep(state, results, [Place(state, pod)]);
            }
            else if (groups.Add(group))
            {
                // all of a group when its first is at turn, so that no two groups get half of what they need
                Keep(state, results, PlaceGroup(state, group, [.. waiting.Where(other => other.Group == pod.Group && other.Name.Namespace == pod.Name.Namespace)]));
            }
        }

        return results;
    }

    // what goes for these is not there for those after them; what a gang would have sent away that gets no place stays
    private static void Keep(SchedulingState state, List<RoundResult> results, List<RoundResult> more)
    {
        more.ForEach(result => state.Budgets.Spend(result.Outcome.Preemption?.Victims ?? []));
        results.AddRange(more);
    }

    private static RoundResult Place(SchedulingState state, SchedulingPod pod)
    {
        var volumes = state.Volumes(pod);
        if (volumes.Refused is { } why)
        {
            return new RoundResult(pod, new PlacementOutcome(null, string.Create(CultureInfo.InvariantCulture, $"0/{state.Snapshot.Nodes.Count} nodes are available: {why}. preemption: {Preemption.Hopeless(state.Snapshot.Nodes.Count)}"), null));
        }

        var outcome = PodPlacement.Decide(pod, state.Snapshot, state.Nominated, volumes.Judge, state.TieBreak, state.Budgets);
        if (outcome.Node is { } node)
        {
            state.Snapshot.Add(pod, node);
        }

        return new RoundResult(pod, outcome);
    }

    private static List<RoundResult> PlaceGroup(SchedulingState state, NamespacedName group, List<SchedulingPod> pods)
    {
        if (state.Gang(group) is not { } rule)
        {
            return [.. pods.Select(pod => Refuse(pod, $"pod group {group.Name} was not found in namespace {group.Namespace}"))];
        }

        var started = state.Started(group);
        var results = NeededFirst(pods, rule, started).ConvertAll(pod => Place(state, pod));
        var placed = results.Where(result => result.Outcome.Node is not null).ToList();
        if (rule.IsMetBy([.. started, .. placed.Select(result => result.Pod.Gang.Task)]))
        {
            return results;
        }

        placed.ForEach(result => state.Snapshot.Remove(result.Pod, result.Outcome.Node!));
        var why = results.Find(result => result.Outcome.Node is null)?.Outcome.Message;
        var message = string.Create(
            CultureInfo.InvariantCulture,
            $"{pods.Count}/{pods.Count} tasks in gang unschedulable: pod group is not ready, {pods.Count} Pending, {started.Count} Running, {rule.MinMember} minAvailable{(why is null ? "" : $"; {why}")}");
        return [.. pods.Select(pod => Refuse(pod, message))];
    }

    // of each task as many as it must have: workers that are a few more must not take the place of the one parameter server
    private static List<SchedulingPod> NeededFirst(List<SchedulingPod> pods, GangRule rule, IReadOnlyList<string> started)
    {
        var needed = new List<SchedulingPod>();
        foreach (var (task, count) in rule.MinTaskMember)
        {
            needed.AddRange(pods.Where(pod => pod.Gang.Task == task).Take(count - started.Count(other => other == task)));
        }

        return [.. pods.Where(needed.Contains), .. pods.Where(pod => !needed.Contains(pod))];
    }

    private static RoundResult Refuse(SchedulingPod pod, string message) => new(pod, new PlacementOutcome(null, message, null));
}
