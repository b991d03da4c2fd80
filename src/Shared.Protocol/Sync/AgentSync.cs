using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.Protocol.Sync;

/// <summary>A received object on its way to the disk.</summary>
/// <param name="Change">What to store.</param>
/// <param name="Received">The message that brought it.</param>
/// <param name="Session">The session that it came by; its acknowledgement goes to no other.</param>
public sealed record PendingStore(ObjectChange Change, Message Received, long Session);

/// <summary>
/// The edge's half of the sync, for the life of the agent. Pure: no I/O, no clock, no threads (the owner serializes calls).
/// <para>
/// Down: a received object is handed out to be stored, and acknowledged only after <see cref="Stored"/>. Up: an entry of
/// the outbox is sent, and settled only after the hub has answered that the API has it, or will never take it. One entry
/// per key is on its way at a time, so the hub sees each key's messages in their order.
/// </para>
/// </summary>
public sealed class AgentSync(AgentSyncOptions options)
{
    private readonly Queue<PendingStore> _toStore = new();
    private readonly HashSet<string> _unstoredIds = [];
    private readonly Queue<Message> _replies = new();
    private readonly Dictionary<long, Upload> _uploads = [];
    private readonly Dictionary<string, Upload> _bySentId = [];
    private readonly Queue<Upload> _ready = new();
    private readonly List<Settlement> _settled = [];
    private long _session;
    private bool _connected;
    private long _lastId;
    private string _idPrefix = "";
    private string? _inventoryId; // of this session's inventory, until it is answered
    private int _inFlight;

    /// <summary>Seqs of entries that are on their way or waiting to be tried again; the outbox need not offer them.</summary>
    public IReadOnlySet<long> Busy => _uploads.Keys.ToHashSet();

    /// <summary>Entries that may be offered now.</summary>
    public int Room => _connected ? Math.Max(0, options.Window - _inFlight - _ready.Count) : 0;

    /// <summary>Whether as many received objects wait for the disk as may.</summary>
    public bool IsFull => _toStore.Count >= options.MaxUnstored;

    /// <summary>Messages that the hub refused for good, since the agent started.</summary>
    public long RejectedCount { get; private set; }

    /// <summary>A link is up. What was on its way is sent again, on this session.</summary>
    /// <param name="idPrefix">What the ids of this session's messages begin with; unique per session.</param>
    /// <param name="inventory">What the node holds, told to a hub that knows the extension; null for one that does not.</param>
    /// <param name="unixMs">Wall clock, Unix milliseconds.</param>
    public void Connected(string idPrefix, IReadOnlyList<InventoryItem>? inventory, long unixMs)
    {
        Disconnected();
        _connected = true;
        _session++;
        _idPrefix = idPrefix;
        if (inventory is not null)
        {
            _inventoryId = NextId();
            _replies.Enqueue(new Message
            {
                Id = _inventoryId,
                Timestamp = unixMs,
                Source = Sources.MetaManager,
                Group = Groups.Resource,
                Operation = Operations.Inventory,
                Resource = Operations.Inventory,
                Content = Inventory.Write(inventory),
            });
        }
    }

    /// <summary>The link is gone. Nothing is lost: what was not answered is still in the outbox.</summary>
    public void Disconnected()
    {
        _connected = false;
        _replies.Clear();
        _unstoredIds.Clear();
        _uploads.Clear();
        _bySentId.Clear();
        _ready.Clear();
        _inFlight = 0;
        _inventoryId = null;
    }

