using EdgeSync.Protocol.Wire;

namespace EdgeSync.Protocol.Sync;

/// <summary>What the ledger asks of the sync. An object that is in sync costs a time stamp; the rest is kept only while it is pending.</summary>
public sealed partial class HubSync
{
    private long _nowMs;
    private long _unixMs;

    /// <summary>Messages that were sent more than once, counted each time.</summary>
    public long ResentCount { get; private set; }

    /// <summary>Bytes of the pending objects.</summary>
    public long PendingBytes => PendingCount == 0 ? 0 : _entries.Values.Where(e => e.IsCountedPending).Sum(e => (long)(e.Wanted?.Json.Length ?? 0));

    /// <summary>The objects that the node does not hold as it should.</summary>
    public IEnumerable<ObjectKey> Pending() => _entries.Values.Where(e => e.IsCountedPending).Select(e => e.Key);

    /// <summary>Everything that the node is known to hold.</summary>
    public IEnumerable<InventoryItem> Held() => _entries.Values
        .Where(e => e.Held is not null)
        .Select(e => new InventoryItem(e.Key, e.Held!.Value.Uid, e.Held.Value.ContentHash));

    /// <summary>
    /// The time by which the calls that follow are stamped. <see cref="TryTake"/> sets it too, so an owner that has something
    /// to tell between two of those says the time before.
    /// </summary>
    public void SetTime(long nowMs, long unixMs)
    {
        _nowMs = nowMs;
        _unixMs = unixMs;
    }

    /// <summary>The facts of one object; null where the node neither holds nor should hold it.</summary>
    public ObjectFacts? Find(ObjectKey key)
    {
        if (!_entries.TryGetValue(key, out var entry))
        {
            return null;
        }

        var queuedBefore = entry.IsQueued ? CountQueuedBefore(entry) : 0;
        return new ObjectFacts
        {
            Key = key,
            WantedVersion = entry.Wanted?.ResourceVersion,
            IsPending = entry.IsCountedPending,
            ChangedAt = entry.Flight?.ChangedUnixMs ?? (entry.Progress is { ChangedUnixMs: > 0 } changed ? changed.ChangedUnixMs : null),
            SentAt = entry.Flight?.SentUnixMs,
            SentVersion = entry.Flight?.Object?.ResourceVersion ?? "",
            Attempts = (entry.Flight?.Attempts ?? 0) + (entry.Progress?.Failures ?? 0),
            HeldUid = entry.Held?.Uid,
            HeldVersion = entry.IsDirty ? entry.Progress?.HeldVersion ?? "" : entry.Wanted?.ResourceVersion ?? "",
            HeldAt = entry.HeldUnixMs,
            LastError = entry.Progress?.LastError,
            InWindow = _inFlight.Count,
            QueuedBefore = queuedBefore,
        };
    }

    private int CountQueuedBefore(HubEntry entry)
    {
        var before = 0;
        foreach (var queued in _queues.Waiting())
        {
            if (queued == entry)
            {
                break;
            }

            before += queued is { IsDirty: true, Flight: null } ? 1 : 0;
        }

        return before;
    }

    /// <summary>Notes a change that what is on its way does not carry.</summary>
    private void NoteChange(HubEntry entry)
    {
        if (entry.Progress is { ChangedMs: null } progress && entry.IsDirty && !(entry.Flight is { } flight && Carries(flight, entry)))
        {
            progress.ChangedMs = _nowMs;
            progress.ChangedUnixMs = _unixMs;
        }
    }

    private static bool Carries(Flight flight, HubEntry entry) => entry.Wanted is null
        ? flight.Object is null
        : flight.Object is { } sent && sent.Uid == entry.Wanted.Uid && sent.ContentHash == entry.Wanted.ContentHash;
}
