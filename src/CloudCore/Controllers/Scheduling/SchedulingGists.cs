using System.Text.Json;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.Scheduling;

/// <summary>Of a pod what the scheduler reads; as <see cref="PodGist"/>.</summary>
internal sealed record PodToScheduleGist
{
    public PodToScheduleMetadata? Metadata { get; set; }

    public PodToScheduleSpec? Spec { get; set; }

    public PodToScheduleStatus? Status { get; set; }
}

internal sealed record PodToScheduleMetadata
{
    public IReadOnlyDictionary<string, string>? Labels { get; set; }

    public IReadOnlyDictionary<string, string>? Annotations { get; set; }

    public IReadOnlyList<OwnerReference>? OwnerReferences { get; set; }

    public string? CreationTimestamp { get; set; }

    public long? Generation { get; set; }
}

internal sealed record PodToScheduleSpec
{
    public string? NodeName { get; set; }

    public string? SchedulerName { get; set; }

    public int? Priority { get; set; }

    public string? PreemptionPolicy { get; set; }

    public IReadOnlyDictionary<string, string>? NodeSelector { get; set; }

    public SchedulingAffinity? Affinity { get; set; }

    public IReadOnlyList<Toleration>? Tolerations { get; set; }

    public IReadOnlyList<SpreadConstraint>? TopologySpreadConstraints { get; set; }

    public IReadOnlyList<ContainerDemand>? InitContainers { get; set; }

    public IReadOnlyList<ContainerDemand>? Containers { get; set; }

    public IReadOnlyDictionary<string, JsonElement>? Overhead { get; set; }

    public IReadOnlyList<SchedulingGate>? SchedulingGates { get; set; }

    public IReadOnlyList<ClaimVolume>? Volumes { get; set; }

    /// <summary>The claims of its namespace whose volumes it mounts.</summary>
    public IReadOnlyList<string> Claims() => [.. (Volumes ?? []).Select(volume => volume.PersistentVolumeClaim?.ClaimName).OfType<string>()];
}

internal sealed record PodToScheduleStatus
{
    public string? NominatedNodeName { get; set; }

    public string? StartTime { get; set; }

    public IReadOnlyList<Condition>? Conditions { get; set; }
}

internal sealed record SchedulingGate
{
    public string? Name { get; set; }
}

/// <summary>What a container asks for. <see cref="RestartPolicy"/> Always makes an init container a sidecar.</summary>
internal sealed record ContainerDemand
{
    public ResourceRequirements? Resources { get; set; }

    public IReadOnlyList<ContainerPort>? Ports { get; set; }

    public string? RestartPolicy { get; set; }
}

/// <summary>A volume, by its claim alone.</summary>
internal sealed record ClaimVolume
{
    public string? Name { get; set; }

    public ClaimSource? PersistentVolumeClaim { get; set; }
}

internal sealed record ClaimSource
{
    public string ClaimName { get; set; } = "";
}

/// <summary>core/v1 Affinity, whole.</summary>
internal sealed record SchedulingAffinity
{
    public SchedulingNodeAffinity? NodeAffinity { get; set; }

    public PodAffinityRules? PodAffinity { get; set; }

    public PodAffinityRules? PodAntiAffinity { get; set; }
}

internal sealed record SchedulingNodeAffinity
{
    public NodeSelector? RequiredDuringSchedulingIgnoredDuringExecution { get; set; }

    public IReadOnlyList<PreferredNodeTerm>? PreferredDuringSchedulingIgnoredDuringExecution { get; set; }
}

internal sealed record PreferredNodeTerm
{
    public int Weight { get; set; }

    public NodeSelectorTerm Preference { get; set; } = new();
}

/// <summary>core/v1 PodAffinity and PodAntiAffinity.</summary>
internal sealed record PodAffinityRules
{
    public IReadOnlyList<PodAffinityTerm>? RequiredDuringSchedulingIgnoredDuringExecution { get; set; }

    public IReadOnlyList<PreferredPodTerm>? PreferredDuringSchedulingIgnoredDuringExecution { get; set; }
}

internal sealed record PreferredPodTerm
{
    public int Weight { get; set; }

    public PodAffinityTerm PodAffinityTerm { get; set; } = new();
}

internal sealed record PodAffinityTerm
{
    public LabelSelector? LabelSelector { get; set; }

    public IReadOnlyList<string>? Namespaces { get; set; }

    public LabelSelector? NamespaceSelector { get; set; }

    public string TopologyKey { get; set; } = "";

    public IReadOnlyList<string>? MatchLabelKeys { get; set; }

    public IReadOnlyList<string>? MismatchLabelKeys { get; set; }
}

/// <summary>core/v1 TopologySpreadConstraint.</summary>
internal sealed record SpreadConstraint
{
    public int MaxSkew { get; set; } = 1;

    public string TopologyKey { get; set; } = "";

    /// <summary>DoNotSchedule (the default) or ScheduleAnyway.</summary>
    public string? WhenUnsatisfiable { get; set; }

    public LabelSelector? LabelSelector { get; set; }

    public int? MinDomains { get; set; }

    /// <summary>Honor (the default) or Ignore: whether nodes that the pod's node affinity keeps out count.</summary>
    public string? NodeAffinityPolicy { get; set; }

    /// <summary>Ignore (the default) or Honor: whether nodes with taints that the pod does not tolerate count.</summary>
    public string? NodeTaintsPolicy { get; set; }

    public IReadOnlyList<string>? MatchLabelKeys { get; set; }
}

/// <summary>Of a node what the scheduler reads.</summary>
internal sealed record NodeToScheduleGist
{
    public NodeGistMetadata? Metadata { get; set; }

    public NodeSpec? Spec { get; set; }

    public NodeToScheduleStatus? Status { get; set; }
}

internal sealed record NodeToScheduleStatus
{
    public IReadOnlyDictionary<string, JsonElement>? Capacity { get; set; }

    public IReadOnlyDictionary<string, JsonElement>? Allocatable { get; set; }
}