    /// <summary>A message came from the hub.</summary>
    /// <returns>What was done with it, for logs and counters.</returns>
    public Receipt Receive(Message message, long nowMs, long unixMs)
    {
        if (message.ParentId.Length > 0)
        {
            return ReceiveAnswer(message, nowMs);
        }

        if (message.Group != Groups.Resource
            || message.Operation is not (Operations.Insert or Operations.Update or Operations.Delete)
            || !ObjectKey.TryParse(message.Resource, out var key))
        {
            return Receipt.Ignored;
        }

        if (_unstoredIds.Contains(message.Id))
        {
            return Receipt.Duplicate;
        }

        try
        {
            var received = KubeObject.Parse(message.ContentAsJson());
            var change = message.Operation == Operations.Delete
                ? new ObjectChange(key, null, received.Uid)
                : new ObjectChange(key, Checked(key, received), received.Uid);
            _unstoredIds.Add(message.Id);
            _toStore.Enqueue(new PendingStore(change, message, _session));
            return Receipt.Object;
        }
        catch (KubeObjectException e)
        {
            _replies.Enqueue(ReplyTo(message, Operations.Error, e.Message, unixMs));
            return Receipt.Malformed;
        }
    }

    /// <summary>The next received objects to store in one transaction, in the order received.</summary>
    public IReadOnlyList<PendingStore> TakeStores(int most)
    {
        var batch = new List<PendingStore>(Math.Min(most, _toStore.Count));
        while (batch.Count < most && _toStore.TryDequeue(out var next))
        {
            batch.Add(next);
        }

        return batch;
    }

    /// <summary>The transaction is on disk (<paramref name="error"/> null) or failed. Only now is anything acknowledged.</summary>
    public void Stored(IReadOnlyList<PendingStore> batch, string? error, long unixMs)
    {
        foreach (var stored in batch)
        {
            if (!_connected || stored.Session != _session)
            {
                continue; // the session is gone; the next one's inventory tells what is held
            }

            _unstoredIds.Remove(stored.Received.Id);
            _replies.Enqueue(error is null
                ? ReplyTo(stored.Received, Operations.Response, "OK", unixMs)
                : ReplyTo(stored.Received, Operations.Error, error, unixMs));
        }
    }

    /// <summary>Entries of the outbox, oldest of the first lane first. Those whose key is on its way wait for a later call.</summary>
    public void Offer(IEnumerable<OutboxEntry> entries)
    {
        var keys = _uploads.Values.Select(u => u.Entry.Message.Key).ToHashSet();
        foreach (var entry in entries)
        {
            if (!_connected || _uploads.ContainsKey(entry.Seq) || !keys.Add(entry.Message.Key))
            {
                continue;
            }

            var upload = new Upload(entry);
            _uploads.Add(entry.Seq, upload);
            if (entry.Message.Content is null)
            {
                // its renderer found nothing left to say
                Settle(upload, SettleReason.NothingToSay);
                continue;
            }

            _ready.Enqueue(upload);
        }
    }

    /// <summary>The next message to send now, if any: acknowledgements first, then uploads.</summary>
    public bool TryTake(long nowMs, long unixMs, out Message message)
    {
        if (_replies.TryDequeue(out message!))
        {
            return true;
        }

        if (!_connected)
        {
            return false;
        }

        foreach (var upload in _uploads.Values)
        {
            if (upload.Deadline <= nowMs)
            {
                message = Launch(upload, nowMs, unixMs);
                return true;
            }
        }

        if (_ready.TryDequeue(out var next))
        {
            message = Launch(next, nowMs, unixMs);
            return true;
        }

        return false;
    }

    /// <summary>Entries that are done, to be removed from the outbox; each is given once.</summary>
    public IReadOnlyList<Settlement> TakeSettled()
    {
        if (_settled.Count == 0)
        {
            return [];
        }

        Settlement[] settled = [.. _settled];
        _settled.Clear();
        return settled;
    }

    /// <summary>When <see cref="TryTake"/> has something to send again, by the clock of its <c>nowMs</c>; null for never.</summary>
    public long? NextDeadline
    {
        get
        {
            long? next = null;
            foreach (var upload in _uploads.Values)
            {
                if (upload.Deadline != long.MaxValue && (next is null || upload.Deadline < next))
                {
                    next = upload.Deadline;
                }
            }

            return next;
        }
    }

    private static KubeObject Checked(ObjectKey key, KubeObject received)
    {
        if (received.Name != key.Name || received.Namespace != key.Namespace)
        {
            throw new KubeObjectException($"the object is {received.Describe()}, the resource says {key}");
        }

        return received.Uid.Length > 0 ? received : throw new KubeObjectException($"{received.Describe()} has no metadata.uid");
    }

