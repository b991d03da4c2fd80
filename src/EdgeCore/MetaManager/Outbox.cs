using System.Threading.Channels;
using EdgeSync.Storage;

namespace EdgeSync.EdgeCore.MetaManager;

/// <summary>
/// Everything that the node has to tell the cloud, in SQLite until the hub has said that the API has it. What is sent next, what
/// replaces what and what goes when too much waits is decided by <see cref="OutboxIndex"/>; this carries it out, in the transaction of
/// whoever puts. A message of which only the last value matters is kept once per key, so a long outage costs no more than a short one.
/// </summary>
internal sealed class Outbox
{
    private static readonly int s_kinds = Enum.GetValues<OutboxKind>().Length;

    // one signal is enough: the reader looks at the whole outbox
    private readonly Channel<bool> _signal = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    private readonly Dictionary<string, (ContentRenderer Render, SettledHandler? Settled)> _renderers = [];
    private readonly Database _database;
    private readonly Lock _gate = new();
    private readonly OutboxIndex _index; // guarded by _gate; changed on the database's writer, within its transactions
    private readonly long[] _dropped = new long[s_kinds]; // likewise; by kind, since the database was made

    /// <summary>Reads what waits.</summary>
    public Outbox(Database database, OutboxLimits limits)
    {
        _database = database;
        _index = new OutboxIndex(limits);
        database.Read(session =>
        {
            Load(session);
            return true;
        });
    }

    /// <summary>Makes the content of a message at the time it is sent.</summary>
    /// <returns>Raw JSON, or null where nothing is left to say (the entry is then settled).</returns>
    public delegate byte[]? ContentRenderer(SqlSession session, OutboxEntry entry);

    /// <summary>
    /// Runs in the transaction that removes an entry, with the entry as it was sent, so that its maker can note how much of its
    /// state is done with, and put the key again where something is left. Also of one that the hub refused for good, or that had
    /// nothing to say: what <see cref="PutOnce"/> left to it meanwhile would be lost.
    /// </summary>
    public delegate void SettledHandler(SqlSession session, OutboxEntry sent);

    /// <summary>Ready when something may be waiting to be sent.</summary>
    public ChannelReader<bool> Signal => _signal.Reader;

