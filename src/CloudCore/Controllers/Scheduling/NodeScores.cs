using EdgeSync.CloudCore.Controllers.DaemonSets;

namespace EdgeSync.CloudCore.Controllers.Scheduling;

/// <summary>
/// Which of the nodes that fit is best: Kubernetes' scores with their default weights. Each gives 0 to 100; the sum decides.
/// </summary>
internal static class NodeScores
{
    private const double Most = 100;
    private const int TaintWeight = 3;
    private const int NodeAffinityWeight = 2;
    private const int PodAffinityWeight = 2;
    private const int SpreadWeight = 2;
    private const string HostName = "kubernetes.io/hostname";

    /// <summary>The sums, in the order of <paramref name="fitting"/>.</summary>
    public static double[] Score(SchedulingPod pod, IReadOnlyList<NodeLoad> fitting, SchedulingSnapshot snapshot)
    {
        var sums = new double[fitting.Count];
        for (var i = 0; i < sums.Length; i++)
        {
            var (cpu, memory) = UsedShares(pod, fitting[i]);
            sums[i] = LeastAllocated(cpu, memory) + Balanced(cpu, memory);
        }

        AddNormal(sums, TaintWeight, [.. fitting.Select(load => -(double)AvoidedTaints(pod, load.Node))]);
        AddNormal(sums, NodeAffinityWeight, [.. fitting.Select(load => (double)PreferredNode(pod, load.Node))]);
        AddNormal(sums, PodAffinityWeight, PreferredPods(pod, fitting, snapshot));
        AddNormal(sums, SpreadWeight, Spread(pod, fitting, snapshot));
        return sums;
    }

    /// <summary>How much of the node would be left, cpu and memory alike.</summary>
    private static double LeastAllocated(double cpu, double memory) => Most * ((1 - cpu) + (1 - memory)) / 2;

    /// <summary>How alike the shares of cpu and memory would be.</summary>
    private static double Balanced(double cpu, double memory) => Most * (1 - (Math.Abs(cpu - memory) / 2));

    private static (double Cpu, double Memory) UsedShares(SchedulingPod pod, NodeLoad load)
    {
        var (cpu, memory) = NodeLoad.BurdenOf(pod);
        return (Share(load.Burden.Cpu + cpu, load.Node, Demand.Cpu), Share(load.Burden.Memory + memory, load.Node, Demand.Memory));
    }

    private static double Share(long used, SchedulingNode node, string resource) =>
        node.Allocatable.GetValueOrDefault(resource) is > 0 and var has ? Math.Min(1, (double)used / has) : 1;

    private static int AvoidedTaints(SchedulingPod pod, SchedulingNode node) => node.Taints.Count == 0 ? 0 : node.Taints.Count(
        taint => taint.Effect == "PreferNoSchedule" && !pod.Tolerations.Any(toleration => DaemonPlacement.Tolerates(toleration, taint)));

    private static int PreferredNode(SchedulingPod pod, SchedulingNode node) =>
        pod.Affinity?.NodeAffinity?.PreferredDuringSchedulingIgnoredDuringExecution is not { Count: > 0 } preferred ? 0 : preferred
            .Where(term => DaemonPlacement.FitsTerm(term.Preference, node.Name, node.Labels)).Sum(term => term.Weight);

