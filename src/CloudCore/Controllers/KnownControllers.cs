namespace EdgeSync.CloudCore.Controllers;

/// <summary>A controller by the names that kube-controller-manager's <c>--controllers</c> has for it.</summary>
/// <param name="Name">As in Kubernetes up to 1.27, and what messages use.</param>
/// <param name="LongName">As in Kubernetes from 1.28 on; also understood.</param>
internal sealed record ControllerName(string Name, string LongName)
{
    /// <summary>Makes or binds pods: what <c>workloads</c> stands for.</summary>
    public bool IsWorkload { get; init; }

    /// <summary>Works inside the embedded API; a real cluster's API has its own.</summary>
    public bool IsOfEmbeddedApi { get; init; }
}

/// <summary>Every controller that cloudcore has.</summary>
internal static class KnownControllers
{
    /// <summary>Stands for all workload controllers and the scheduler.</summary>
    public const string Workloads = "workloads";

    public static ControllerName DaemonSet { get; } = new("daemonset", "daemonset-controller") { IsWorkload = true };

    public static ControllerName Deployment { get; } = new("deployment", "deployment-controller") { IsWorkload = true };

    public static ControllerName ReplicaSet { get; } = new("replicaset", "replicaset-controller") { IsWorkload = true };

    public static ControllerName ReplicationController { get; } =
        new("replicationcontroller", "replicationcontroller-controller") { IsWorkload = true };

    public static ControllerName StatefulSet { get; } = new("statefulset", "statefulset-controller") { IsWorkload = true };

    /// <summary>Binds claims to volumes that are there; nothing is provisioned.</summary>
    public static ControllerName VolumeBinder { get; } = new("persistentvolume-binder", "persistentvolume-binder-controller") { IsWorkload = true };

    public static ControllerName Job { get; } = new("job", "job-controller") { IsWorkload = true };

    public static ControllerName CronJob { get; } = new("cronjob", "cronjob-controller") { IsWorkload = true };

    /// <summary>A program of its own in Kubernetes.</summary>
    public static ControllerName Scheduler { get; } = new("scheduler", "kube-scheduler") { IsWorkload = true };

    public static ControllerName NodeLifecycle { get; } = new("nodelifecycle", "node-lifecycle-controller");

    /// <summary>A part of the one before in Kubernetes up to 1.28.</summary>
    public static ControllerName TaintEviction { get; } = new("taint-eviction", "taint-eviction-controller");

    public static ControllerName GarbageCollector { get; } = new("garbagecollector", "garbage-collector-controller");

    public static ControllerName PodGarbage { get; } = new("podgc", "pod-garbage-collector-controller");

    public static ControllerName Disruption { get; } = new("disruption", "disruption-controller");

    /// <summary>In Kubernetes a part of the API server (<c>--event-ttl</c>).</summary>
    public static ControllerName EventExpiry { get; } = new("event-ttl", "event-ttl-controller");

    public static ControllerName Namespace { get; } = new("namespace", "namespace-controller") { IsOfEmbeddedApi = true };

    public static ControllerName ServiceAccount { get; } = new("serviceaccount", "serviceaccount-controller") { IsOfEmbeddedApi = true };

    public static ControllerName ServiceAccountToken { get; } =
        new("serviceaccount-token", "serviceaccount-token-controller") { IsOfEmbeddedApi = true };

    public static ControllerName RootCaPublisher { get; } =
        new("root-ca-cert-publisher", "root-ca-certificate-publisher-controller") { IsOfEmbeddedApi = true };

    public static ControllerName ClusterRoleAggregation { get; } =
        new("clusterrole-aggregation", "clusterrole-aggregation-controller") { IsOfEmbeddedApi = true };

    public static ControllerName SigningRequests { get; } =
        new("csrsigning", "certificatesigningrequest-signing-controller") { IsOfEmbeddedApi = true };

    public static ControllerName SigningRequestCleaner { get; } =
        new("csrcleaner", "certificatesigningrequest-cleaner-controller") { IsOfEmbeddedApi = true };

    /// <summary>In the order in which messages name them.</summary>
    public static IReadOnlyList<ControllerName> All { get; } =
    [
        DaemonSet,
        Deployment,
        ReplicaSet,
        ReplicationController,
        StatefulSet,
        Job,
        CronJob,
        VolumeBinder,
        Scheduler,
        NodeLifecycle,
        TaintEviction,
        GarbageCollector,
        PodGarbage,
        EventExpiry,
        Disruption,
        Namespace,
        ServiceAccount,
        ServiceAccountToken,
        RootCaPublisher,
        ClusterRoleAggregation,
        SigningRequests,
        SigningRequestCleaner,
    ];
}
