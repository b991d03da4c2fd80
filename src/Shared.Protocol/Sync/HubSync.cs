using System.Globalization;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.Protocol.Sync;

/// <summary>
/// The hub's half of the sync with one node, for the life of one session. Pure: no I/O, no clock, no threads (the owner
/// serializes calls), so the code that ships is the code that is simulated. The link keeps the order of a session's messages.
/// <para>
/// State is per object, not per message: what the node should hold, what it is known to hold, and what is on its way.
/// An object is dirty while the first two differ. A node that was away for a month therefore costs as much as one that was
/// away for a second, and a later version simply takes the place of one that has not been sent. An object that the node
/// should not hold any longer stays here, dirty, until the node has acknowledged that it is gone.
/// </para>
/// <code>
///            Want/Forget                TryTake                Acknowledge
///   clean ───────────────▶ queued ───────────────▶ in flight ───────────────▶ clean, or queued again if the wish
///                            ▲                       │   │                    changed meanwhile
///                            │  deadline: sent again └─▶─┤
///                            └───── pause ◀── failed ◀───┘ Fail
/// </code>
/// </summary>
public sealed partial class HubSync
{
    private readonly HubSyncOptions _options;
    private readonly Dictionary<ObjectKey, HubEntry> _entries = [];
    private readonly List<HubEntry> _inFlight = [];
    private readonly List<HubEntry> _failed = []; // each waits for its next try
    private readonly SendQueues _queues;
    private readonly LaneLoad[] _loads = new LaneLoad[SendQueues.Lanes];
    private long _lastId;
    private bool _open;

    public HubSync(HubSyncOptions options)
    {
        _options = options;
        _queues = new SendQueues(options.MostBeforeALaterLane);
        _open = !options.Inventory;
    }

    /// <summary>Objects that the node does not hold as it should: queued, on their way, or failed.</summary>
    public int PendingCount { get; private set; }

    /// <summary>Objects that the node should hold, and those that it should hold no longer but still does.</summary>
    public int Count => _entries.Count;

    /// <summary>Whether the node has said what it holds, or need not.</summary>
    public bool IsOpen => _open;

    /// <summary>Answers to nothing that is on its way: late, repeated, or forged.</summary>
    public long UnknownAnswers { get; private set; }

    /// <summary>Messages that the node answered with an error.</summary>
    public long Failures { get; private set; }

    /// <summary>Versions that a later one replaced before they were sent.</summary>
    public long Superseded { get; private set; }

    /// <summary>The node should hold this version of the object.</summary>
    public void Want(ObjectKey key, KubeObject wanted)
    {
        if (!_entries.TryGetValue(key, out var entry))
        {
            entry = Add(key);
        }

        if (entry.Wanted is not { } previous || previous.Uid != wanted.Uid || previous.ContentHash != wanted.ContentHash)
        {
            NoteWish(entry);
        }

        var held = entry.IsDirty ? null : entry.Wanted?.ResourceVersion;
        entry.Wanted = wanted;
        Review(entry);
        if (held is not null && entry.Progress is { } progress)
        {
            progress.HeldVersion = held;
        }
    }

    /// <summary>The node should not hold the object any longer.</summary>
    public void Forget(ObjectKey key)
    {
        if (_entries.TryGetValue(key, out var entry) && entry.Wanted is not null)
        {
            NoteWish(entry);
            entry.Wanted = null;
            Review(entry);
        }
    }

    /// <summary>The node has stored what the message carried. False for an id that is not on its way: that changes nothing.</summary>
    public bool Acknowledge(string messageId) => Acknowledge(messageId, out _);

    /// <inheritdoc cref="Acknowledge(string)"/>
    public bool Acknowledge(string messageId, out Acknowledged acknowledged)
    {
        acknowledged = default;
        if (Land(messageId) is not { } entry)
        {
            return false;
        }

        var flight = entry.Flight!;
        entry.Flight = null;
        entry.Held = flight.Object is null ? null : new HeldVersion(flight.Object.Uid, flight.Object.ContentHash);
        entry.HeldUnixMs = entry.Held is null ? 0 : _unixMs;
        if (entry.Progress is { } progress)
        {
            progress.HeldVersion = flight.Object?.ResourceVersion ?? "";
            progress.LastError = null;
            progress.Failures = 0;
            progress.RetryAt = long.MinValue;
        }

        _failedInRow = 0;
        acknowledged = new Acknowledged(entry.Key, _nowMs - flight.ChangedMs);
        Answered(entry);
        Review(entry);
        return true;
    }

