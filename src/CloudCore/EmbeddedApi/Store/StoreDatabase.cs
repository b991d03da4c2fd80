using System.Collections.Immutable;
using EdgeSync.Storage;

namespace EdgeSync.CloudCore.EmbeddedApi.Store;

/// <summary>
/// The tables behind <see cref="ObjectStore"/>:
/// <code>
/// object     resource | namespace | name | uid | revision | value      the current version of every object
/// change     revision (grows, never reused) | resource | type | …      the latest changes, for watches that resume
/// compacted  resource | revision                                       changes up to here may have been removed
/// </code>
/// A cloud database cannot be rebuilt from elsewhere, so a damaged one is an error and never set aside.
/// </summary>
internal static class StoreDatabase
{
    public const string FileName = "cloudcore.db";

    /// <summary>In the table <c>compacted</c>: nothing up to this revision is known of any resource (after a restore).</summary>
    public const string EveryResource = "";

    /// <summary>Released steps never change; a new need is a new step.</summary>
    private static readonly string[] s_migrations =
    [
        """
        CREATE TABLE object (
            resource TEXT NOT NULL,
            namespace TEXT NOT NULL,
            name TEXT NOT NULL,
            uid TEXT NOT NULL,
            revision INTEGER NOT NULL,
            value BLOB NOT NULL,
            PRIMARY KEY (resource, namespace, name)
        ) WITHOUT ROWID;

        CREATE TABLE change (
            revision INTEGER PRIMARY KEY,
            resource TEXT NOT NULL,
            type INTEGER NOT NULL,
            namespace TEXT NOT NULL,
            name TEXT NOT NULL,
            uid TEXT NOT NULL,
            value BLOB NOT NULL
        );
        CREATE INDEX change_resource ON change (resource, revision);

        CREATE TABLE compacted (resource TEXT PRIMARY KEY, revision INTEGER NOT NULL) WITHOUT ROWID;
        """,

        // an object is larger than the part of a row that a table without rowid keeps in its tree: a change in place is two thirds of the work
        """
        CREATE TABLE object_by_row (
            resource TEXT NOT NULL,
            namespace TEXT NOT NULL,
            name TEXT NOT NULL,
            uid TEXT NOT NULL,
            revision INTEGER NOT NULL,
            value BLOB NOT NULL,
            UNIQUE (resource, namespace, name)
        );
        INSERT INTO object_by_row SELECT resource, namespace, name, uid, revision, value FROM object;
        DROP TABLE object;
        ALTER TABLE object_by_row RENAME TO object;
        """,
    ];

    public static Database Open(string dataDir, TimeProvider time) => Database.Open(new DatabaseOptions
    {
        CheckpointPages = 4000, // pages of busy objects are written often: once in the file for many times in the log
        Path = Path.Combine(dataDir, FileName),
        Migrations = s_migrations,
        SetDamagedAside = false,
        RefuseWhenMissing = true,
        Time = time,
    });

    /// <summary>Every current object and the revision that the database is at.</summary>
    public static StoreState LoadState(Database database)
    {
        var resources = new Dictionary<string, ImmutableSortedDictionary<NamespacedName, StoredObject>.Builder>();
        var rows = database.Read(session => session.Query(
            "SELECT resource, namespace, name, uid, revision, value FROM object",
            row => (Resource: row.GetString(0), Object: new StoredObject(
                new NamespacedName(row.GetString(1), row.GetString(2)), row.GetString(3), row.GetInt64(4), row.GetFieldValue<byte[]>(5)))));
        foreach (var (resource, stored) in rows)
        {
            if (!resources.TryGetValue(resource, out var objects))
            {
                resources[resource] = objects = StoreState.Nothing.ToBuilder();
            }

            objects[stored.Key] = stored;
        }

        return new StoreState(database.Read(Revision), resources.ToImmutableDictionary(r => r.Key, r => r.Value.ToImmutable()));
    }

    /// <summary>The newest revision that the database ever gave; 1 where it gave none.</summary>
    public static long Revision(SqlSession session) => session.Scalar(
        """
        SELECT max(revision) FROM (SELECT max(revision) AS revision FROM object UNION ALL
            SELECT max(revision) FROM change UNION ALL SELECT max(revision) FROM compacted)
        """) as long? ?? 1;

    /// <exception cref="DatabaseException">The file was written by a newer version of this program.</exception>
    public static void RefuseNewer(SqlSession session, string path)
    {
        if (session.Scalar("PRAGMA user_version") is long version && version > s_migrations.Length)
        {
            throw new DatabaseException($"{path} was written by a newer cloudcore (schema {version}, this one knows {s_migrations.Length}); use that one");
        }
    }

    public static List<(string Resource, long Revision)> LoadCompacted(Database database) => database.Read(
        session => session.Query("SELECT resource, revision FROM compacted", row => (row.GetString(0), row.GetInt64(1))));

    /// <summary>The stored changes, oldest first, each with its predecessor where that is stored too.</summary>
    public static IEnumerable<(string Resource, Change Change)> LoadChanges(Database database)
    {
        var latest = new Dictionary<(string, NamespacedName), StoredObject>();
        var rows = database.Read(session => session.Query(
            "SELECT revision, resource, type, namespace, name, uid, value FROM change ORDER BY revision",
            row => (Resource: row.GetString(1), Type: (ChangeType)row.GetInt32(2), Object: new StoredObject(
                new NamespacedName(row.GetString(3), row.GetString(4)), row.GetString(5), row.GetInt64(0), row.GetFieldValue<byte[]>(6)))));
        foreach (var (resource, type, stored) in rows)
        {
            latest.TryGetValue((resource, stored.Key), out var previous);
            latest[(resource, stored.Key)] = stored;
            yield return (resource, new Change(type, stored, type == ChangeType.Added ? null : previous));
        }
    }

    /// <summary>Writes one change: the current version and its place in the log.</summary>
    public static void Write(SqlSession session, string resource, Change change)
    {
        var stored = change.Object;
        if (change.Type == ChangeType.Deleted)
        {
            session.Execute(
                "DELETE FROM object WHERE resource = $1 AND namespace = $2 AND name = $3", resource, stored.Key.Namespace, stored.Key.Name);
        }
        else
        {
            session.Execute(
                """
                INSERT INTO object (resource, namespace, name, uid, revision, value) VALUES ($1, $2, $3, $4, $5, $6)
                ON CONFLICT (resource, namespace, name) DO UPDATE SET uid = excluded.uid, revision = excluded.revision, value = excluded.value
                """,
                resource, stored.Key.Namespace, stored.Key.Name, stored.Uid, stored.ResourceVersion, stored.Json);
        }

        session.Execute(
            "INSERT INTO change (revision, resource, type, namespace, name, uid, value) VALUES ($1, $2, $3, $4, $5, $6, $7)",
            stored.ResourceVersion, resource, (long)change.Type, stored.Key.Namespace, stored.Key.Name, stored.Uid, stored.Json);
    }

    public static void Compact(SqlSession session, string resource, long revision)
    {
        session.Execute("INSERT OR REPLACE INTO compacted (resource, revision) VALUES ($1, $2)", resource, revision);
        session.Execute("DELETE FROM change WHERE resource = $1 AND revision <= $2", resource, revision);
    }
}
