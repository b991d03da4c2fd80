using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.DaemonSets;

/// <summary>The owner reference by which a DaemonSet controls its pods and revisions.</summary>
internal static class DaemonSetOwner
{
    public static OwnerReference Of(KubeObject daemonSet) => new()
    {
        ApiVersion = "apps/v1",
        Kind = "DaemonSet",
        Name = daemonSet.Name,
        Uid = daemonSet.Uid,
        Controller = true,
        BlockOwnerDeletion = true,
    };

    public static bool IsDaemonSet(this OwnerReference owner) =>
        owner.Kind == "DaemonSet" && owner.ApiVersion.StartsWith("apps/", StringComparison.Ordinal);
}
