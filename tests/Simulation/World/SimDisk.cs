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
    public List<OutboxEntry> Outbox { get; } = [];

    /// <summary>As Outbox.Put: a put gets a new number, so that an answer to the earlier one does not settle it.</summary>
    public void Put(UpstreamMessage message)
    {
        if (!message.Each || Mutant.Is(Mutations.CoalesceEach))
        {
            var key = Mutant.Is(Mutations.CoalesceEach) && message.Each ? "event/" : message.Key;
            var at = Outbox.FindIndex(e => e.Message.Each == message.Each && e.Message.Key.StartsWith(key, StringComparison.Ordinal));
            if (at >= 0)
            {
                var seq = Outbox[at].Seq;
                Outbox.RemoveAt(at);
                if (Mutant.Is(Mutations.PutKeepsItsNumber))
                {
                    Outbox.Add(new OutboxEntry(seq, message));
                    return;
                }
            }
        }

        Outbox.Add(new OutboxEntry(++_lastSeq, message));
    }

    /// <summary>As Outbox.PutOnce: a key that waits keeps its place; its content is made on sending.</summary>
    public void PutOnce(UpstreamMessage message)
    {
        if (!Outbox.Exists(e => e.Message.Key == message.Key))
        {
            Outbox.Add(new OutboxEntry(++_lastSeq, message));
        }
    }

    /// <summary>As Outbox.Next.</summary>
    public List<OutboxEntry> Next(int most, IReadOnlySet<long> inFlight, Func<OutboxEntry, OutboxEntry> render)
    {
        var next = new List<OutboxEntry>();
        foreach (var entry in Outbox.OrderBy(e => e.Message.Lane).ThenBy(e => e.Seq))
        {
            if (next.Count < most && !inFlight.Contains(entry.Seq))
            {
                next.Add(render(entry));
            }
        }

        return next;
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
        uid.Length == 0 || present.Uid == uid || Mutant.Is(Mutations.DeleteWithoutUid);
}
