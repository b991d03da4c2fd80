using System.Globalization;
using EdgeSync.Storage;

namespace EdgeSync.EdgeCore.MetaManager;

/// <summary>
/// The agent's one SQLite file. Every module keeps its tables here, so that one transaction can hold an object, the
/// twin that it changes and the message that goes up because of it.
/// <code>
/// meta    key (wire resource) | type | uid | resource_version | content_hash | value (the API server's bytes)
/// setting name | value: what the agent knows of itself
/// outbox  key | seq (grows, never reused) | lane | each (0 latest wins, 1 every one) | message columns
/// outbox_dropped kind (OutboxKind) | messages: how many had to go since the file was made
/// </code>
/// DeviceTwin's tables are drawn in DeviceTwin/TwinStore.cs, the tokens' one in Edged/Volumes/TokenStore.cs.
/// </summary>
internal static class EdgeDatabase
{
    public const string FileName = "edgecore.db";

    /// <summary>Released steps never change; a new need is a new step.</summary>
    private static readonly string[] s_migrations =
    [
        """
        CREATE TABLE meta (
            key TEXT PRIMARY KEY,
            type TEXT NOT NULL,
            uid TEXT NOT NULL,
            resource_version TEXT NOT NULL,
            content_hash INTEGER NOT NULL,
            value BLOB NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX meta_type ON meta (type);

        CREATE TABLE outbox (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            key TEXT NOT NULL,
            lane INTEGER NOT NULL,
            each INTEGER NOT NULL,
            source TEXT NOT NULL,
            message_group TEXT NOT NULL,
            operation TEXT NOT NULL,
            resource TEXT NOT NULL,
            content BLOB
        );
        CREATE INDEX outbox_order ON outbox (lane, seq);
        CREATE UNIQUE INDEX outbox_key ON outbox (key) WHERE each = 0;

        CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
        """,
        DeviceTwin.TwinSchema.Version1,
        "CREATE TABLE outbox_dropped (kind INTEGER PRIMARY KEY, messages INTEGER NOT NULL)",
        DeviceTwin.TwinSchema.Version2,
        Edged.Volumes.TokenStore.Version1,
    ];

    /// <summary>Opens the file; a damaged one is set aside and begun anew.</summary>
    public static Database Open(string path, TimeProvider time) => Database.Open(new DatabaseOptions
    {
        Path = path,
        Migrations = s_migrations,
        SetDamagedAside = true,
        Time = time,
    });

    /// <summary>
    /// Whether the hub has ever filled this file. Before that, an object that is missing here says nothing: the file may be a
    /// new one in the place of a damaged one, and what runs on the box may well be wanted.
    /// </summary>
    public static bool WasFilled(Database database) =>
        database.Read(session => session.Scalar("SELECT value FROM setting WHERE name = 'filled'")) is not null;

    /// <summary>The latest time that a hub gave; long ago where none has.</summary>
    public static DateTimeOffset HubTime(Database database) =>
        database.Read(session => session.Scalar("SELECT value FROM setting WHERE name = 'hub_time'")) is string text
            && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            ? DateTimeOffset.FromUnixTimeSeconds(seconds)
            : DateTimeOffset.UnixEpoch;

    /// <summary>Notes what time a hub gave.</summary>
    public static Task SetHubTimeAsync(Database database, DateTimeOffset hubTime, CancellationToken cancellationToken) => database.WriteAsync(
        session =>
        {
            session.Execute(
                "INSERT OR REPLACE INTO setting (name, value) VALUES ('hub_time', $1)",
                hubTime.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture));
        },
        cancellationToken);

    /// <summary>Notes that the hub has filled this file.</summary>
    public static Task SetFilledAsync(Database database, CancellationToken cancellationToken) => database.WriteAsync(
        session => { session.Execute("INSERT OR REPLACE INTO setting (name, value) VALUES ('filled', '1')"); }, cancellationToken);
}