    private Receipt ReceiveAnswer(Message message, long nowMs)
    {
        if (message.ParentId == _inventoryId)
        {
            _inventoryId = null;
            return Receipt.Synced;
        }

        if (!_bySentId.Remove(message.ParentId, out var upload))
        {
            return Receipt.LateAnswer;
        }

        _inFlight--;
        upload.SentId = null;
        switch (Answer.Read(message))
        {
            case Answer.Verdict.Taken:
                Settle(upload, SettleReason.Taken);
                return Receipt.Answer;
            case Answer.Verdict.Never:
                RejectedCount++;
                Settle(upload, SettleReason.Rejected);
                return Receipt.Rejected;
            default:
                upload.Failures++;
                upload.Deadline = nowMs + Math.Min(options.RetryCapMs, options.RetryAfterMs << Math.Min(upload.Failures - 1, 16));
                return Receipt.Retry;
        }
    }

    private Message Launch(Upload upload, long nowMs, long unixMs)
    {
        if (upload.SentId is not null)
        {
            // no answer in time: the same words under the same id
            upload.Deadline = nowMs + options.AnswerTimeoutMs;
        }
        else
        {
            upload.SentId = NextId();
            upload.Deadline = nowMs + options.AnswerTimeoutMs;
            _bySentId.Add(upload.SentId, upload);
            _inFlight++;
        }

        var entry = upload.Entry.Message;
        return new Message
        {
            Id = upload.SentId,
            Timestamp = unixMs,
            Source = entry.Source,
            Group = entry.Group,
            Operation = entry.Operation,
            Resource = entry.Resource,
            Content = entry.Content,
        };
    }

    private void Settle(Upload upload, SettleReason reason)
    {
        _uploads.Remove(upload.Entry.Seq);
        _settled.Add(new Settlement(upload.Entry, reason));
    }

    private string NextId() => $"{_idPrefix}{++_lastId}";

    private Message ReplyTo(Message received, string operation, string text, long unixMs) => new()
    {
        Id = NextId(),
        ParentId = received.Id,
        Timestamp = unixMs,
        Source = received.Source,
        Group = received.Group,
        Operation = operation,
        Resource = received.Resource,
        Content = MessageContent.Text(text),
    };

    private sealed class Upload(OutboxEntry entry)
    {
        public OutboxEntry Entry => entry;

        /// <summary>The id under which it is on its way; null while it is not.</summary>
        public string? SentId { get; set; }

        /// <summary>When it is to be sent again; never while it waits for its first turn.</summary>
        public long Deadline { get; set; } = long.MaxValue;

        public int Failures { get; set; }
    }
}

/// <summary>What became of a received message.</summary>
public enum Receipt
{
    /// <summary>An object, on its way to the disk.</summary>
    Object,

    /// <summary>A resend of one that is on its way to the disk.</summary>
    Duplicate,

    /// <summary>The hub has taken an upload.</summary>
    Answer,

    /// <summary>The hub has sent everything that this node should hold: what it did not send is not wanted.</summary>
    Synced,

    /// <summary>The hub will never take an upload (its object is gone, or it is invalid).</summary>
    Rejected,

    /// <summary>The hub could not take an upload now.</summary>
    Retry,

    /// <summary>An answer to nothing that is on its way.</summary>
    LateAnswer,

    /// <summary>An object that cannot be read; the hub has been told.</summary>
    Malformed,

    /// <summary>A message that this agent has no use for.</summary>
    Ignored,
}

/// <summary>Why an outbox entry is done.</summary>
public enum SettleReason
{
    /// <summary>The API has it.</summary>
    Taken,

    /// <summary>The API will never take it.</summary>
    Rejected,

    /// <summary>Its content had nothing left to say.</summary>
    NothingToSay,
}

/// <summary>An outbox entry that is done, as it was sent.</summary>
public sealed record Settlement(OutboxEntry Entry, SettleReason Reason);
