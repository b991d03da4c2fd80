using System.Text.Json;

namespace EdgeSync.Protocol.Kubernetes;

/// <summary>The fields of an apps/v1 DaemonSet that EdgeSync acts on.</summary>
public sealed record DaemonSet
{
    public string? ApiVersion { get; set; }

    public string? Kind { get; set; }

    public ObjectMeta Metadata { get; set; } = new();

    public DaemonSetSpec Spec { get; set; } = new();

    public DaemonSetStatus? Status { get; set; }
}

public sealed record DaemonSetSpec
{
    public LabelSelector? Selector { get; set; }

    public PodTemplateSpec Template { get; set; } = new();

    public DaemonSetUpdateStrategy? UpdateStrategy { get; set; }

    /// <summary>Seconds a pod must be ready before it counts as available; 0 by default.</summary>
    public int MinReadySeconds { get; set; }

    public int? RevisionHistoryLimit { get; set; }
}

public sealed record DaemonSetUpdateStrategy
{
    /// <summary>RollingUpdate (the default) or OnDelete.</summary>
    public string? Type { get; set; }

    public RollingUpdateDaemonSet? RollingUpdate { get; set; }
}

/// <summary>Both are a number or a percentage of the desired pods.</summary>
public sealed record RollingUpdateDaemonSet
{
    public JsonElement? MaxUnavailable { get; set; }

    public JsonElement? MaxSurge { get; set; }
}

public sealed record DaemonSetStatus
{
    public int CurrentNumberScheduled { get; set; }

    public int NumberMisscheduled { get; set; }

    public int DesiredNumberScheduled { get; set; }

    public int NumberReady { get; set; }

    public long? ObservedGeneration { get; set; }

    public int? UpdatedNumberScheduled { get; set; }

    public int? NumberAvailable { get; set; }

    public int? NumberUnavailable { get; set; }

    public int? CollisionCount { get; set; }

    public IReadOnlyList<Condition>? Conditions { get; set; }
}