    /// <summary>
    /// The node could not store what the message carried (its disk is full, or it cannot read the object). It is tried again
    /// after a growing pause, a changed object at once. While nothing succeeds, one message is on its way at a time. False for an
    /// id that is not on its way: that changes nothing.
    /// </summary>
    /// <param name="messageId">The message that was answered.</param>
    /// <param name="error">What the node said, for people.</param>
    public bool Refuse(string messageId, string error)
    {
        if (Land(messageId) is not { } entry)
        {
            return false;
        }

        Failures++;
        var flight = entry.Flight!;
        entry.Flight = null;

        // an earlier send of the same message may have been stored: until an acknowledgement, the node may hold this or what it held
        var uid = entry.Held is not { } held || held.Uid == flight.Uid ? flight.Uid : "";
        entry.Held = new HeldVersion(uid, 0, Certain: false);
        var progress = entry.Progress ??= new HubProgress();
        progress.LastError = error;
        progress.Failures++;
        progress.RetryAt = Carries(flight, entry)
            ? _nowMs + RetryPause.After(_options.RetryAfterMs, _options.RetryCapMs, progress.Failures)
            : long.MinValue;
        progress.ChangedMs ??= flight.ChangedMs;
        progress.ChangedUnixMs = progress.ChangedUnixMs == 0 ? flight.ChangedUnixMs : progress.ChangedUnixMs;
        if (_nowMs >= _probeAt)
        {
            _failedInRow++;
            _probeAt = _nowMs + RetryPause.After(_options.RetryAfterMs, _options.RetryCapMs, _failedInRow);
        }

        if (progress.RetryAt > long.MinValue)
        {
            _nextRetry = Math.Min(_nextRetry, progress.RetryAt);
            if (!entry.IsListedFailed)
            {
                entry.IsListedFailed = true;
                _failed.Add(entry);
            }
        }

        Review(entry);
        return true;
    }

    private HubEntry Add(ObjectKey key)
    {
        var entry = new HubEntry(key);
        _entries.Add(key, entry);
        return entry;
    }

    /// <summary>The wish for an object is about to become another one: what failed before is tried at once.</summary>
    private void NoteWish(HubEntry entry)
    {
        if (entry.Wanted is { } waiting && entry.IsDirty && !ReferenceEquals(waiting, entry.Flight?.Object))
        {
            Superseded++;
        }

        if (entry.Progress is { } progress)
        {
            progress.RetryAt = long.MinValue;
        }
    }

    /// <summary>Puts the entry where it belongs after anything about it has changed.</summary>
    private void Review(HubEntry entry)
    {
        var pending = entry.IsDirty || entry.Flight is not null;
        if (pending != entry.IsCountedPending)
        {
            entry.IsCountedPending = pending;
            PendingCount += pending ? 1 : -1;
        }

        if (!pending)
        {
            entry.Progress = null;
            Answered(entry);
            if (entry.Wanted is null)
            {
                _entries.Remove(entry.Key);
            }

            return;
        }

        if (_open)
        {
            entry.Progress ??= new HubProgress();
            NoteChange(entry);
        }

        if (entry.Flight is null && !entry.IsQueued && entry.Progress is not { RetryAt: > long.MinValue })
        {
            _queues.Enqueue(entry);
        }
    }

    /// <summary>Takes the message off its way; null where it is on none.</summary>
    private HubEntry? Land(string messageId)
    {
        if (messageId.StartsWith(_options.IdPrefix, StringComparison.Ordinal)
            && long.TryParse(messageId.AsSpan(_options.IdPrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            for (var i = 0; i < _inFlight.Count; i++)
            {
                var entry = _inFlight[i];
                if (entry.Flight!.Number == number)
                {
                    _inFlight[i] = _inFlight[^1];
                    _inFlight.RemoveAt(_inFlight.Count - 1);
                    if (_inFlight.Count == 0 && _inFlight.Capacity > 8)
                    {
                        _inFlight.Capacity = 0; // an idle session holds no more than it must
                    }

                    ref var load = ref _loads[SendQueues.LaneOf(entry.Key.Type)];
                    load.Messages--;
                    load.Bytes -= entry.Flight.Bytes;
                    return entry;
                }
            }
        }

        UnknownAnswers++;
        return null;
    }

    /// <summary>What is on its way in one lane.</summary>
    private struct LaneLoad
    {
        public int Messages;
        public long Bytes;
    }
}