    /// <summary>What the pod prefers to be near to or away from, and what others prefer of it.</summary>
    private static double[] PreferredPods(SchedulingPod pod, IReadOnlyList<NodeLoad> fitting, SchedulingSnapshot snapshot)
    {
        var weights = new Dictionary<(string Key, string Value), double>();
        var own = Preferences(pod);
        if (own.Count == 0 && !snapshot.HasPodsWithRules)
        {
            return new double[fitting.Count];
        }

        foreach (var load in snapshot.Nodes)
        {
            foreach (var other in load.Pods)
            {
                Weigh(own, pod, other, load.Node);
                Weigh(Preferences(other), other, pod, load.Node);
                // who needs the pod near attracts it too, if less than one who prefers it most
                Weigh([.. Required(other).Select(term => (term, 1))], other, pod, load.Node);
            }
        }

        return [.. fitting.Select(load => weights
            .Where(pair => load.Node.Labels.TryGetValue(pair.Key.Key, out var value) && value == pair.Key.Value).Sum(pair => pair.Value))];

        void Weigh(IReadOnlyList<(PodAffinityTerm Term, int Weight)> terms, SchedulingPod of, SchedulingPod meant, SchedulingNode node)
        {
            foreach (var (term, weight) in terms)
            {
                if (node.Labels.TryGetValue(term.TopologyKey, out var value) && term.Means(of, meant, snapshot))
                {
                    weights[(term.TopologyKey, value)] = weights.GetValueOrDefault((term.TopologyKey, value)) + weight;
                }
            }
        }
    }

    private static List<(PodAffinityTerm Term, int Weight)> Preferences(SchedulingPod pod) =>
    [
        .. (pod.Affinity?.PodAffinity?.PreferredDuringSchedulingIgnoredDuringExecution ?? []).Select(p => (p.PodAffinityTerm, p.Weight)),
        .. (pod.Affinity?.PodAntiAffinity?.PreferredDuringSchedulingIgnoredDuringExecution ?? []).Select(p => (p.PodAffinityTerm, -p.Weight)),
    ];

    private static IReadOnlyList<PodAffinityTerm> Required(SchedulingPod pod) =>
        pod.Affinity?.PodAffinity?.RequiredDuringSchedulingIgnoredDuringExecution ?? [];

    /// <summary>
    /// Few alike in the same domain are better: by the pod's own constraints of kind ScheduleAnyway; where it has no constraints at all,
    /// the pods of one controller spread over the nodes.
    /// </summary>
    private static double[] Spread(SchedulingPod pod, IReadOnlyList<NodeLoad> fitting, SchedulingSnapshot snapshot)
    {
        var constraints = pod.Spread.Where(constraint => constraint.WhenUnsatisfiable == "ScheduleAnyway").ToList();
        if (constraints.Count == 0)
        {
            return pod.Spread.Count > 0 || pod.Controller.Length == 0
                ? new double[fitting.Count]
                : [.. fitting.Select(load => -(double)load.OfController(pod.Controller))];
        }

        var sums = new double[fitting.Count];
        foreach (var constraint in constraints)
        {
            var counts = new Dictionary<string, int>();
            foreach (var load in snapshot.Nodes)
            {
                if (load.Node.Labels.TryGetValue(constraint.TopologyKey, out var domain))
                {
                    counts[domain] = counts.GetValueOrDefault(domain) + load.Pods.Count(other => constraint.Counts(pod, other));
                }
            }

            // as in Kubernetes a pod in a domain weighs the more, the fewer domains there are
            var weight = Math.Log(counts.Count + 2);
            for (var i = 0; i < fitting.Count; i++)
            {
                var labels = fitting[i].Node.Labels;
                sums[i] -= labels.TryGetValue(constraint.TopologyKey, out var domain)
                    ? counts[domain] * (constraint.TopologyKey == HostName ? 1 : weight)
                    : snapshot.Nodes.Sum(load => load.Pods.Count) + 1;
            }
        }

        return sums;
    }

    private static void Add(double[] sums, double weight, double[] scores)
    {
        for (var i = 0; i < sums.Length; i++)
        {
            sums[i] += weight * scores[i];
        }
    }

    // from the worst, 0, to the best, 100; where all are alike it says nothing
    private static void AddNormal(double[] sums, double weight, double[] scores)
    {
        var (least, most) = (scores.Min(), scores.Max());
        if (most > least)
        {
            Add(sums, weight * Most / (most - least), [.. scores.Select(score => score - least)]);
        }
    }
}
