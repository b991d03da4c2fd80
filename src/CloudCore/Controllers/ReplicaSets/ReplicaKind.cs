using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.ReplicaSets;

/// <summary>What a <see cref="ReplicaSetController"/> looks after: ReplicaSets, or the older ReplicationControllers, which are the same but for their form.</summary>
/// <param name="Resource">The kind.</param>
/// <param name="Component">Who speaks in Events.</param>
/// <param name="Queue">The name of its work queue.</param>
/// <param name="Read">One of it, as a ReplicaSet.</param>
internal sealed record ReplicaKind(ApiResource Resource, string Component, string Queue, Func<KubeObject, ReplicaSet> Read)
{
    public static ReplicaKind ReplicaSet { get; } =
        new(ApiResources.ReplicaSets, "replicaset-controller", "replicasets", value => value.View(ControllersJson.Default.ReplicaSet));

    /// <summary>core/v1: its selector is the labels themselves.</summary>
    public static ReplicaKind ReplicationController { get; } =
        new(ApiResources.ReplicationControllers, "replication-controller", "replicationcontrollers", ReadReplicationController);

    private static ReplicaSet ReadReplicationController(KubeObject value)
    {
        var view = value.View(ControllersJson.Default.ReplicationControllerGist);
        return new ReplicaSet
        {
            Metadata = view.Metadata,
            Spec = new ReplicaSetSpec
            {
                Replicas = view.Spec.Replicas,
                MinReadySeconds = view.Spec.MinReadySeconds,
                Selector = new LabelSelector { MatchLabels = view.Spec.Selector },
                Template = view.Spec.Template,
            },
            Status = view.Status,
        };
    }
}

/// <summary>Of a ReplicationController what the controller acts on.</summary>
internal sealed record ReplicationControllerGist
{
    public ObjectMeta Metadata { get; set; } = new();

    public ReplicationControllerGistSpec Spec { get; set; } = new();

    public ReplicaSetStatus? Status { get; set; }
}

internal sealed record ReplicationControllerGistSpec
{
    public int? Replicas { get; set; }

    public int MinReadySeconds { get; set; }

    public IReadOnlyDictionary<string, string>? Selector { get; set; }

    public TemplateGist? Template { get; set; }
}
