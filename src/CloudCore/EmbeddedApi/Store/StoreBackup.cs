using System.Globalization;
using System.Text.Json;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.Storage;

namespace EdgeSync.CloudCore.EmbeddedApi.Store;

/// <summary>What a backup holds.</summary>
/// <param name="Objects">Number of objects.</param>
/// <param name="Revision">The version that they are at.</param>
/// <param name="Files">Files of the data folder in it, by name; empty without keys.</param>
internal sealed record BackupContent(long Objects, long Revision, IReadOnlyDictionary<string, byte[]> Files);

/// <summary>
/// Copies of the object store: a database of the same tables, and <c>file (name, content)</c> where keys are in it.
/// Works on files: the program that owns the database may run or not when a copy is made, and must not when one is put back.
/// </summary>
internal static class StoreBackup
{
    /// <summary>
    /// How far the versions jump at a restore. What the lost database gave after the backup must never be given again; at
    /// 1,000 changes a second this is eleven days of them. It is what etcd's tools use.
    /// </summary>
    private const long RevisionJump = 1_000_000_000;

    private static readonly string[] s_tables = ["object", "change", "compacted"];

    /// <summary>Copies the store into <paramref name="target"/>, which must not exist, and puts files beside the objects.</summary>
    /// <exception cref="DatabaseException">The copy cannot be made.</exception>
    public static void Make(string dataDir, string target, IReadOnlyDictionary<string, byte[]> files)
    {
        DatabaseFile.CopyTo(Path.Combine(dataDir, StoreDatabase.FileName), target, DurableFile.OwnerOnly);
        if (files.Count == 0)
        {
            return;
        }

        using (var session = DatabaseFile.Open(target, readOnly: false))
        {
            session.Execute("CREATE TABLE file (name TEXT PRIMARY KEY, content BLOB NOT NULL) WITHOUT ROWID");
            foreach (var (name, content) in files)
            {
                session.Execute("INSERT INTO file (name, content) VALUES ($1, $2)", name, content);
            }
        }

        DatabaseFile.Flush(target);
    }

    /// <summary>Reads all of a backup and checks it.</summary>
    /// <exception cref="DatabaseException">It is damaged, or not a backup of this program; the message says so.</exception>
    public static BackupContent Check(string path)
    {
        try
        {
            using var session = DatabaseFile.Open(path, readOnly: true);
            var tables = session.Query("SELECT name FROM sqlite_master WHERE type = 'table'", row => row.GetString(0));
            if (!s_tables.All(tables.Contains))
            {
                throw new DatabaseException($"{path} is a database, but not a backup that cloudcore made");
            }

            StoreDatabase.RefuseNewer(session, path);
            var verdict = session.Scalar("PRAGMA integrity_check(1)") as string;
            if (verdict != "ok")
            {
                throw new DatabaseException($"{path} is damaged: {verdict?.ReplaceLineEndings("; ")}");
            }

            return new BackupContent(CheckObjects(session, path), StoreDatabase.Revision(session), ReadFiles(session, tables));
        }
        catch (Microsoft.Data.Sqlite.SqliteException e)
        {
            throw new DatabaseException($"{path} is damaged: {e.Message}", e);
        }
    }

    /// <summary>
    /// Makes a copy of a backup fit to be the store: without the files, and at a revision that neither the backup nor the
    /// database that it replaces ever gave. Every watch from before is told to begin anew.
    /// </summary>
    /// <param name="path">The copy.</param>
    /// <param name="replacedRevision">The newest revision of the database that is replaced; 0 where it is not known.</param>
    /// <returns>The revision that the store goes on from.</returns>
    public static long Prepare(string path, long replacedRevision)
    {
        long revision;
        using (var session = DatabaseFile.Open(path, readOnly: false))
        {
            revision = Math.Max(StoreDatabase.Revision(session), replacedRevision) + RevisionJump;
            session.Scalar("PRAGMA secure_delete=ON"); // keys must not stay in free pages
            session.Execute("BEGIN IMMEDIATE");
            session.Execute("DROP TABLE IF EXISTS file");
            session.Execute("DELETE FROM change");
            session.Execute("DELETE FROM compacted");
            session.Execute("INSERT INTO compacted (resource, revision) VALUES ($1, $2)", StoreDatabase.EveryResource, revision);
            session.Execute("COMMIT");
        }

        DatabaseFile.Flush(path);
        return revision;
    }

    /// <summary>The newest revision of a database; 0 where it cannot be read.</summary>
    public static long RevisionOf(string path)
    {
        try
        {
            using var session = DatabaseFile.Open(path, readOnly: true);
            return StoreDatabase.Revision(session);
        }
        catch (Exception e) when (e is DatabaseException or Microsoft.Data.Sqlite.SqliteException)
        {
            return 0; // damaged, which is why it is replaced
        }
    }

    private static long CheckObjects(SqlSession session, string path)
    {
        var count = 0L;
        session.Query("SELECT resource, namespace, name, uid, revision, value FROM object", row =>
        {
            var stored = new StoredObject(new NamespacedName(row.GetString(1), row.GetString(2)), row.GetString(3), row.GetInt64(4), row.GetFieldValue<byte[]>(5));
            if (!IsWhole(stored))
            {
                throw new DatabaseException($"{path} is damaged: {row.GetString(0)} {stored.Key} is not the object that its row says");
            }

            count++;
            return 0;
        });
        return count;
    }

    private static bool IsWhole(StoredObject stored)
    {
        try
        {
            var metadata = stored.Parse().Object("metadata");
            return metadata is not null && metadata.Text("name") == stored.Key.Name && (metadata.Text("namespace") ?? "") == stored.Key.Namespace
                && (metadata.Text("uid") ?? "") == stored.Uid
                && metadata.Text("resourceVersion") == stored.ResourceVersion.ToString(CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is JsonException or InvalidCastException or InvalidOperationException)
        {
            return false;
        }
    }

    private static Dictionary<string, byte[]> ReadFiles(SqlSession session, List<string> tables) => tables.Contains("file")
        ? session.Query("SELECT name, content FROM file", row => (Name: row.GetString(0), Content: row.GetFieldValue<byte[]>(1))).ToDictionary(f => f.Name, f => f.Content)
        : [];
}
