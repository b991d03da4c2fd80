namespace EdgeSync.CloudCore.Controllers.ReplicaSets;

/// <summary>Of a pod what decides on how dear it is, beside its facts.</summary>
/// <param name="Restarts">Of all its containers.</param>
/// <param name="DeletionCost">The annotation controller.kubernetes.io/pod-deletion-cost; 0 without.</param>
internal readonly record struct PodWorth(int Restarts, int DeletionCost);

/// <summary>Everything that the decision on a ReplicaSet depends on.</summary>
internal sealed record ReplicaSetState
{
    public required ReplicaSet ReplicaSet { get; init; }

    /// <summary>Its pods, with those in flight.</summary>
    public required IReadOnlyList<PodFacts> Pods { get; init; }

    public required DateTimeOffset Now { get; init; }

    public Func<PodFacts, PodWorth> WorthOf { get; init; } = static _ => default;

    /// <summary>How many active pods of the same Deployment (of all its ReplicaSets) are on a node.</summary>
    public Func<string, int> RelatedOn { get; init; } = static _ => 0;
}

/// <summary>What is to be done for a ReplicaSet, and its counts.</summary>
internal sealed record ReplicaSetPlan(int Create, IReadOnlyList<PodFacts> Delete, ReplicaSetStatus Status, TimeSpan? LookAgainAfter);

/// <summary>Decides what a ReplicaSet needs: a pure function, by the rules of Kubernetes' ReplicaSet controller.</summary>
internal static class ReplicaSetDecision
{
    /// <summary>At most so many pods are made or deleted in one go.</summary>
    public const int Burst = 500;

    public static ReplicaSetPlan Decide(ReplicaSetState state)
    {
        var active = state.Pods.Where(pod => pod is { IsTerminal: false, IsDeleting: false }).ToList();
        var difference = active.Count - (state.ReplicaSet.Spec.Replicas ?? 1);
        var (status, again) = Count(state, active);
        return new ReplicaSetPlan(
            Math.Clamp(-difference, 0, Burst),
            difference > 0 ? [.. LeastDearFirst(state, active).Take(Math.Min(difference, Burst))] : [],
            status,
            again);
    }

    /// <summary>In the order in which they go: not placed, not running, not ready, cheap, crowded, ready for a short time, often restarted, young.</summary>
    public static IEnumerable<PodFacts> LeastDearFirst(ReplicaSetState state, IEnumerable<PodFacts> pods) => pods
        .Select(pod => (Pod: pod, Worth: state.WorthOf(pod)))
        .OrderBy(entry => entry.Pod.IsBound)
        .ThenBy(entry => entry.Pod.Phase switch { "Pending" => 0, "Running" => 2, _ => 1 })
        .ThenBy(entry => entry.Pod.IsReady)
        .ThenBy(entry => entry.Worth.DeletionCost)
        .ThenByDescending(entry => entry.Pod.IsBound ? state.RelatedOn(entry.Pod.NodeName) : 0)
        .ThenBy(entry => entry.Pod.IsReady ? Magnitude(state.Now - entry.Pod.ReadySince) : 0)
        .ThenByDescending(entry => entry.Worth.Restarts)
        .ThenBy(entry => Magnitude(state.Now - entry.Pod.Created))
        .ThenBy(entry => entry.Pod.Uid, StringComparer.Ordinal)
        .Select(entry => entry.Pod);

    private static (ReplicaSetStatus Status, TimeSpan? LookAgainAfter) Count(ReplicaSetState state, List<PodFacts> active)
    {
        var spec = state.ReplicaSet.Spec;
        var template = spec.Template?.Metadata?.Labels ?? LabelSelectors.NoLabels;
        TimeSpan? again = null;
        int labeled = 0, ready = 0, available = 0;
        foreach (var pod in active)
        {
            labeled += template.All(label => pod.Labels.TryGetValue(label.Key, out var value) && value == label.Value) ? 1 : 0;
            if (!pod.IsReady)
            {
                continue;
            }

            ready++;
            if (pod.IsAvailable(spec.MinReadySeconds, state.Now))
            {
                available++;
            }
            else if (pod.ReadySince.AddSeconds(spec.MinReadySeconds) - state.Now is var left && (again is null || left < again))
            {
                // nothing else will tell when it has been ready for long enough
                again = left;
            }
        }

        return (new ReplicaSetStatus
        {
            Replicas = active.Count,
            FullyLabeledReplicas = labeled,
            ReadyReplicas = ready,
            AvailableReplicas = available,
            ObservedGeneration = state.ReplicaSet.Metadata.Generation ?? 0,
            Conditions = state.ReplicaSet.Status?.Conditions,
        }, again);
    }

    // doublings of a second: pods of about the same age are alike, so that not always the same zone loses
    private static int Magnitude(TimeSpan age) => age.TotalSeconds < 1 ? 0 : (int)Math.Log2(age.TotalSeconds) + 1;
}