    /// <summary>Messages that wait for the hub.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _index.Count;
            }
        }
    }

    /// <summary>The bytes of their contents.</summary>
    public long Bytes
    {
        get
        {
            lock (_gate)
            {
                return _index.Bytes;
            }
        }
    }

    /// <summary>Messages of a kind that had to go, since the database was made: the count outlives a restart.</summary>
    public long DroppedOf(OutboxKind kind)
    {
        lock (_gate)
        {
            return _dropped[(int)kind];
        }
    }

    /// <summary>
    /// Names who makes the content of entries whose key begins with <paramref name="keyPrefix"/> and that have none
    /// of their own, and who is told (<paramref name="settled"/>) when one is done. Called while the
    /// agent is composed.
    /// </summary>
    public void SetRenderer(string keyPrefix, ContentRenderer renderer, SettledHandler? settled = null) =>
        _renderers[keyPrefix] = (renderer, settled);

    /// <summary>Stores a message; when the task completes it is on disk.</summary>
    public async Task PutAsync(UpstreamMessage message, CancellationToken cancellationToken)
    {
        await _database.WriteAsync(
            session =>
            {
                Put(session, message);
                Failpoint.Hit(EdgeFailpoints.OutboxWritten);
            },
            cancellationToken);
        Failpoint.Hit(EdgeFailpoints.OutboxCommitted);
        Notify();
    }

    /// <summary>Stores a message within the caller's transaction; call <see cref="Notify"/> after its commit.</summary>
    /// <returns>How many messages had to go for it.</returns>
    public int Put(SqlSession session, UpstreamMessage message)
    {
        session.OnRollback(this, Load);
        if (!message.Each && LastValueOf(message.Key) is { } replaced)
        {
            // delete and insert, not update: a put gets a new seq, so an answer to the earlier one does not settle it
            Delete(session, replaced.Seq);
        }

        var item = Insert(session, message);
        IReadOnlyList<OutboxItem> dropped;
        lock (_gate)
        {
            dropped = _index.Put(item);
        }

        foreach (var gone in dropped)
        {
            Delete(session, gone.Seq);
        }

        foreach (var kind in dropped.GroupBy(d => d.Kind))
        {
            CountDropped(session, kind.Key, kind.Count());
        }

        return dropped.Count;
    }

    /// <summary>
    /// As <see cref="Put"/>, but where the key waits already it keeps its place: for entries whose content is made on
    /// sending, so that a state that changes all the time is not pushed back in the queue by each change.
    /// </summary>
    public void PutOnce(SqlSession session, UpstreamMessage message)
    {
        if (LastValueOf(message.Key) is null)
        {
            Put(session, message);
        }
    }

    /// <summary>Forgets the waiting last value of the key, in the caller's transaction: what it was about is gone.</summary>
    public void Forget(SqlSession session, string key)
    {
        if (LastValueOf(key) is { } waiting)
        {
            session.OnRollback(this, Load);
            Delete(session, waiting.Seq);
            Remove(key, waiting.Seq);
        }
    }

    /// <summary>Counts messages that were lost before they could be put, in the caller's transaction.</summary>
    public void CountDropped(SqlSession session, OutboxKind kind, int messages)
    {
        session.OnRollback(this, Load);
        session.Execute(
            "INSERT INTO outbox_dropped (kind, messages) VALUES ($1, $2) ON CONFLICT (kind) DO UPDATE SET messages = messages + $2",
            (int)kind, messages);
        lock (_gate)
        {
            _dropped[(int)kind] += messages;
        }
    }

    /// <summary>The newest message that waits; 0 where none does.</summary>
    public long LastSeq() => _database.Read(session => (long)session.Scalar("SELECT COALESCE(MAX(seq), 0) FROM outbox")!);

    /// <summary>Whether a message that is as old as <paramref name="seq"/> or older waits.</summary>
    public bool HasUpTo(long seq) => _database.Read(session => (long)session.Scalar("SELECT EXISTS (SELECT 1 FROM outbox WHERE seq <= $1)", seq)!) != 0;

    /// <summary>Says that something may be waiting to be sent.</summary>
    public void Notify() => _signal.Writer.TryWrite(true);

    /// <inheritdoc cref="OutboxIndex.Next"/>
    public IReadOnlyList<OutboxItem> Next(Func<Lane, int> room, Predicate<string> isBusy)
    {
        lock (_gate)
        {
            return _index.Next(room, isBusy);
        }
    }

    /// <summary>
    /// The messages with their contents; those that are made on sending are made here. One whose transaction has not committed
    /// yet is left out: a <see cref="Signal"/> follows its commit.
    /// </summary>
    public IReadOnlyList<OutboxEntry> Read(IReadOnlyList<OutboxItem> items) => items.Count == 0 ? [] : _database.Read(session =>
    {
        var entries = new List<OutboxEntry>(items.Count);
        foreach (var item in items)
        {
            entries.AddRange(session.Query(
                "SELECT seq, key, lane, each, source, message_group, operation, resource, content FROM outbox WHERE seq = $1",
                row => new OutboxEntry(row.GetInt64(0), new UpstreamMessage(
                    row.GetString(1), (Lane)row.GetInt32(2), row.GetInt32(3) == 1, row.GetString(4), row.GetString(5),
                    row.GetString(6), row.GetString(7), row.IsDBNull(8) ? null : row.GetFieldValue<byte[]>(8))),
                item.Seq));
        }

        for (var i = 0; i < entries.Count; i++)
        {
            entries[i] = Render(session, entries[i]);
        }

        return entries;
    });

    /// <summary>Removes what is done. An entry that was put again meanwhile has a new seq and stays.</summary>
    public async Task SettleAsync(IReadOnlyList<Settlement> settlements, CancellationToken cancellationToken)
    {
        await _database.WriteAsync(session => Settle(session, settlements), cancellationToken);
        Failpoint.Hit(EdgeFailpoints.SettleCommitted);

        // a maker may have put its key again
        Notify();
    }

    private static void Delete(SqlSession session, long seq) => session.Execute("DELETE FROM outbox WHERE seq = $1", seq);

    private static OutboxItem Insert(SqlSession session, UpstreamMessage message)
    {
        var seq = (long)session.Scalar(
            """
            INSERT INTO outbox (key, lane, each, source, message_group, operation, resource, content)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING seq
            """,
            message.Key, (int)message.Lane, message.Each ? 1 : 0, message.Source, message.Group,
            message.Operation, message.Resource, message.Content)!;
        return new OutboxItem(message.Key, seq, message.Lane, message.Kind, message.Content?.Length ?? 0);
    }

    /// <summary>Makes the index say what the table says: at start, and after a transaction that changed both was undone.</summary>
    private void Load(SqlSession session)
    {
        var waiting = session.Query(
            "SELECT key, seq, lane, each, resource, COALESCE(length(content), 0) FROM outbox ORDER BY seq",
            row => new OutboxItem(
                row.GetString(0), row.GetInt64(1), (Lane)row.GetInt32(2), UpstreamMessage.KindOf(row.GetInt32(3) == 1, row.GetString(4)),
                row.GetInt32(5)));
        var dropped = session.Query("SELECT kind, messages FROM outbox_dropped", row => (Kind: row.GetInt32(0), Messages: row.GetInt64(1)));
        lock (_gate)
        {
            _index.Clear();
            waiting.ForEach(_index.Add);
            Array.Clear(_dropped);
            dropped.ForEach(d => _dropped[d.Kind] = d.Messages);
        }
    }

    private OutboxItem? LastValueOf(string key)
    {
        lock (_gate)
        {
            return _index.LastValueOf(key);
        }
    }

    private void Remove(string key, long seq)
    {
        lock (_gate)
        {
            _index.Remove(key, seq);
        }
    }

    private void Settle(SqlSession session, IReadOnlyList<Settlement> settlements)
    {
        foreach (var (entry, _) in settlements)
        {
            session.OnRollback(this, Load);
            Delete(session, entry.Seq);
            Remove(entry.Message.Key, entry.Seq);
            RendererOf(entry.Message.Key)?.Settled?.Invoke(session, entry);
        }

        Failpoint.Hit(EdgeFailpoints.SettleWritten);
    }

    private OutboxEntry Render(SqlSession session, OutboxEntry entry) =>
        entry.Message.Content is null && RendererOf(entry.Message.Key) is { } renderer
            ? entry with { Message = entry.Message with { Content = renderer.Render(session, entry) } }
            : entry;

    private (ContentRenderer Render, SettledHandler? Settled)? RendererOf(string key)
    {
        foreach (var (prefix, renderer) in _renderers)
        {
            if (key.StartsWith(prefix, StringComparison.Ordinal))
            {
                return renderer;
            }
        }

        return null;
    }
}
