using EdgeSync.CloudCore.Controllers.Scheduling;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers;

/// <summary>What the controllers need to know of a pod; read once per change, so that a reconcile parses no JSON.</summary>
internal sealed record PodFacts
{
    public required NamespacedName Name { get; init; }

    public required string Uid { get; init; }

    /// <summary>Where it runs or is to run: <c>spec.nodeName</c>, else the node that its required affinity names.</summary>
    public string NodeName { get; init; } = "";

    /// <summary>Whether <c>spec.nodeName</c> is set, so that no scheduler has anything to do for it any more.</summary>
    public bool IsBound { get; init; }

    /// <summary>Counts up with each change of the spec.</summary>
    public long Generation { get; init; }

    public IReadOnlyDictionary<string, string> Labels { get; init; } = LabelSelectors.NoLabels;

    public IReadOnlyList<OwnerReference> Owners { get; init; } = [];

    /// <summary>The PodGroup that it belongs to, and its task in there.</summary>
    public GangMember Gang { get; init; } = GangMember.None;

    /// <summary>Whether the scheduler has looked for a node and found none (condition PodScheduled).</summary>
    public bool IsUnschedulable { get; init; }

    public string Phase { get; init; } = "Pending";

    /// <summary>Whether a Job still has to count it: it holds the finalizer by which it is counted once.</summary>
    public bool IsTracked { get; init; }

    public bool IsReady { get; init; }

    /// <summary>Since when <see cref="IsReady"/> has had its value.</summary>
    public DateTimeOffset ReadySince { get; init; }

    public DateTimeOffset Created { get; init; }

    /// <summary>Asked to go: <c>deletionTimestamp</c> is set, or this process has sent the deletion.</summary>
    public bool IsDeleting { get; init; }

    public OwnerReference? Controller => Owners.FirstOrDefault(owner => owner.Controller == true);

    /// <summary>Whether its node put it out (<c>status.reason</c>).</summary>
    public bool IsEvicted { get; init; }

    public bool IsTerminal => Phase is "Failed" or "Succeeded";

    /// <exception cref="KubeObjectException">A field has a wrong type.</exception>
    public static PodFacts Read(KubeObject value)
    {
        var pod = value.View(ControllersJson.Default.PodGist);
        var ready = pod.Status?.Conditions?.FirstOrDefault(condition => condition.Type == "Ready");
        return new PodFacts
        {
            Name = NamespacedName.Of(value),
            Uid = value.Uid,
            NodeName = pod.Spec?.NodeName is { Length: > 0 } node ? node : AffinityNode(pod.Spec?.Affinity) ?? "",
            IsBound = pod.Spec?.NodeName is { Length: > 0 },
            Generation = pod.Metadata?.Generation ?? 0,
            Labels = pod.Metadata?.Labels ?? LabelSelectors.NoLabels,
            Owners = pod.Metadata?.OwnerReferences ?? [],
            Gang = GangMember.Of(pod.Metadata?.Annotations),
            IsUnschedulable = pod.Status?.Conditions?.Any(condition => condition is { Type: "PodScheduled", Status: "False", Reason: "Unschedulable" }) == true,
            Phase = pod.Status?.Phase ?? "Pending",
            IsEvicted = pod.Status?.Reason == "Evicted",
            IsTracked = pod.Metadata?.Finalizers?.Contains(Jobs.JobNames.Finalizer) == true,
            IsReady = ready?.Status == "True",
            ReadySince = KubeTime.TryParse(ready?.LastTransitionTime, out var since) ? since : default,
            Created = KubeTime.TryParse(pod.Metadata?.CreationTimestamp, out var created) ? created : default,
            IsDeleting = value.IsDeleting,
        };
    }

    /// <summary>Ready for at least <paramref name="minReadySeconds"/>.</summary>
    public bool IsAvailable(int minReadySeconds, DateTimeOffset now) =>
        IsReady && (minReadySeconds == 0 || ReadySince.AddSeconds(minReadySeconds) <= now);

    // a daemon pod that a scheduler has not bound yet
    private static string? AffinityNode(Affinity? affinity) =>
        affinity?.NodeAffinity?.RequiredDuringSchedulingIgnoredDuringExecution?.NodeSelectorTerms
            .SelectMany(term => term.MatchFields ?? [])
            .FirstOrDefault(field => field is { Key: "metadata.name", Operator: "In", Values.Count: 1 })?.Values![0];
}
