using Microsoft.Data.Sqlite;

namespace EdgeSync.Storage;

/// <summary>A database file that is not the running program's own: to copy it, to look into it, to prepare it.</summary>
public static class DatabaseFile
{
    private const int BusyTimeoutSeconds = 30;

    /// <summary>Opens the file as it is: nothing is checked or migrated.</summary>
    /// <param name="path">The file; it must exist.</param>
    /// <param name="readOnly">Whether nothing may be written.</param>
    /// <exception cref="DatabaseException">It cannot be opened, or is no database; the message says which.</exception>
    public static SqlSession Open(string path, bool readOnly)
    {
        SqliteNative.EnsureReady();
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = path,
            Mode = readOnly ? SqliteOpenMode.ReadOnly : SqliteOpenMode.ReadWrite,
            DefaultTimeout = BusyTimeoutSeconds,
            Pooling = false,
        }.ToString());
        try
        {
            connection.Open();
            using var first = connection.CreateCommand();
            first.CommandText = "SELECT count(*) FROM sqlite_master"; // opening alone reads nothing
            first.ExecuteScalar();
            return new SqlSession(connection);
        }
        catch (SqliteException e)
        {
            connection.Dispose();
            throw new DatabaseException($"{path} is damaged, or no database: {e.Message}", e);
        }
    }

    /// <summary>
    /// Writes all that is committed at this moment into a new file, in one piece, also while another process writes to
    /// the source. The copy is on disk when this returns.
    /// </summary>
    /// <exception cref="DatabaseException">The source cannot be read, or there is no room for the copy.</exception>
    public static void CopyTo(string source, string target, UnixFileMode mode)
    {
        try
        {
            // made first, so that it never has another mode; SQLite takes an empty file for a new database
            using (new FileStream(target, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = mode }))
            {
            }

            using (var session = Open(source, readOnly: true))
            {
                session.Execute("VACUUM INTO $1", target);
            }

            Flush(target); // SQLite does not
        }
        catch (SqliteException e)
        {
            throw new DatabaseException($"{source} cannot be copied to {target}: {e.Message}", e);
        }
    }

    /// <summary>Brings the file's content to disk.</summary>
    public static void Flush(string path)
    {
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite);
        RandomAccess.FlushToDisk(file);
    }

    /// <summary>Moves what the write-ahead log holds into the file, so that the file alone is the whole.</summary>
    /// <exception cref="DatabaseException">The file is damaged.</exception>
    public static void MergeLog(string path)
    {
        try
        {
            using var session = Open(path, readOnly: false);
            session.Scalar("PRAGMA wal_checkpoint(TRUNCATE)");
        }
        catch (SqliteException e)
        {
            throw new DatabaseException($"{path} is damaged: {e.Message}", e);
        }
    }
}
