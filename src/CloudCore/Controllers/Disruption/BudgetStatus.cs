using System.Text.Json;

namespace EdgeSync.CloudCore.Controllers.Disruption;

/// <summary>What is decided from.</summary>
internal sealed record BudgetState
{
    public JsonElement? MinAvailable { get; init; }

    public JsonElement? MaxUnavailable { get; init; }

    /// <summary>The pods that the selector fits.</summary>
    public required IReadOnlyList<PodFacts> Pods { get; init; }

    /// <summary>How many the pods' controllers want together; only counts where the budget is a part of them.</summary>
    public required int Wanted { get; init; }

    /// <summary>Pods that were evicted and when, as the eviction wrote it down.</summary>
    public required IReadOnlyDictionary<string, DateTimeOffset> Disrupted { get; init; }

    public required DateTimeOffset Now { get; init; }
}

/// <summary>A PodDisruptionBudget's status, by the rules of Kubernetes' disruption controller.</summary>
internal sealed record BudgetStatus
{
    /// <summary>An eviction after which no deletion is seen did not happen.</summary>
    public static readonly TimeSpan DeletionLimit = TimeSpan.FromMinutes(2);

    public int CurrentHealthy { get; init; }

    public int DesiredHealthy { get; init; }

    public int ExpectedPods { get; init; }

    public int DisruptionsAllowed { get; init; }

    /// <summary>Evicted pods that are not seen going yet.</summary>
    public required IReadOnlyDictionary<string, DateTimeOffset> Disrupted { get; init; }

    /// <summary>When one of them is given up; null for none.</summary>
    public TimeSpan? LookAgainAfter { get; init; }

    public static BudgetStatus Decide(BudgetState state)
    {
        // a pod that is seen going, or is gone, is counted by itself
        var waiting = state.Pods.Where(p => !p.IsDeleting).Select(p => p.Name.Name).ToHashSet();
        var disrupted = state.Disrupted.Where(d => waiting.Contains(d.Key) && d.Value + DeletionLimit > state.Now).ToDictionary();
        var expected = state.MinAvailable is { ValueKind: JsonValueKind.Number } ? state.Pods.Count : state.Wanted;
        var desired = state switch
        {
            { MaxUnavailable: { } most } => Math.Max(0, expected - CountOrShare.Of(most, 0, expected, roundUp: true)),
            { MinAvailable: { } least } => CountOrShare.Of(least, 0, expected, roundUp: true),
            _ => 0,
        };
        var healthy = state.Pods.Count(p => p.IsReady && !p.IsDeleting && !disrupted.ContainsKey(p.Name.Name));
        return new BudgetStatus
        {
            CurrentHealthy = healthy,
            DesiredHealthy = desired,
            ExpectedPods = expected,
            DisruptionsAllowed = expected <= 0 ? 0 : Math.Max(0, healthy - desired),
            Disrupted = disrupted,
            LookAgainAfter = disrupted.Count == 0 ? null : disrupted.Values.Min() + DeletionLimit - state.Now,
        };
    }
}
