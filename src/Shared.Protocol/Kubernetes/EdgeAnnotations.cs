namespace EdgeSync.Protocol.Kubernetes;

/// <summary>Annotations by which the hub tells the agent what Kubernetes has no field for.</summary>
public static class EdgeAnnotations
{
    /// <summary>
    /// Of a pod: the folders of its node that its PersistentVolumeClaims are, as a JSON object from each claim to
    /// the <c>path</c> and <c>type</c> of a hostPath volume. The scheduler writes it
    /// with the node, and the volume binder for pods that came with theirs, when all claims are bound to volumes of the kinds hostPath and local.
    /// </summary>
    public const string ClaimFolders = "edgesync.io/claim-folders";
}
