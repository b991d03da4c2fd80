using EdgeSync.EdgeCore.MetaManager;
using EdgeSync.Protocol.Wire;
using EdgeSync.Storage;

namespace EdgeSync.EdgeCore.EventBus;

/// <summary>
/// Keeps routed messages on disk until the cloud has them, but not more of them than a small box can bear: of too many
/// the oldest go. Runs on the database's writer.
/// </summary>
internal sealed class RoutedBacklog(int maxMessages = 50_000, long maxBytes = 64L * 1024 * 1024)
{
    // counting reads every waiting message's row, so it is done once for many
    private readonly int _countEvery = Math.Max(1, maxMessages / 50);
    private readonly long _countEveryBytes = maxBytes / 16;
    private int _messagesSince = int.MaxValue / 2; // the first put counts: an earlier run may have left many
    private long _bytesSince;

    /// <summary>Stores the messages in the caller's transaction.</summary>
    /// <returns>How many older ones had to go.</returns>
    public int Put(SqlSession session, IReadOnlyList<UpstreamMessage> messages)
    {
        foreach (var message in messages)
        {
            Outbox.Put(session, message);
            _bytesSince += message.Content?.Length ?? 0;
        }

        _messagesSince += messages.Count;
        if (_messagesSince < _countEvery && _bytesSince < _countEveryBytes)
        {
            return 0;
        }

        _messagesSince = 0;
        _bytesSince = 0;
        return Trim(session);
    }

    private int Trim(SqlSession session)
    {
        var sizes = session.Query(
            "SELECT seq, length(content) FROM outbox WHERE each = 1 AND source = $1 ORDER BY seq DESC",
            row => (Seq: row.GetInt64(0), Bytes: row.GetInt64(1)), Sources.Bus);
        var bytes = 0L;
        var kept = 0;
        while (kept < sizes.Count && kept < maxMessages && (bytes += sizes[kept].Bytes) <= maxBytes)
        {
            kept++;
        }

        return kept == sizes.Count ? 0 : session.Execute(
            "DELETE FROM outbox WHERE each = 1 AND source = $1 AND seq <= $2", Sources.Bus, sizes[kept].Seq);
    }
}
