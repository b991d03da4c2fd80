namespace EdgeSync.CloudCore.Controllers.Deployments;

/// <summary>Everything that the decision on a Deployment depends on.</summary>
internal sealed record DeploymentState
{
    public required string Name { get; init; }

    public required Deployment Deployment { get; init; }

    /// <summary>Its template's digest, to be compared with those of the ReplicaSets.</summary>
    public required string Template { get; init; }

    /// <summary>The name that a ReplicaSet of this template gets.</summary>
    public string NewName { get; init; } = "";

    public required IReadOnlyList<OwnedReplicaSet> ReplicaSets { get; init; }

    /// <summary>The UIDs of ReplicaSets that have pods which have not ended.</summary>
    public IReadOnlySet<string> WithPods { get; init; } = new HashSet<string>();

    public required DateTimeOffset Now { get; init; }
}

/// <summary>A ReplicaSet that is to be made.</summary>
internal sealed record NewReplicaSet(int Replicas, IReadOnlyDictionary<string, string> Annotations);

/// <summary>What is to be changed of a ReplicaSet; null for what stays.</summary>
internal sealed record ReplicaSetChange(
    OwnedReplicaSet ReplicaSet, int? Replicas, int? MinReadySeconds, IReadOnlyDictionary<string, string> Annotations);

/// <summary>What is to be done for a Deployment now, and its status. One step: what follows from it is the next look's.</summary>
internal sealed record DeploymentPlan
{
    public NewReplicaSet? Create { get; init; }

    public IReadOnlyList<ReplicaSetChange> Change { get; init; } = [];

    public IReadOnlyList<OwnedReplicaSet> Delete { get; init; } = [];

    /// <summary>The revision that the Deployment's annotation is to say; null where it does.</summary>
    public string? Revision { get; init; }

    public required DeploymentStatus Status { get; init; }

    public TimeSpan? LookAgainAfter { get; init; }
}
