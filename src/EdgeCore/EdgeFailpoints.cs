namespace EdgeSync.EdgeCore;

/// <summary>The agent's points at which a test can let it die (see <see cref="Storage.Failpoint"/>).</summary>
internal static class EdgeFailpoints
{
    // down: an object from the hub
    public const string ObjectReceived = "edge.object.received";
    public const string ObjectTaken = "edge.object.taken";
    public const string ObjectWritten = "edge.object.written";
    public const string ObjectCommitted = "edge.object.committed";
    public const string ObjectApplied = "edge.object.applied";
    public const string ObjectAcknowledged = "edge.object.acknowledged";
    public const string SyncedReceived = "edge.synced.received";
    public const string SyncedStored = "edge.synced.stored";

    // up: the outbox
    public const string OutboxWritten = "edge.outbox.written";
    public const string OutboxCommitted = "edge.outbox.committed";
    public const string UploadTaken = "edge.upload.taken";
    public const string UploadSent = "edge.upload.sent";
    public const string AnswerReceived = "edge.answer.received";
    public const string SettleWritten = "edge.settle.written";
    public const string SettleCommitted = "edge.settle.committed";
    public const string Registered = "edge.registration.stored";

    // devices
    public const string TwinReceived = "edge.twin.received";
    public const string TwinWritten = "edge.twin.written";
    public const string TwinCommitted = "edge.twin.committed";
    public const string TwinAnswered = "edge.twin.answered";
    public const string BrokerAcknowledging = "edge.puback.sending";
    public const string BrokerAcknowledged = "edge.puback.sent";
    public const string DesiredCommitted = "edge.desired.committed";

    // pods
    public const string VolumesPrepared = "edge.pod.volumes-prepared";
    public const string SandboxMade = "edge.pod.sandbox-made";
    public const string ContainerMade = "edge.pod.container-made";
    public const string ContainerStarted = "edge.pod.container-started";
    public const string StatusQueued = "edge.pod.status-queued";
    public const string StatusStored = "edge.pod.status-stored";
    public const string SandboxStopped = "edge.pod.sandbox-stopped";
    public const string SandboxRemoved = "edge.pod.sandbox-removed";
    public const string FoldersRemoved = "edge.pod.folders-removed";
    public const string DeletionQueued = "edge.pod.deletion-queued";

    // a ConfigMap's or Secret's files
    public const string VolumeFilesWritten = "edge.volume.files-written";
    public const string VolumeLinkMade = "edge.volume.link-made";
    public const string VolumeLinkRenamed = "edge.volume.link-renamed";
    public const string VolumeNamesLinked = "edge.volume.names-linked";
}
