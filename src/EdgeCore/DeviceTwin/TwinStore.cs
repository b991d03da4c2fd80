using System.Collections.Immutable;
using EdgeSync.Protocol.Devices;
using EdgeSync.Storage;
using Microsoft.Data.Sqlite;

namespace EdgeSync.EdgeCore.DeviceTwin;

/// <summary>Reads and writes the rows of <see cref="TwinSchema"/>; each method runs in its caller's transaction.</summary>
internal static class TwinStore
{
    /// <summary>The columns of a <see cref="TwinEntry"/>, in the order that <see cref="ReadEntry"/> reads.</summary>
    public const string EntryColumns =
        "property, type, optional, expected, expected_time, expected_cloud, expected_edge, actual, actual_time, actual_cloud, reported_seq, cloud_desired, said_at";

    /// <summary>Every twin; descriptions and model types come with the Device objects.</summary>
    public static ImmutableDictionary<DeviceId, TwinDocument> Load(SqlSession session)
    {
        var entries = session
            .Query($"SELECT namespace, name, {EntryColumns} FROM twin", row =>
                (Id: new DeviceId(row.GetString(0), row.GetString(1)), Property: row.GetString(2), Entry: ReadEntry(row, 2)))
            .ToLookup(r => r.Id);
        return session
            .Query("SELECT namespace, name, uid, state, last_online, origin FROM device", row => new TwinDocument
            {
                Id = new DeviceId(row.GetString(0), row.GetString(1)),
                Uid = row.GetString(2),
                State = row.GetString(3),
                LastOnline = row.GetInt64(4),
                Origin = row.GetString(5),
            })
            .ToImmutableDictionary(d => d.Id, d => d with
            {
                Properties = entries[d.Id].ToImmutableDictionary(e => e.Property, e => e.Entry),
            });
    }

    /// <summary>One entry, whose <c>property</c> column is number <paramref name="at"/>.</summary>
    public static TwinEntry ReadEntry(SqliteDataReader row, int at) => new()
    {
        Type = row.GetString(at + 1),
        Optional = row.GetInt64(at + 2) == 1,
        Expected = new TwinSide(
            row.IsDBNull(at + 3) ? null : row.GetString(at + 3),
            row.GetInt64(at + 4),
            new TwinVersion(row.GetInt64(at + 5), row.GetInt64(at + 6))),
        Actual = new TwinSide(
            row.IsDBNull(at + 7) ? null : row.GetString(at + 7),
            row.GetInt64(at + 8),
            new TwinVersion(row.GetInt64(at + 9), row.GetInt64(at + 10))),
        CloudDesired = row.IsDBNull(at + 11) ? null : row.GetString(at + 11),
        SaidAt = row.GetInt64(at + 12),
    };

    public static void PutDevice(SqlSession session, TwinDocument document) => session.Execute(
        "INSERT OR REPLACE INTO device (namespace, name, uid, state, last_online, origin) VALUES ($1, $2, $3, $4, $5, $6)",
        document.Id.Namespace, document.Id.Name, document.Uid, document.State, document.LastOnline, document.Origin);

    /// <summary>Writes one property.</summary>
    /// <param name="session">The transaction.</param>
    /// <param name="id">The device.</param>
    /// <param name="property">The property's name.</param>
    /// <param name="entry">Its content.</param>
    /// <param name="ackedSequence">What the cloud has of a property that is new here; one that is there keeps its own.</param>
    public static void PutEntry(SqlSession session, DeviceId id, string property, TwinEntry entry, long ackedSequence) => session.Execute(
        $"""
        INSERT INTO twin (namespace, name, {EntryColumns}, acked_seq)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
        ON CONFLICT (namespace, name, property) DO UPDATE SET
            type = $4, optional = $5, expected = $6, expected_time = $7, expected_cloud = $8, expected_edge = $9,
            actual = $10, actual_time = $11, actual_cloud = $12, reported_seq = $13, cloud_desired = $14, said_at = $15
        """,
        id.Namespace, id.Name, property, entry.Type, entry.Optional ? 1 : 0,
        entry.Expected.Value, entry.Expected.Timestamp, entry.Expected.Version.Cloud, entry.Expected.Version.Edge,
        entry.Actual.Value, entry.Actual.Timestamp, entry.Actual.Version.Cloud, entry.Actual.Version.Edge,
        entry.CloudDesired, entry.SaidAt, ackedSequence);

    /// <summary>Forgets a device and its twin.</summary>
    public static void Remove(SqlSession session, DeviceId id)
    {
        session.Execute("DELETE FROM twin WHERE namespace = $1 AND name = $2", id.Namespace, id.Name);
        session.Execute("DELETE FROM device WHERE namespace = $1 AND name = $2", id.Namespace, id.Name);
    }
}
