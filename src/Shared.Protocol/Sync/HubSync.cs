using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.Protocol.Sync;

/// <summary>
/// The hub's half of the sync with one node, for the life of one session. Pure: no I/O, no clock, no threads (the owner
/// serializes calls), so the code that ships is the code that is simulated.
/// <para>
/// State is per object, not per message: what the node should hold, what it is known to hold, and what is on its way.
/// An object is dirty while the first two differ. A node that was away for a month therefore costs as much as one that was
/// away for a second, and a later version simply takes the place of one that has not been sent.
/// </para>
/// <code>
///            Want/Forget                TryTake                Acknowledge
///   clean ───────────────▶ queued ───────────────▶ in flight ───────────────▶ clean, or queued again if the wish
///                            ▲                         │                      changed meanwhile
///                            └── deadline: sent again ◀┘
/// </code>
/// </summary>
public sealed partial class HubSync
{
    private readonly HubSyncOptions _options;
    private readonly Dictionary<ObjectKey, Entry> _entries = [];
    private readonly Dictionary<string, Entry> _inFlight = [];
    private readonly Queue<Entry>[] _lanes = [new(), new(), new(), new(), new()];
    private long _lastId;
    private int _inFlightBytes;
    private bool _open;
    private Message? _inventory; // the one to be answered when everything that it lacked is held

    public HubSync(HubSyncOptions options)
    {
        _options = options;
        _open = !options.Inventory;
    }

    /// <summary>Objects that the node does not hold as it should: queued or on their way.</summary>
    public int PendingCount { get; private set; }

    /// <summary>Whether the inventory has come, or none is awaited.</summary>
    public bool IsOpen => _open;

    /// <summary>The node should hold this version of the object.</summary>
    public void Want(ObjectKey key, KubeObject wanted)
    {
        var entry = GetOrAdd(key);
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
        if (_entries.TryGetValue(key, out var entry))
        {
            entry.Wanted = null;
            Review(entry);
        }
    }

    /// <summary>
    /// What the node holds. Everything else of what was wanted is dirty; what is held and not wanted is removed, by UID.
    /// A second inventory in a session is as good as the first. Once the node holds everything that it should, the message
    /// is answered: from then on the node may take what it was not sent for not wanted.
    /// </summary>
    /// <exception cref="ProtocolException">The content is not an inventory.</exception>
    public void ReceiveInventory(Message message)
    {
        var items = Inventory.Read(message.Content);
        _inventory = message;
        foreach (var entry in _entries.Values)
        {
            entry.Held = null;
        }

        foreach (var item in items)
        {
            var entry = GetOrAdd(item.Key);
            entry.Held = new HeldVersion(item.Uid, item.ContentHash);
            entry.HeldUnixMs = _unixMs;
        }

        _open = true;
        foreach (var entry in _entries.Values.ToArray())
        {
            Review(entry);
        }
    }

    /// <summary>The node has stored what the message carried. False for an id that is not on its way (late, or forged).</summary>
    public bool Acknowledge(string messageId) => Acknowledge(messageId, out _);

    /// <inheritdoc cref="Acknowledge(string)"/>
    public bool Acknowledge(string messageId, out Acknowledged acknowledged)
    {
        acknowledged = default;
        if (!_inFlight.Remove(messageId, out var entry))
        {
            return false;
        }

        var flight = entry.Flight!;
        entry.Flight = null;
        _inFlightBytes -= flight.Bytes;
        entry.Held = flight.Object is null ? null : new HeldVersion(flight.Object.Uid, flight.Object.ContentHash);
        entry.HeldUnixMs = entry.Held is null ? 0 : _unixMs;
        if (entry.Progress is { } progress)
        {
            progress.HeldVersion = flight.Object?.ResourceVersion ?? "";
            progress.LastError = null;
        }

        acknowledged = new Acknowledged(entry.Key, _nowMs - flight.ChangedMs);
        Review(entry);
        return true;
    }

