namespace EdgeSync.Protocol.Sync;

/// <summary>The limits of one hub session.</summary>
public sealed record HubSyncOptions
{
    /// <summary>
    /// Messages that may wait for an acknowledgement at once. A lane counts its own and those of the lanes before it, so that
    /// what is on its way in a later lane never keeps an earlier one waiting.
    /// </summary>
    public int Window { get; init; } = 64;

    /// <summary>Bytes of content that may wait for an acknowledgement, counted likewise; one message of a lane may always go.</summary>
    public int WindowBytes { get; init; } = 1 << 20;

    /// <summary>Messages of all lanes together that may wait for an acknowledgement.</summary>
    public int MaxInFlight { get; init; } = int.MaxValue;

    /// <summary>
    /// After so many messages that went before it, a lane in which something waits has its turn: nothing waits for ever.
    /// </summary>
    public int MostBeforeALaterLane { get; init; } = 16;

    /// <summary>Milliseconds until an unacknowledged message is sent again; doubled each time up to <see cref="ResendCapMs"/>.</summary>
    public long ResendAfterMs { get; init; } = 5_000;

    /// <summary>The longest time between two sends of a message, milliseconds (and the time that its bytes need).</summary>
    public long ResendCapMs { get; init; } = 60_000;

    /// <summary>
    /// The slowest link that is not taken for a lossy one: a message has, besides <see cref="ResendAfterMs"/>, the time that
    /// the bytes on their way need at this speed. 0 gives none.
    /// </summary>
    public int SlowestBytesPerSecond { get; init; } = 16 * 1024;

    /// <summary>First pause after the node said that it could not store an object, milliseconds; doubled up to <see cref="RetryCapMs"/>.</summary>
    public long RetryAfterMs { get; init; } = 1_000;

    /// <summary>The longest pause between two tries of an object that the node cannot store, milliseconds.</summary>
    public long RetryCapMs { get; init; } = 10_000;

    /// <summary>Whether the edge says what it holds before anything is sent (EdgeSync's extension).</summary>
    public bool Inventory { get; init; } = true;

    /// <summary>What every message id of the session begins with; unique per session.</summary>
    public required string IdPrefix { get; init; }

    /// <summary>KubeEdge's rules for a peer without extensions: one message at a time, sent again every 5 s.</summary>
    public static HubSyncOptions KubeEdge(string idPrefix) => new()
    {
        Window = 1,
        MaxInFlight = 1,
        ResendCapMs = 5_000,
        SlowestBytesPerSecond = 0,
        Inventory = false,
        IdPrefix = idPrefix,
    };
}
