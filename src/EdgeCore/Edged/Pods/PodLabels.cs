namespace EdgeSync.EdgeCore.Edged.Pods;

/// <summary>
/// The labels and annotations that the agent puts on sandboxes and containers. The io.kubernetes ones are the
/// kubelet's, so that tools such as crictl show the pods; all that the agent must know again after a restart is here.
/// </summary>
internal static class PodLabels
{
    public const string PodName = "io.kubernetes.pod.name";
    public const string PodNamespace = "io.kubernetes.pod.namespace";
    public const string PodUid = "io.kubernetes.pod.uid";
    public const string ContainerName = "io.kubernetes.container.name";

    /// <summary>Our mark, with the node's name: what lacks it belongs to somebody else and is never touched.</summary>
    public const string Node = "edgesync.io/node";

    public const string ContainerHash = "io.kubernetes.container.hash";
    public const string RestartCount = "io.kubernetes.container.restartCount";
    public const string GracePeriod = "io.kubernetes.pod.terminationGracePeriod";

    /// <summary>How many restarts in a row led to this container (<see cref="CrashBackoff"/>).</summary>
    public const string BackoffLevel = "edgesync.io/backoff-level";
}
