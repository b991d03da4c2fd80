using EdgeSync.Protocol.Wire;

namespace EdgeSync.CloudCore;

/// <summary>The hub's points at which a test can let it die (see <see cref="Storage.Failpoint"/>).</summary>
internal static class HubFailpoints
{
    // the embedded API
    public const string ChangeQueued = "hub.api.queued";
    public const string ChangeWritten = "hub.api.written";
    public const string ChangeCommitted = "hub.api.committed";
    public const string ChangePublished = "hub.api.published";
    public const string ChangeAnswered = "hub.api.answered";

    // backup and restore
    public const string BackupCopied = "hub.backup.copied";
    public const string BackupChecked = "hub.backup.checked";
    public const string RestorePrepared = "hub.restore.prepared";
    public const string RestoreKept = "hub.restore.kept";
    public const string RestoreDone = "hub.restore.done";

    // sessions
    public const string SessionTaken = "hub.session.taken";
    public const string SessionReplaced = "hub.session.replaced";
    public const string SessionLeft = "hub.session.left";
    public const string InventoryReceived = "hub.inventory.received";
    public const string InventoryCompared = "hub.inventory.compared";

    // down
    public const string ObjectTaken = "hub.object.taken";
    public const string ObjectSent = "hub.object.sent";
    public const string DeleteSent = "hub.delete.sent";
    public const string Acknowledged = "hub.object.acknowledged";
    public const string InformerListed = "hub.informer.listed";
    public const string InformerChanged = "hub.informer.changed";

    // up
    public const string RequestReceived = "hub.request.received";
    public const string RequestDone = "hub.request.done";
    public const string RequestAnswered = "hub.request.answered";
    public const string NodeRegistered = "hub.node.registered";
    public const string NodeStatusWritten = "hub.node.status-written";
    public const string PodStatusWritten = "hub.pod.status-written";
    public const string PodDeleted = "hub.pod.deleted";
    public const string DeviceStatusWritten = "hub.device.status-written";
    public const string LeaseRenewed = "hub.lease.renewed";

    /// <summary>The point after the API has taken a node's request of this kind, before the node hears of it.</summary>
    public static string DoneOf(Message request) => (request.Resource.Split('/'), request.Operation) switch
    {
        (["device", ..], _) => DeviceStatusWritten,
        ([_, ResourceTypes.Node, _], Operations.Insert) => NodeRegistered,
        ([_, ResourceTypes.NodePatch, _], _) => NodeStatusWritten,
        ([_, ResourceTypes.PodPatch, _], _) => PodStatusWritten,
        ([_, ResourceTypes.Pod, _], Operations.Delete) => PodDeleted,
        _ => RequestDone,
    };

    // enrollment
    public const string TokenMade = "hub.token.made";
    public const string CertificateSigned = "hub.certificate.signed";
    public const string CertificateSent = "hub.certificate.sent";
    public const string KeyMaterialWritten = "hub.key-material.written";

    // controllers
    public const string DaemonPodMade = "hub.daemonset.pod-made";
    public const string DaemonPodDeleted = "hub.daemonset.pod-deleted";
    public const string DaemonStatusWritten = "hub.daemonset.status-written";
    public const string DependentDeleted = "hub.garbage.deleted";
}
