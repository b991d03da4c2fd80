using System.Globalization;

namespace EdgeSync.CloudCore.Controllers.Scheduling;

/// <summary>Whether a gang has its places.</summary>
/// <param name="Type">The condition that is True: <see cref="Scheduled"/> or <see cref="Unschedulable"/>.</param>
/// <param name="Reason">Volcano's word.</param>
/// <param name="Message">For people; empty for none.</param>
internal sealed record GangVerdict(string Type, string Reason, string Message)
{
    public const string Scheduled = "Scheduled";
    public const string Unschedulable = "Unschedulable";
}

/// <summary>
/// A PodGroup's status by the rules and in the words of Volcano's scheduler, from the pods alone. Where nothing waits for
/// <c>minResources</c>, Pending says that there is no room and Inqueue that pods may come.
/// </summary>
/// <param name="Phase">Inqueue, Pending, Running, Unknown or Completed.</param>
/// <param name="Running">Pods that run.</param>
/// <param name="Succeeded">Pods that have done their work.</param>
/// <param name="Failed">Pods that have not.</param>
/// <param name="Verdict">Null where the scheduler has not looked at the pods yet.</param>
internal sealed record PodGroupStatus(string Phase, int Running, int Succeeded, int Failed, GangVerdict? Verdict)
{
    private const string Completed = "Completed";

    public static PodGroupStatus Decide(GangRule rule, IReadOnlyList<PodFacts> pods, string? phase)
    {
        var verdict = Judge(rule, pods);
        var running = Count(pods, "Running");
        var (succeeded, failed) = (Count(pods, "Succeeded"), Count(pods, "Failed"));
        return new PodGroupStatus(PhaseOf(), running, succeeded, failed, verdict);

        string PhaseOf()
        {
            var (alive, ended) = (running + Count(pods, "Bound"), succeeded + failed);
            if (running > 0 && verdict?.Type == GangVerdict.Unschedulable)
            {
                return "Unknown";
            }

            if (alive + ended > 0 && alive + ended >= rule.MinMember)
            {
                return alive == 0 && Count(pods, "Pending") == 0 ? Completed : "Running";
            }

            // ended pods may have been removed
            return pods.Count == 0 && phase == Completed ? Completed : pods.Any(IsRefused) ? "Pending" : "Inqueue";
        }
    }

    private static GangVerdict? Judge(GangRule rule, IReadOnlyList<PodFacts> pods)
    {
        var ready = pods.Where(pod => TaskStatus(pod) is "Bound" or "Running" or "Succeeded").Select(pod => pod.Gang.Task).ToList();
        var valid = ready.Concat(pods.Where(pod => TaskStatus(pod) == "Pending").Select(pod => pod.Gang.Task)).ToList();
        if (pods.Count == 0)
        {
            return null;
        }

        if (!rule.HasTasks(valid))
        {
            return new GangVerdict(GangVerdict.Unschedulable, "NotEnoughPodsOfTask", "Not enough valid pods of each task for gang-scheduling");
        }

        if (valid.Count < rule.MinMember)
        {
            return new GangVerdict(
                GangVerdict.Unschedulable, "NotEnoughTasks",
                string.Create(CultureInfo.InvariantCulture, $"Not enough valid tasks for gang-scheduling, valid: {valid.Count}, min: {rule.MinMember}"));
        }

        if (rule.IsMetBy(ready))
        {
            return new GangVerdict(GangVerdict.Scheduled, "tasks in gang are ready to be scheduled", "");
        }

        return pods.Any(IsRefused) ? new GangVerdict(GangVerdict.Unschedulable, "NotEnoughResources", Describe(rule, pods, rule.MinMember - ready.Count)) : null;
    }

    private static string Describe(GangRule rule, IReadOnlyList<PodFacts> pods, int missing)
    {
        var refused = pods.Count(IsRefused);
        var counts = Counts(pods.GroupBy(TaskStatus).Select(group => (group.Count(), group.Key)).Append((rule.MinMember, "minAvailable")));
        var waiting = Counts(new[] { (refused, "Unschedulable"), (Count(pods, "Pending") - refused, "Undetermined") }.Where(entry => entry.Item1 > 0));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{missing}/{pods.Count} tasks in gang unschedulable: pod group is not ready, {counts}; Pending: {waiting}");
    }

    // sorted as texts
    private static string Counts(IEnumerable<(int Count, string What)> counts) =>
        string.Join(", ", counts.Select(entry => string.Create(CultureInfo.InvariantCulture, $"{entry.Count} {entry.What}")).Order(StringComparer.Ordinal));

    private static bool IsRefused(PodFacts pod) => pod.IsUnschedulable && TaskStatus(pod) == "Pending";

    private static int Count(IReadOnlyList<PodFacts> pods, string status) => pods.Count(pod => TaskStatus(pod) == status);

    private static string TaskStatus(PodFacts pod) => pod switch
    {
        { IsTerminal: true } => pod.Phase,
        { IsDeleting: true } => "Releasing",
        { Phase: "Pending", IsBound: false } => "Pending",
        { Phase: "Pending" } => "Bound",
        _ => pod.Phase,
    };
}