    /// <summary>
    /// The next message to send now, if any: one that is due again, else the next of the queues while the window has room.
    /// </summary>
    /// <param name="nowMs">Milliseconds of a clock that never goes back.</param>
    /// <param name="unixMs">Wall clock for the message's timestamp, Unix milliseconds.</param>
    /// <param name="message">The message.</param>
    public bool TryTake(long nowMs, long unixMs, out Message message)
    {
        message = null!;
        SetTime(nowMs, unixMs);
        if (TryTakeDue(nowMs, unixMs, out message))
        {
            return true;
        }

        if (_inventory is { } answered && PendingCount == 0)
        {
            _inventory = null;
            message = Synced(answered, unixMs);
            return true;
        }

        if (!_open || _inFlight.Count >= _options.Window || (_inFlightBytes >= _options.WindowBytes && _inFlight.Count > 0))
        {
            return false;
        }

        foreach (var lane in _lanes)
        {
            while (lane.TryDequeue(out var entry))
            {
                entry.Queued = false;
                if (entry.IsDirty && entry.Flight is null)
                {
                    message = Launch(entry, nowMs, unixMs);
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>When <see cref="TryTake"/> has something to send again, by the clock of its <c>nowMs</c>; null for never.</summary>
    public long? NextDeadline => _inFlight.Count == 0 ? null : _inFlight.Values.Min(e => e.Flight!.Deadline);

    /// <summary>The node's view of each object that it does not hold as it should, for the ledger.</summary>
    public IEnumerable<(ObjectKey Key, bool Sent, int Attempts)> Pending() =>
        _entries.Values.Where(e => e.IsDirty || e.Flight is not null).Select(e => (e.Key, e.Flight is not null, e.Flight?.Attempts ?? 0));

    private Entry GetOrAdd(ObjectKey key)
    {
        if (!_entries.TryGetValue(key, out var entry))
        {
            entry = new Entry(key);
            _entries.Add(key, entry);
        }

        return entry;
    }

    private void Review(Entry entry)
    {
        var pending = entry.IsDirty || entry.Flight is not null;
        if (pending != entry.CountedPending)
        {
            entry.CountedPending = pending;
            PendingCount += pending ? 1 : -1;
        }

        if (!pending)
        {
            entry.Progress = null;
        }
        else if (_open)
        {
            entry.Progress ??= new Progress();
            NoteChange(entry);
        }

        if (entry.IsDirty)
        {
            if (!entry.Queued && entry.Flight is null)
            {
                entry.Queued = true;
                _lanes[LaneOf(entry.Key.Type)].Enqueue(entry);
            }
        }
        else if (entry.Wanted is null && entry.Flight is null)
        {
            _entries.Remove(entry.Key);
        }
    }

    private bool TryTakeDue(long nowMs, long unixMs, out Message message)
    {
        message = null!;
        foreach (var entry in _inFlight.Values)
        {
            var flight = entry.Flight!;
            if (flight.Deadline <= nowMs)
            {
                flight.Attempts++;
                ResentCount++;
                flight.Deadline = nowMs + ResendDelay(flight.Attempts);
                message = Render(entry, flight, unixMs);
                return true;
            }
        }

        return false;
    }

    private Message Launch(Entry entry, long nowMs, long unixMs)
    {
        var flight = new Flight
        {
            Id = $"{_options.IdPrefix}{++_lastId}",
            Object = entry.Wanted,
            Uid = entry.Wanted?.Uid ?? entry.Held!.Value.Uid,
            Operation = entry.Wanted is null ? Operations.Delete : entry.Held is null ? Operations.Insert : Operations.Update,
            Bytes = entry.Wanted?.Json.Length ?? 0,
            Attempts = 1,
            Deadline = nowMs + ResendDelay(1),
            ChangedMs = entry.Progress?.ChangedMs ?? nowMs,
            ChangedUnixMs = entry.Progress is { ChangedUnixMs: > 0 } changed ? changed.ChangedUnixMs : unixMs,
            SentUnixMs = unixMs,
        };
        if (entry.Progress is { } progress)
        {
            progress.ChangedMs = null;
            progress.ChangedUnixMs = 0;
        }

        entry.Flight = flight;
        _inFlight.Add(flight.Id, entry);
        _inFlightBytes += flight.Bytes;
        return Render(entry, flight, unixMs);
    }

    private Message Synced(Message inventory, long unixMs) => new()
    {
        Id = $"{_options.IdPrefix}{++_lastId}",
        ParentId = inventory.Id,
        Timestamp = unixMs,
        Source = Sources.CloudHub,
        Group = Groups.Resource,
        Operation = Operations.Response,
        Resource = Operations.Inventory,
        Content = MessageContent.Ok,
    };

    private long ResendDelay(int attempts) =>
        Math.Min(_options.ResendCapMs, _options.ResendAfterMs << Math.Min(attempts - 1, 16));

    private static Message Render(Entry entry, Flight flight, long unixMs) => new()
    {
        Id = flight.Id,
        Timestamp = unixMs,
        ResourceVersion = flight.Object?.ResourceVersion ?? "",
        Source = entry.Key.Type is ResourceTypes.Device or ResourceTypes.DeviceModel ? Sources.DeviceController : Sources.EdgeController,
        Group = Groups.Resource,
        Operation = flight.Operation,
        Resource = entry.Key.ToString(),
        Content = flight.Object?.Json ?? Tombstone.Write(entry.Key, flight.Uid),
    };

    /// <summary>Configuration goes before the pods that need it, models before their devices.</summary>
    private static int LaneOf(string type) => type switch
    {
        ResourceTypes.Node => 0,
        ResourceTypes.ConfigMap or ResourceTypes.Secret => 1,
        ResourceTypes.Pod => 2,
        ResourceTypes.DeviceModel => 3,
        _ => 4,
    };

    private readonly record struct HeldVersion(string Uid, ulong ContentHash);

    private sealed class Entry(ObjectKey key)
    {
        public ObjectKey Key => key;

        /// <summary>What the node should hold; null where it should hold nothing.</summary>
        public KubeObject? Wanted { get; set; }

        /// <summary>What the node is known to hold.</summary>
        public HeldVersion? Held { get; set; }

        /// <summary>When the node said that it holds <see cref="Held"/>.</summary>
        public long HeldUnixMs { get; set; }

        public Flight? Flight { get; set; }

        /// <summary>Null while the node holds the object as it should.</summary>
        public Progress? Progress { get; set; }

        public bool Queued { get; set; }

        public bool CountedPending { get; set; }

        public bool IsDirty => Wanted is null
            ? Held is not null
            : Held is not { } held || held.Uid != Wanted.Uid || held.ContentHash != Wanted.ContentHash;
    }

    private sealed class Flight
    {
        public required string Id { get; init; }

        /// <summary>What is being sent; null for a delete.</summary>
        public required KubeObject? Object { get; init; }

        public required string Uid { get; init; }

        public required string Operation { get; init; }

        public required int Bytes { get; init; }

        public int Attempts { get; set; }

        public long Deadline { get; set; }

        /// <summary>When the change that it carries was seen, by the clock of the deadlines.</summary>
        public required long ChangedMs { get; init; }

        public required long ChangedUnixMs { get; init; }

        public required long SentUnixMs { get; init; }
    }
}
