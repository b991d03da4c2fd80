using EdgeSync.Protocol.Devices;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Sync;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.Simulation.World;

/// <summary>What of an object decides whether it needs a transfer.</summary>
internal readonly record struct HeldObject(string Uid, ulong ContentHash);

/// <summary>One property of a twin on the disk, with the sequence that the cloud has confirmed.</summary>
internal readonly record struct TwinRow(TwinEntry Entry, long Acked);

/// <summary>A device on the disk.</summary>
internal sealed class DeviceRow(TwinDocument document)
{
    public TwinDocument Document { get; set; } = document;

    public Dictionary<string, long> Acked { get; } = [];

    public bool HasUnsaid => Document.Properties.Any(p => p.Value.Actual.Version.Edge > Acked.GetValueOrDefault(p.Key));
}

/// <summary>
/// The edge's database: what is in here was committed, and survives the process. Changes come as transactions, several of
/// which may share a commit; what is not committed when the process dies never happened. A full disk refuses.
/// </summary>
internal sealed class SimDisk
{
    private long _lastSeq;

    public Dictionary<ObjectKey, KubeObject> Objects { get; } = [];

    public Dictionary<DeviceId, DeviceRow> Devices { get; } = [];

    /// <summary>MetaManager/Outbox's table.</summary>
    public SortedDictionary<long, UpstreamMessage> Outbox { get; } = [];

    public OutboxItem Insert(UpstreamMessage message, long? seq = null)
    {
        var item = new OutboxItem(message.Key, seq ?? ++_lastSeq, message.Lane, message.Kind, message.Content?.Length ?? 0);
        Outbox[item.Seq] = message;
        return item;
    }

    /// <summary>As MetaManager.Store.</summary>
    public void Store(ObjectChange change)
    {
        if (change.Object is { } stored)
        {
            Objects[change.Key] = stored;
        }
        else if (Objects.TryGetValue(change.Key, out var present) && Fits(present, change.Uid))
        {
            Objects.Remove(change.Key);
        }
    }

    public static bool Fits(KubeObject present, string uid) =>
        uid.Length == 0 || present.Uid == uid;
}
