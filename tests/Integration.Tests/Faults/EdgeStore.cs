using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Data.Sqlite;

namespace EdgeSync.Integration.Tests.Faults;

/// <summary>A program's SQLite file, opened read-only beside it.</summary>
internal static class EdgeStore
{
    static EdgeStore() => SQLitePCL.Batteries_V2.Init();

    /// <summary>The objects that the agent has stored, by their wire address.</summary>
    public static IReadOnlyDictionary<string, JsonObject> Objects(string file) =>
        Query(file, "SELECT key, value FROM meta", row => (row.GetString(0), JsonNode.Parse(row.GetFieldValue<byte[]>(1))!.AsObject()))
            .ToDictionary(r => r.Item1, r => r.Item2);

    /// <summary>Messages that the hub has not confirmed.</summary>
    public static IReadOnlyList<string> Outbox(string file) => Query(file, "SELECT key FROM outbox", row => row.GetString(0));

    /// <summary>The content of such messages whose key begins so.</summary>
    public static IEnumerable<string> Waiting(string file, string keyPrefix) =>
        Query(file, "SELECT key, content FROM outbox WHERE content IS NOT NULL", row => (Key: row.GetString(0), Content: row.GetFieldValue<byte[]>(1)))
            .Where(message => message.Key.StartsWith(keyPrefix, StringComparison.Ordinal))
            .Select(message => Encoding.UTF8.GetString(message.Content));

    /// <summary><c>ok</c>, or what SQLite found broken.</summary>
    public static string Integrity(string file) => string.Join("; ", Query(file, "PRAGMA integrity_check", row => row.GetString(0)));

    /// <summary>A new database that is none of the programs'.</summary>
    public static void Make(string file, string sql)
    {
        using var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = file, Pooling = false }.ToString());
        connection.Open();
        using var command = connection.CreateCommand();
#pragma warning disable CA2100 // constants of the tests
        command.CommandText = sql;
#pragma warning restore CA2100
        command.ExecuteNonQuery();
    }

    private static List<T> Query<T>(string file, string sql, Func<SqliteDataReader, T> read)
    {
        using var connection = new SqliteConnection(
            new SqliteConnectionStringBuilder { DataSource = file, Mode = SqliteOpenMode.ReadOnly, Pooling = false }.ToString());
        connection.Open();
        using var command = connection.CreateCommand();
#pragma warning disable CA2100 // constants of this class
        command.CommandText = sql;
#pragma warning restore CA2100
        using var reader = command.ExecuteReader();
        var rows = new List<T>();
        while (reader.Read())
        {
            rows.Add(read(reader));
        }

        return rows;
    }
}
