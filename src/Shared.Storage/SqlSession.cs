using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace EdgeSync.Storage;

/// <summary>
/// One SQLite connection with its prepared statements. Used by one thread at a time; obtained from
/// <see cref="Database"/>, never kept.
/// </summary>
public sealed class SqlSession : IDisposable
{
    private readonly SqliteConnection _connection;
    private readonly Dictionary<string, SqliteCommand> _statements = [];

    private readonly List<(object Owner, Action<SqlSession> Reload)> _onRollback = [];
    private bool _reloadDue;

    internal SqlSession(SqliteConnection connection) => _connection = connection;

    /// <summary>
    /// Has <paramref name="reload"/> called should the transaction that runs now be undone, so that what
    /// <paramref name="owner"/> keeps in memory can be made to say again what the file says. Once per transaction is enough.
    /// </summary>
    public void OnRollback(object owner, Action<SqlSession> reload)
    {
        if (!_onRollback.Exists(r => ReferenceEquals(r.Owner, owner)))
        {
            _onRollback.Add((owner, reload));
        }
    }

    /// <summary>The transaction, or a part of it, has been undone.</summary>
    internal void Undone()
    {
        _reloadDue = true;
        try
        {
            foreach (var (_, reload) in _onRollback)
            {
                reload(this);
            }

            _reloadDue = false;
        }
        catch (SqliteException)
        {
            // the disk cannot even be read: it stays due until a transaction ends that can
        }
    }

    /// <summary>The transaction is over, one way or the other.</summary>
    internal void Ended()
    {
        if (_reloadDue)
        {
            Undone();
        }

        if (!_reloadDue)
        {
            _onRollback.Clear();
        }
    }

    /// <summary>Runs a statement and gives the number of rows that it changed.</summary>
    /// <param name="sql">Constant SQL with parameters <c>$1</c>, <c>$2</c>, …; it is prepared once.</param>
    /// <param name="arguments">long, int, string, byte[], double, bool or null, in the order of the parameters.</param>
    public int Execute(string sql, params ReadOnlySpan<object?> arguments) => Bind(sql, arguments).ExecuteNonQuery();

    /// <summary>The first column of the first row; null where there is no row or the value is NULL.</summary>
    public object? Scalar(string sql, params ReadOnlySpan<object?> arguments) =>
        Bind(sql, arguments).ExecuteScalar() is { } value and not DBNull ? value : null;

    /// <summary>All rows, each read by <paramref name="read"/>.</summary>
    public List<T> Query<T>(string sql, Func<SqliteDataReader, T> read, params ReadOnlySpan<object?> arguments)
    {
        using var reader = Bind(sql, arguments).ExecuteReader();
        var rows = new List<T>();
        while (reader.Read())
        {
            rows.Add(read(reader));
        }

        return rows;
    }

    /// <summary>Pages that were written since this was asked last: in WAL mode, to the write-ahead log.</summary>
    internal int TakePagesWritten()
    {
        raw.sqlite3_db_status(_connection.Handle, raw.SQLITE_DBSTATUS_CACHE_WRITE, out var pages, out _, resetFlg: 1);
        return pages;
    }

    public void Dispose()
    {
        foreach (var statement in _statements.Values)
        {
            statement.Dispose();
        }

        _connection.Dispose();
    }

    private SqliteCommand Bind(string sql, ReadOnlySpan<object?> arguments)
    {
        if (!_statements.TryGetValue(sql, out var command))
        {
            command = _connection.CreateCommand();
#pragma warning disable CA2100 // callers pass constants; values travel as parameters
            command.CommandText = sql;
#pragma warning restore CA2100
            for (var i = 0; i < arguments.Length; i++)
            {
                command.Parameters.AddWithValue($"${i + 1}", DBNull.Value);
            }

            _statements.Add(sql, command);
        }

        if (command.Parameters.Count != arguments.Length)
        {
            throw new ArgumentException($"the statement has {command.Parameters.Count} parameters, {arguments.Length} were given");
        }

        for (var i = 0; i < arguments.Length; i++)
        {
            var parameter = command.Parameters[i];
            parameter.ResetSqliteType();
            parameter.Value = arguments[i] ?? DBNull.Value;
        }

        return command;
    }
}
