using System.Text.Json;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.Deployments;

/// <summary>The fields of an apps/v1 Deployment that its controller acts on.</summary>
internal sealed record Deployment
{
    public ObjectMeta Metadata { get; set; } = new();

    public DeploymentSpec Spec { get; set; } = new();

    public DeploymentStatus? Status { get; set; }
}

internal sealed record DeploymentSpec
{
    public int? Replicas { get; set; }

    public LabelSelector? Selector { get; set; }

    public DeploymentStrategy? Strategy { get; set; }

    public int MinReadySeconds { get; set; }

    public int? RevisionHistoryLimit { get; set; }

    public bool Paused { get; set; }

    /// <summary>Seconds; null and the largest number: it may take for ever.</summary>
    public int? ProgressDeadlineSeconds { get; set; }
}

internal sealed record DeploymentStrategy
{
    /// <summary>RollingUpdate (the default) or Recreate.</summary>
    public string? Type { get; set; }

    public RollingUpdateDeployment? RollingUpdate { get; set; }
}

/// <summary>Both are a number or a percentage of the replicas.</summary>
internal sealed record RollingUpdateDeployment
{
    public JsonElement? MaxUnavailable { get; set; }

    public JsonElement? MaxSurge { get; set; }
}

internal sealed record DeploymentStatus
{
    public long ObservedGeneration { get; set; }

    public int Replicas { get; set; }

    public int UpdatedReplicas { get; set; }

    public int ReadyReplicas { get; set; }

    public int AvailableReplicas { get; set; }

    public int UnavailableReplicas { get; set; }

    public int? CollisionCount { get; set; }

    public IReadOnlyList<DeploymentCondition>? Conditions { get; set; }
}

/// <summary>apps/v1 DeploymentCondition.</summary>
internal sealed record DeploymentCondition
{
    public string Type { get; set; } = "";

    public string Status { get; set; } = "";

    public string? Reason { get; set; }

    public string? Message { get; set; }

    /// <summary>When the condition was last looked at and found to go on: of Progressing, the last progress.</summary>
    public string? LastUpdateTime { get; set; }

    public string? LastTransitionTime { get; set; }
}

/// <summary>A ReplicaSet as its Deployment sees it.</summary>
internal sealed record OwnedReplicaSet
{
    public required string Name { get; init; }

    public required string Uid { get; init; }

    public string ResourceVersion { get; init; } = "";

    /// <summary>Of the pod template without the label pod-template-hash, in canonical form.</summary>
    public required string Template { get; init; }

    public int Replicas { get; init; }

    public int MinReadySeconds { get; init; }

    public ReplicaSets.ReplicaSetStatus Status { get; init; } = new();

    public IReadOnlyDictionary<string, string> Annotations { get; init; } = LabelSelectors.NoLabels;

    public DateTimeOffset Created { get; init; }

    public long Generation { get; init; }

    public bool IsDeleting { get; init; }

    public long Revision => Annotations.TryGetValue(DeploymentAnnotations.Revision, out var text) && long.TryParse(text, out var revision) ? revision : 0;
}

/// <summary>The annotations by which Deployments and <c>kubectl rollout</c> keep their history.</summary>
internal static class DeploymentAnnotations
{
    public const string Revision = "deployment.kubernetes.io/revision";
    public const string RevisionHistory = "deployment.kubernetes.io/revision-history";
    public const string DesiredReplicas = "deployment.kubernetes.io/desired-replicas";
    public const string MaxReplicas = "deployment.kubernetes.io/max-replicas";

    private static readonly HashSet<string> s_own =
    [
        Revision, RevisionHistory, DesiredReplicas, MaxReplicas, "kubectl.kubernetes.io/last-applied-configuration", "deprecated.deployment.rollback.to",
    ];

    /// <summary>A Deployment's annotations that its ReplicaSets get too, such as the cause of the change.</summary>
    public static IEnumerable<KeyValuePair<string, string>> ToCopy(Deployment deployment) =>
        (deployment.Metadata.Annotations ?? LabelSelectors.NoLabels).Where(pair => !s_own.Contains(pair.Key));
}
