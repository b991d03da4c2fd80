using System.Collections.Concurrent;
using System.Threading.Channels;
using Microsoft.Data.Sqlite;

namespace EdgeSync.Storage;

/// <summary>
/// One SQLite file: WAL, synchronous=FULL, one writer thread, any number of readers. A write's task completes
/// after the commit that holds it is on disk; writes that wait together share one commit (group commit), each in
/// its own savepoint, so one that fails takes none of the others with it.
/// </summary>
public sealed partial class Database : IAsyncDisposable
{
    private const int BusyTimeoutMs = 5000;
    private const int MaxBatch = 512;
    private const int NotADatabase = 26;
    private const int Corrupt = 11;
    private const int Full = 13;
    private const int InputOutput = 10;

    private readonly DatabaseOptions _options;
    private readonly SqlSession _writer;
    private readonly LogMerger _log;
    private readonly Channel<Work> _queue;
    private readonly Thread _thread;
    private readonly ConcurrentBag<SqlSession> _readers = [];
    private readonly OpenFile _file;
    private readonly TaskCompletionSource _fault = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _closed;

    private Database(DatabaseOptions options, SqlSession writer, string? setAside)
    {
        _options = options;
        _writer = writer;
        _log = new LogMerger(new SqlSession(Connect(options, SqliteOpenMode.ReadWrite)), writer, options.CheckpointPages);
        SetAsideFile = setAside;
        _file = new OpenFile(options.Path);
        NoteMade(options);
        _queue = Channel.CreateBounded<Work>(new BoundedChannelOptions(options.WriteQueueLength)
        {
            // callers wait: a write is never dropped
            FullMode = BoundedChannelFullMode.Wait,
            SingleReader = true,
        });
        _thread = new Thread(WriteLoop) { IsBackground = true, Name = "sqlite-writer" };
        _thread.Start();
    }

    /// <summary>Where a damaged file was put at opening; null where the file was sound.</summary>
    public string? SetAsideFile { get; }

    /// <summary>Fails when the file was deleted or renamed under the running program, which must then begin anew.</summary>
    public Task Fault => _fault.Task;

    /// <summary>Opens, checks and migrates the file; makes it where it is missing.</summary>
    /// <exception cref="DatabaseException">Damaged (and not to be set aside), from a newer version, or not accessible.</exception>
    public static Database Open(DatabaseOptions options)
    {
        SqliteNative.EnsureReady();
        RefuseMissing(options);
        string? setAside = null;
        try
        {
            return new Database(options, OpenChecked(options), null);
        }
        catch (SqliteException e) when (e.SqliteErrorCode is NotADatabase or Corrupt)
        {
            if (!options.SetDamagedAside)
            {
                throw new DatabaseException(
                    $"database {options.Path} is damaged ({e.Message}); restore it from a backup, or move it away to start empty", e);
            }

            setAside = SetAside(options);
        }
        catch (SqliteException e)
        {
            throw new DatabaseException($"database {options.Path} cannot be opened: {e.Message}", e);
        }

        return new Database(options, OpenChecked(options), setAside);
    }

    /// <summary>
    /// Runs <paramref name="work"/> on the writer, inside a transaction. The task completes after the commit; it fails,
    /// and nothing of the work stays, where the work throws or the commit fails.
    /// </summary>
    public async Task<T> WriteAsync<T>(Func<SqlSession, T> work, CancellationToken cancellationToken)
    {
        var item = new Work<T>(work);
        await _queue.Writer.WriteAsync(item, cancellationToken);
        return await item.Completion;
    }

    /// <inheritdoc cref="WriteAsync{T}"/>
    public async Task WriteAsync(Action<SqlSession> work, CancellationToken cancellationToken) =>
        await WriteAsync(
            session =>
            {
                work(session);
                return true;
            },
            cancellationToken);

    /// <summary>Reads the last committed state, on the calling thread.</summary>
    public T Read<T>(Func<SqlSession, T> work)
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        if (!_readers.TryTake(out var session))
        {
            session = new SqlSession(Connect(_options, SqliteOpenMode.ReadOnly));
        }

        try
        {
            return work(session);
        }
        finally
        {
            _readers.Add(session);
        }
    }

    /// <summary>Finishes the queued writes and closes the file.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_closed)
        {
            return;
        }

        _closed = true;
        _queue.Writer.Complete();
        await Task.Run(_thread.Join);
        await _log.DisposeAsync();
        while (_readers.TryTake(out var session))
        {
            session.Dispose();
        }

        _writer.Dispose();
        _file.Dispose();
    }

    private static SqlSession OpenChecked(DatabaseOptions options)
    {
        var connection = Connect(options, SqliteOpenMode.ReadWriteCreate);
        var session = new SqlSession(connection);
        try
        {
            session.Scalar("PRAGMA journal_mode=WAL");
            session.Execute("PRAGMA synchronous=FULL");
            session.Scalar("PRAGMA wal_autocheckpoint=0"); // see LogMerger
            var verdict = session.Scalar("PRAGMA quick_check(1)") as string;
            if (verdict != "ok")
            {
                throw new SqliteException($"integrity check: {verdict?.ReplaceLineEndings("; ")}", Corrupt);
            }

            Migrate(session, options);
            return session;
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    private static SqliteConnection Connect(DatabaseOptions options, SqliteOpenMode mode)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = options.Path,
            Mode = mode,
            Pooling = false,
        }.ToString());
        connection.Open();
        using var pragma = connection.CreateCommand();
