namespace EdgeSync.EdgeCore.DeviceTwin;

/// <summary>DeviceTwin's tables, one constant for each migration step of the agent's database.</summary>
/// <remarks>
/// <code>
/// device  (namespace, name) | uid: the incarnation | origin: what its sequences count within | state | last_online
/// twin    (namespace, name, property) | type | optional
///         | expected, expected_time, expected_cloud, expected_edge     the value, when (Unix ms), and its two versions
///         | actual, actual_time, actual_cloud, reported_seq            likewise; its edge version is the report sequence
///         | acked_seq        the last sequence that the cloud has confirmed or refused for good; reported_seq > acked_seq waits to be sent
///         | cloud_desired    the Device object's value that expected was last taken from
///         | said_at          the sequence with which actual was first reported; where it is not above acked_seq, the cloud has had it
/// </code>
/// </remarks>
internal static class TwinSchema
{
    public const string Version1 =
        """
        CREATE TABLE device (
            namespace TEXT NOT NULL,
            name TEXT NOT NULL,
            uid TEXT NOT NULL,
            state TEXT NOT NULL,
            last_online INTEGER NOT NULL,
            PRIMARY KEY (namespace, name)
        ) WITHOUT ROWID;

        CREATE TABLE twin (
            namespace TEXT NOT NULL,
            name TEXT NOT NULL,
            property TEXT NOT NULL,
            type TEXT NOT NULL,
            optional INTEGER NOT NULL,
            expected TEXT,
            expected_time INTEGER NOT NULL,
            expected_cloud INTEGER NOT NULL,
            expected_edge INTEGER NOT NULL,
            actual TEXT,
            actual_time INTEGER NOT NULL,
            actual_cloud INTEGER NOT NULL,
            reported_seq INTEGER NOT NULL,
            acked_seq INTEGER NOT NULL,
            cloud_desired TEXT,
            PRIMARY KEY (namespace, name, property)
        ) WITHOUT ROWID;
        """;

    public const string Version2 =
        """
        ALTER TABLE device ADD COLUMN origin TEXT NOT NULL DEFAULT '';
        ALTER TABLE twin ADD COLUMN said_at INTEGER NOT NULL DEFAULT 0;
        UPDATE twin SET said_at = reported_seq;
        """;
}
