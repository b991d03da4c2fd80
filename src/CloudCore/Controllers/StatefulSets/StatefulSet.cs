using System.Text.Json;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.StatefulSets;

/// <summary>The fields of an apps/v1 StatefulSet that its controller acts on.</summary>
internal sealed record StatefulSet
{
    public ObjectMeta Metadata { get; set; } = new();

    public StatefulSetSpec Spec { get; set; } = new();

    public StatefulSetStatus? Status { get; set; }
}

internal sealed record StatefulSetSpec
{
    public int? Replicas { get; set; }

    public LabelSelector? Selector { get; set; }

    public ReplicaSets.TemplateGist? Template { get; set; }

    /// <summary>The service that governs the pods' names in DNS.</summary>
    public string? ServiceName { get; set; }

    /// <summary>OrderedReady (the default) or Parallel.</summary>
    public string? PodManagementPolicy { get; set; }

    public StatefulSetUpdateStrategy? UpdateStrategy { get; set; }

    public int? RevisionHistoryLimit { get; set; }

    /// <summary>Seconds a pod must be ready before it counts as available; 0 by default.</summary>
    public int MinReadySeconds { get; set; }

    public ClaimRetentionPolicy? PersistentVolumeClaimRetentionPolicy { get; set; }

    public StatefulSetOrdinals? Ordinals { get; set; }

    /// <summary>Claims, each with one for each pod.</summary>
    public IReadOnlyList<JsonElement>? VolumeClaimTemplates { get; set; }
}

internal sealed record StatefulSetOrdinals
{
    /// <summary>The first pod's number; 0 by default.</summary>
    public int Start { get; set; }
}

internal sealed record StatefulSetUpdateStrategy
{
    /// <summary>RollingUpdate (the default) or OnDelete.</summary>
    public string? Type { get; set; }

    public RollingUpdateStatefulSet? RollingUpdate { get; set; }
}

internal sealed record RollingUpdateStatefulSet
{
    /// <summary>Pods of a lower ordinal are not updated.</summary>
    public int? Partition { get; set; }

    /// <summary>A number or a percentage of the replicas; without it one pod at a time is updated.</summary>
    public JsonElement? MaxUnavailable { get; set; }
}

/// <summary>What becomes of the claims: Retain (the default) or Delete.</summary>
internal sealed record ClaimRetentionPolicy
{
    public string? WhenDeleted { get; set; }

    public string? WhenScaled { get; set; }
}

internal sealed record StatefulSetStatus
{
    public int Replicas { get; set; }

    public int ReadyReplicas { get; set; }

    public int AvailableReplicas { get; set; }

    public int CurrentReplicas { get; set; }

    public int UpdatedReplicas { get; set; }

    /// <summary>The revision from which the last finished rollout came; pods below the partition are made from it.</summary>
    public string? CurrentRevision { get; set; }

    public string? UpdateRevision { get; set; }

    public long? ObservedGeneration { get; set; }

    public int? CollisionCount { get; set; }
}
