using Microsoft.Data.Sqlite;

namespace EdgeSync.Storage;

/// <summary>
/// Brings the write-ahead log into the file (SQLite's checkpoint) beside the writer, so that no write waits for the
/// megabytes of it: first on a connection of its own, while writes go on, then, on the writer between two commits, the
/// few pages that came meanwhile. With all of the log in the file the next commit begins it anew: it does not grow.
/// </summary>
internal sealed class LogMerger(SqlSession session, SqlSession writer, int pages) : IAsyncDisposable
{
    private const string Merge = "PRAGMA wal_checkpoint(PASSIVE)";

    private Task? _merging;
    private long _waiting; // pages in the log that are not merged

    /// <summary>Called on the writer's thread after each commit, when those who wait for it have been answered.</summary>
    public void Committed()
    {
        _waiting += writer.TakePagesWritten();
        if (_merging is null)
        {
            if (_waiting >= pages)
            {
                _merging = Task.Run(() => TryMerge(session));
            }
        }
        else if (_merging.IsCompleted)
        {
            _merging = null;
            _waiting = 0;
            TryMerge(writer);
        }
    }

    /// <summary>Waits for a merge that runs.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_merging is { } merging)
        {
            await merging;
        }

        session.Dispose();
    }

    private static void TryMerge(SqlSession session)
    {
        try
        {
            session.Scalar(Merge);
        }
        catch (SqliteException)
        {
            // no room, or the disk fails: all of it stays in the log, where it is as durable, and is tried again
        }
    }
}
