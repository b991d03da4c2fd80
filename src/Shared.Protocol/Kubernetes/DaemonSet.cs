using System.Text.Json;

namespace EdgeSync.Protocol.Kubernetes;

/// <summary>The fields of an apps/v1 DaemonSet that EdgeSync acts on.</summary>
public sealed record DaemonSet
{
    public string? ApiVersion { get; init; }

    public string? Kind { get; init; }

    public ObjectMeta Metadata { get; init; } = new();

    public DaemonSetSpec Spec { get; init; } = new();

    public DaemonSetStatus? Status { get; init; }
}

public sealed record DaemonSetSpec
{
    public LabelSelector? Selector { get; init; }

    public PodTemplateSpec Template { get; init; } = new();

    public DaemonSetUpdateStrategy? UpdateStrategy { get; init; }

    /// <summary>Seconds a pod must be ready before it counts as available; 0 by default.</summary>
    public int MinReadySeconds { get; init; }

    public int? RevisionHistoryLimit { get; init; }
}

public sealed record DaemonSetUpdateStrategy
{
    /// <summary>RollingUpdate (the default) or OnDelete.</summary>
    public string? Type { get; init; }

    public RollingUpdateDaemonSet? RollingUpdate { get; init; }
}

/// <summary>Both are a number or a percentage of the desired pods.</summary>
public sealed record RollingUpdateDaemonSet
{
    public JsonElement? MaxUnavailable { get; init; }

    public JsonElement? MaxSurge { get; init; }
}

public sealed record DaemonSetStatus
{
    public int CurrentNumberScheduled { get; init; }

    public int NumberMisscheduled { get; init; }

    public int DesiredNumberScheduled { get; init; }

    public int NumberReady { get; init; }

    public long? ObservedGeneration { get; init; }

    public int? UpdatedNumberScheduled { get; init; }

    public int? NumberAvailable { get; init; }

    public int? NumberUnavailable { get; init; }

    public int? CollisionCount { get; init; }
}
