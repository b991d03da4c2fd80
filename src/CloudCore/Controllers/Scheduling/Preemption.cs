using System.Globalization;

namespace EdgeSync.CloudCore.Controllers.Scheduling;

/// <summary>Which pods go so that a more important one can come.</summary>
/// <param name="Node">Where it will come.</param>
/// <param name="Victims">The pods that go; the most important first.</param>
/// <param name="Violations">How many of them go although a disruption budget speaks against it.</param>
internal sealed record PreemptionPlan(string Node, IReadOnlyList<SchedulingPod> Victims, int Violations);

/// <summary>
/// Finds the node on which the least is lost when pods of lower priority make room for a pod: as few and as unimportant ones as can be.
/// Kubernetes' rules (DefaultPreemption): disruption budgets are kept where that is possible, and broken where it is not.
/// </summary>
internal static class Preemption
{
    /// <returns>The plan, or why there is none, in Kubernetes' words; and whether pods are leaving for this one already.</returns>
    public static (PreemptionPlan? Plan, string Why, bool IsOnItsWay) Decide(
        SchedulingPod pod, SchedulingSnapshot snapshot, IReadOnlyDictionary<NodeLoad, IReadOnlyList<FilterVerdict>> refused, PodPlacement placement,
        DisruptionBudgets budgets)
    {
        if (!pod.MayPreempt)
        {
            return (null, "not eligible due to preemptionPolicy=Never.", false);
        }

        if (snapshot.Find(pod.NominatedNode) is { } nominated
            && nominated.Pods.Any(other => other.IsDeleting && other.Priority < pod.Priority))
        {
            return (null, "not eligible due to a terminating pod on the nominated node.", true);
        }

        PreemptionPlan? best = null;
        var (without, hopeless) = (0, 0);
        foreach (var (load, verdicts) in refused.OrderBy(pair => pair.Key.Node.Name, StringComparer.Ordinal))
        {
            if (verdicts.Any(verdict => !verdict.Resolvable))
            {
                hopeless++;
            }
            else if (PlanOn(pod, load, placement, budgets) is not { } plan)
            {
                without++;
            }
            else if (best is null || CostsLess(plan, best))
            {
                best = plan;
            }
        }

        return best is not null ? (best, "", false) : (null, Describe(snapshot.Nodes.Count, without, hopeless), false);
    }

    /// <summary>Where not even the removal of pods helps.</summary>
    public static string Hopeless(int nodes) => Describe(nodes, 0, nodes);

    private static string Describe(int nodes, int without, int hopeless)
    {
        var reasons = new List<string>();
        if (without > 0)
        {
            reasons.Add(string.Create(CultureInfo.InvariantCulture, $"{without} No preemption victims found for incoming pod"));
        }

        if (hopeless > 0)
        {
            reasons.Add(string.Create(CultureInfo.InvariantCulture, $"{hopeless} Preemption is not helpful for scheduling"));
        }

        reasons.Sort(StringComparer.Ordinal);
        return string.Create(CultureInfo.InvariantCulture, $"0/{nodes} nodes are available: {string.Join(", ", reasons)}.");
    }

    // all that are less important go; then each that can stay does, those first whose budgets would be broken, the most important first
    private static PreemptionPlan? PlanOn(SchedulingPod pod, NodeLoad load, PodPlacement placement, DisruptionBudgets budgets)
    {
        var lower = load.Pods.Where(other => other.Priority < pod.Priority)
            .OrderByDescending(other => other.Priority).ThenBy(other => other.Started).ThenBy(other => other.Uid, StringComparer.Ordinal).ToList();
        if (lower.Count == 0)
        {
            return null;
        }

        lower.ForEach(other => placement.Remove(other, load));
        if (placement.Judge(load).Count > 0)
        {
            lower.ForEach(other => placement.Restore(other, load));
            return null;
        }

        var violating = budgets.Violating(lower);
        var goes = new HashSet<string>();
        foreach (var other in lower.OrderByDescending(other => violating.Contains(other.Uid)))
        {
            placement.Restore(other, load);
            if (placement.Judge(load).Count > 0)
            {
                placement.Remove(other, load);
                goes.Add(other.Uid);
            }
        }

        var victims = lower.FindAll(other => goes.Contains(other.Uid));
        victims.ForEach(other => placement.Restore(other, load));
        return victims.Count > 0 ? new PreemptionPlan(load.Node.Name, victims, victims.Count(other => violating.Contains(other.Uid))) : null;
    }

    private static bool CostsLess(PreemptionPlan plan, PreemptionPlan than)
    {
        // the budgets that are broken, then the highest priority that is lost, then all priorities together (so that none is below zero, as
        // Kubernetes shifts them), then how many, then whose work has begun last
        var order = plan.Violations.CompareTo(than.Violations);
        order = order != 0 ? order : plan.Victims[0].Priority.CompareTo(than.Victims[0].Priority);
        order = order != 0 ? order : Sum(plan).CompareTo(Sum(than));
        order = order != 0 ? order : plan.Victims.Count.CompareTo(than.Victims.Count);
        order = order != 0 ? order : Earliest(than).CompareTo(Earliest(plan));
        return order < 0;
    }

    private static long Sum(PreemptionPlan plan) => plan.Victims.Sum(victim => victim.Priority - (long)int.MinValue);

    private static DateTimeOffset Earliest(PreemptionPlan plan) =>
        plan.Victims.Where(victim => victim.Priority == plan.Victims[0].Priority).Min(victim => victim.Started);
}