#pragma warning disable CA2100 // numbers of our own
        pragma.CommandText = $"PRAGMA busy_timeout={BusyTimeoutMs}; PRAGMA cache_size=-{options.CacheKiB}; PRAGMA foreign_keys=ON";
#pragma warning restore CA2100
        pragma.ExecuteNonQuery();
        return connection;
    }

    private static void Migrate(SqlSession session, DatabaseOptions options)
    {
        var version = Convert.ToInt32(session.Scalar("PRAGMA user_version"), System.Globalization.CultureInfo.InvariantCulture);
        if (version > options.Migrations.Count)
        {
            throw new DatabaseException(
                $"database {options.Path} has schema {version}, this program knows {options.Migrations.Count}: it was written by a newer version; run that one");
        }

        for (; version < options.Migrations.Count; version++)
        {
            session.Execute("BEGIN IMMEDIATE");
            session.Execute(options.Migrations[version]);
            session.Execute($"PRAGMA user_version={version + 1}");
            Failpoint.Hit(StorageFailpoints.MigrationRun);
            session.Execute("COMMIT");
            Failpoint.Hit(StorageFailpoints.MigrationCommitted);
        }
    }

    private static string SetAside(DatabaseOptions options)
    {
        var target = $"{options.Path}.damaged-{options.Time.GetUtcNow():yyyyMMdd'T'HHmmss'Z'}";
        for (var n = 2; File.Exists(target); n++)
        {
            target = $"{options.Path}.damaged-{options.Time.GetUtcNow():yyyyMMdd'T'HHmmss'Z'}-{n}";
        }

        File.Move(options.Path, target);
        Failpoint.Hit(StorageFailpoints.SetAsideBegun);
        foreach (var suffix in (string[])["-wal", "-shm"])
        {
            if (File.Exists(options.Path + suffix))
            {
                File.Move(options.Path + suffix, target + suffix);
            }
        }

        Failpoint.Hit(StorageFailpoints.SetAsideDone);
        return target;
    }

    private void WriteLoop()
    {
        var batch = new List<Work>(MaxBatch);
        while (_queue.Reader.WaitToReadAsync().AsTask().GetAwaiter().GetResult())
        {
            while (batch.Count < MaxBatch && _queue.Reader.TryRead(out var work))
            {
                batch.Add(work);
            }

            Commit(batch);
            batch.Clear();
        }
    }

    private void Commit(List<Work> batch)
    {
        try
        {
            if (!_file.IsInPlace)
            {
                throw Displaced();
            }

            _writer.Execute("BEGIN IMMEDIATE");
            Failpoint.Hit(StorageFailpoints.BatchBegun);
            foreach (var work in batch)
            {
                _writer.Execute("SAVEPOINT work");
                if (!work.Run(_writer))
                {
                    _writer.Execute("ROLLBACK TO work");
                    _writer.Undone();
                }

                _writer.Execute("RELEASE work");
            }

            Failpoint.Hit(StorageFailpoints.BatchWritten);
            _writer.Execute("COMMIT");
            _writer.Ended();
            Failpoint.Hit(StorageFailpoints.BatchCommitted);
        }
        catch (Exception e)
        {
            // disk full, I/O error: nothing of the batch is durable, and every caller is told so
            Rollback();
            var failure = Explain(e);
            foreach (var work in batch)
            {
                work.Fail(failure);
            }

            return;
        }

        foreach (var work in batch)
        {
            work.Complete();
        }

        _log.Committed();
    }

    private Exception Explain(Exception e) => e is SqliteException { SqliteErrorCode: Full }
        ? new DatabaseException($"nothing can be stored: the disk of {_options.Path} is full; once there is room the program goes on by itself", e)
        {
            IsDiskFull = true,
        }
        : e;

    private void Rollback()
    {
        try
        {
            _writer.Execute("ROLLBACK");
        }
        catch (SqliteException)
        {
            // SQLite has rolled back by itself already (disk full, I/O error)
        }

        _writer.Undone();
        _writer.Ended();
    }

    private abstract class Work
    {
        /// <summary>False where the work threw.</summary>
        public abstract bool Run(SqlSession session);

        public abstract void Complete();

        public abstract void Fail(Exception error);
    }

    private sealed class Work<T>(Func<SqlSession, T> work) : Work
    {
        private readonly TaskCompletionSource<T> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private T? _result;
        private Exception? _error;

        public Task<T> Completion => _completion.Task;

        public override bool Run(SqlSession session)
        {
            try
            {
                _result = work(session);
                return true;
            }
            catch (Exception e) when (e is not SqliteException { SqliteErrorCode: Full or InputOutput })
            {
                // those two end the whole transaction
                _error = e;
                return false;
            }
        }

        public override void Complete()
        {
            if (_error is null)
            {
                _completion.SetResult(_result!);
            }
            else
            {
                _completion.SetException(_error);
            }
        }

        public override void Fail(Exception error) => _completion.SetException(_error ?? error);
    }
}
