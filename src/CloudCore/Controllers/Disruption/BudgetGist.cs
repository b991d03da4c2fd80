using System.Text.Json;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.Disruption;

/// <summary>Of a PodDisruptionBudget the pods that it is about, what it asks for, and what it allows now.</summary>
internal sealed record BudgetGist
{
    public BudgetGistSpec? Spec { get; set; }

    public BudgetGistStatus? Status { get; set; }
}

/// <summary>Of its spec.</summary>
internal sealed record BudgetGistSpec
{
    /// <summary>Missing fits nothing, an empty one every pod of the namespace (policy/v1).</summary>
    public LabelSelector? Selector { get; set; }

    /// <summary>A count, or a percentage.</summary>
    public JsonElement? MinAvailable { get; set; }

    /// <summary>Likewise.</summary>
    public JsonElement? MaxUnavailable { get; set; }
}

/// <summary>Of its status, which <see cref="DisruptionController"/> writes.</summary>
internal sealed record BudgetGistStatus
{
    public int DisruptionsAllowed { get; set; }

    /// <summary>Evicted pods that are not seen going yet, and when: they are counted already.</summary>
    public IReadOnlyDictionary<string, string>? DisruptedPods { get; set; }
}
