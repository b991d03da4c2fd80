using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.ReplicaSets;

/// <summary>The fields of an apps/v1 ReplicaSet that the controllers act on.</summary>
internal sealed record ReplicaSet
{
    public ObjectMeta Metadata { get; set; } = new();

    public ReplicaSetSpec Spec { get; set; } = new();

    public ReplicaSetStatus? Status { get; set; }
}

internal sealed record ReplicaSetSpec
{
    public int? Replicas { get; set; }

    public int MinReadySeconds { get; set; }

    public LabelSelector? Selector { get; set; }

    /// <summary>The template's metadata; its spec is passed on as it is written.</summary>
    public TemplateGist? Template { get; set; }
}

/// <summary>Of a pod template its labels.</summary>
internal sealed record TemplateGist
{
    public ObjectMeta? Metadata { get; set; }
}

internal sealed record ReplicaSetStatus
{
    public int Replicas { get; set; }

    public int FullyLabeledReplicas { get; set; }

    public int ReadyReplicas { get; set; }

    public int AvailableReplicas { get; set; }

    public long ObservedGeneration { get; set; }

    public IReadOnlyList<Condition>? Conditions { get; set; }
}
