using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.Protocol.Sync;

/// <summary>
/// The edge's half of the sync, for the life of the agent. Pure: no I/O, no clock, no threads (the owner serializes calls).
/// The link keeps the order of a session's messages.
/// <para>
/// Down: a received object is handed out to be stored, and acknowledged only after <see cref="Stored"/>. Up: an entry of
/// the outbox is sent, and settled only after the hub has answered that the API has it, or will never take it. One entry
/// per key is on its way at a time, so the hub sees each key's messages in their order. One that the API could not take is
/// left to the outbox again, and may be offered after a pause in its newest version.
/// </para>
/// </summary>
public sealed partial class AgentSync(AgentSyncOptions options)
{
    private readonly Queue<PendingStore> _toStore = new();
    private readonly HashSet<string> _unstoredIds = [];
    private readonly Queue<Message> _replies = new();
    private long _session;
    private bool _connected;
    private long _lastId;
    private string _idPrefix = "";
    private int _storing; // objects that were handed out and are not yet stored

    /// <summary>Whether as many received objects wait for the disk as may.</summary>
    public bool IsFull => _toStore.Count >= options.MaxUnstored;

    /// <summary>Messages that the hub refused for good, since the agent started.</summary>
    public long RejectedCount { get; private set; }

    /// <summary>Answers to nothing that is on its way (late, repeated, or forged), since the agent started.</summary>
    public long LateAnswers { get; private set; }

    /// <summary>A link is up. What was on its way may be offered again, for this session.</summary>
    /// <param name="idPrefix">What the ids of this session's messages begin with; unique per session.</param>
    /// <param name="held">
    /// What the node has stored, as it is when it is asked for, told to a hub that knows the extension; null for one that does not.
    /// </param>
    public void Connected(string idPrefix, Func<IEnumerable<InventoryItem>>? held)
    {
        Disconnected();
        _connected = true;
        _session++;
        _idPrefix = idPrefix;
        _held = held;
        _digestDue = held is null ? long.MaxValue : long.MinValue;
    }

    /// <summary>The link is gone. Nothing is lost: what was not answered is still in the outbox, what was not stored comes again.</summary>
    public void Disconnected()
    {
        _connected = false;
        _replies.Clear();
        _toStore.Clear();
        _unstoredIds.Clear();
        ForgetUploads();
        ForgetInventory();
    }

    /// <summary>A message came from the hub.</summary>
    /// <returns>What was done with it, for logs and counters.</returns>
    public Receipt Receive(Message message, long nowMs, long unixMs)
    {
        if (message.Operation == Operations.Inventory)
        {
            return ReceiveAsk(message);
        }

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

        _digestDue = long.MaxValue; // the hub sends objects: it has what it needs to know
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
        catch (Exception e) when (e is KubeObjectException or ProtocolException)
        {
            // KubeEdge's hub does not take an error for an answer: it would hold back all else, sending this again and again
            _replies.Enqueue(IsKubeEdge
                ? ReplyTo(message, Operations.Response, "OK", unixMs)
                : ReplyTo(message, Operations.Error, e.Message, unixMs));
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

        _storing += batch.Count;
        return batch;
    }

    /// <summary>The transaction is on disk (<paramref name="error"/> null) or failed. Only now is anything acknowledged.</summary>
    public void Stored(IReadOnlyList<PendingStore> batch, string? error, long unixMs)
    {
        _storing -= batch.Count;
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

    /// <summary>The next message to send now, if any: acknowledgements first, then what the node holds, then uploads.</summary>
    public bool TryTake(long nowMs, long unixMs, out Message message)
    {
        SettleUnanswered();
        return _replies.TryDequeue(out message!)
            || (_connected && (TryTakeInventory(nowMs, unixMs, out message) || TryTakeUpload(nowMs, unixMs, out message)));
    }

    /// <summary>
    /// When to look again, by the clock of <see cref="TryTake"/>: it may have something to send, or a key may be offered again.
    /// Null for never. It may be early, never late.
    /// </summary>
    public long? NextDeadline
    {
        get
        {
            var next = Math.Min(_nextDeadline, _storing > 0 ? long.MaxValue : _digestDue);
            return next == long.MaxValue ? null : next;
        }
    }

    /// <summary>Whether the hub has no extensions.</summary>
    private bool IsKubeEdge => _connected && _held is null;

    private static KubeObject Checked(ObjectKey key, KubeObject received)
    {
        if (received.Name != key.Name || received.Namespace != key.Namespace)
        {
            throw new KubeObjectException($"the object is {received.Describe()}, the resource says {key}");
        }

        return received.Uid.Length > 0 ? received : throw new KubeObjectException($"{received.Describe()} has no metadata.uid");
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
}
