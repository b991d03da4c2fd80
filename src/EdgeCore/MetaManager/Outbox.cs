using System.Threading.Channels;
using EdgeSync.Storage;

namespace EdgeSync.EdgeCore.MetaManager;

/// <summary>
/// Everything that the node has to tell the cloud, in SQLite until the hub has said that the API has it.
/// A message of which only the last value matters is kept once per key, so a long outage costs no more than a short one.
/// </summary>
internal sealed class Outbox(Database database)
{
    // one signal is enough: the reader looks at the whole table
    private readonly Channel<bool> _signal = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    private readonly Dictionary<string, (ContentRenderer Render, SettledHandler? Settled)> _renderers = [];

    /// <summary>Makes the content of a message at the time it is sent.</summary>
    /// <returns>Raw JSON, or null where nothing is left to say (the entry is then settled).</returns>
    public delegate byte[]? ContentRenderer(SqlSession session, OutboxEntry entry);

    /// <summary>
    /// Runs in the transaction that removes a confirmed entry, with the entry as it was sent, so that its maker can
    /// note how much of its state the cloud has, and put the key again where something is left.
    /// </summary>
    public delegate void SettledHandler(SqlSession session, OutboxEntry sent);

    /// <summary>Ready when something may be waiting to be sent.</summary>
    public ChannelReader<bool> Signal => _signal.Reader;

    /// <summary>
    /// Names who makes the content of entries whose key begins with <paramref name="keyPrefix"/> and that have none
    /// of their own, and who is told (<paramref name="settled"/>) when the hub has confirmed one. Called while the
    /// agent is composed.
    /// </summary>
    public void SetRenderer(string keyPrefix, ContentRenderer renderer, SettledHandler? settled = null) =>
        _renderers[keyPrefix] = (renderer, settled);

    /// <summary>Stores a message; when the task completes it is on disk.</summary>
    public async Task PutAsync(UpstreamMessage message, CancellationToken cancellationToken)
    {
        await database.WriteAsync(session => Put(session, message), cancellationToken);
        Notify();
    }

    /// <summary>Stores a message within the caller's transaction; call <see cref="Notify"/> after its commit.</summary>
    public static void Put(SqlSession session, UpstreamMessage message)
    {
        // delete and insert, not update: a put gets a new seq, so an answer to the earlier one does not settle it
        if (!message.Each)
        {
            session.Execute("DELETE FROM outbox WHERE key = $1 AND each = 0", message.Key);
        }

        session.Execute(
            """
            INSERT INTO outbox (key, lane, each, source, message_group, operation, resource, content)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            """,
            message.Key, (int)message.Lane, message.Each ? 1 : 0, message.Source, message.Group,
            message.Operation, message.Resource, message.Content);
    }

    /// <summary>
    /// As <see cref="Put"/>, but where the key waits already it keeps its place: for entries whose content is made on
    /// sending, so that a state that changes all the time is not pushed back in the queue by each change.
    /// </summary>
    public static void PutOnce(SqlSession session, UpstreamMessage message) => session.Execute(
        """
        INSERT OR IGNORE INTO outbox (key, lane, each, source, message_group, operation, resource, content)
        VALUES ($1, $2, 0, $3, $4, $5, $6, NULL)
        """,
        message.Key, (int)message.Lane, message.Source, message.Group, message.Operation, message.Resource);

    /// <summary>Messages that wait for the hub.</summary>
    public static long Count(Database database) => database.Read(session => (long)session.Scalar("SELECT COUNT(*) FROM outbox")!);

    /// <summary>Says that something may be waiting to be sent.</summary>
    public void Notify() => _signal.Writer.TryWrite(true);

    /// <summary>
    /// The next entries to send, in order of lane and age, after those whose <c>Seq</c> is in
    /// <paramref name="inFlight"/> are left out. Contents that are made on sending are made here.
    /// </summary>
    public IReadOnlyList<OutboxEntry> Next(int most, IReadOnlySet<long> inFlight) => database.Read(session =>
    {
        var rows = session.Query(
            """
            SELECT seq, key, lane, each, source, message_group, operation, resource, content
            FROM outbox ORDER BY lane, seq LIMIT $1
            """,
            row => new OutboxEntry(row.GetInt64(0), new UpstreamMessage(
                row.GetString(1), (Lane)row.GetInt32(2), row.GetInt32(3) == 1, row.GetString(4), row.GetString(5),
                row.GetString(6), row.GetString(7), row.IsDBNull(8) ? null : row.GetFieldValue<byte[]>(8))),
            most + inFlight.Count);
        var entries = new List<OutboxEntry>(most);
        foreach (var entry in rows)
        {
            if (!inFlight.Contains(entry.Seq) && entries.Count < most)
            {
                entries.Add(Render(session, entry));
            }
        }

        return entries;
    });

    /// <summary>Removes what is done. An entry that was put again meanwhile has a new seq and stays.</summary>
    public async Task SettleAsync(IReadOnlyList<Settlement> settlements, CancellationToken cancellationToken)
    {
        await database.WriteAsync(session => Settle(session, settlements), cancellationToken);

        // a maker may have put its key again
        Notify();
    }

    private void Settle(SqlSession session, IReadOnlyList<Settlement> settlements)
    {
        foreach (var (entry, reason) in settlements)
        {
            session.Execute("DELETE FROM outbox WHERE seq = $1", entry.Seq);
            if (reason == SettleReason.Taken)
            {
                RendererOf(entry.Message.Key)?.Settled?.Invoke(session, entry);
            }
        }
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
