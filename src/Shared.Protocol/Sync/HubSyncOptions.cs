namespace EdgeSync.Protocol.Sync;

/// <summary>The limits of one hub session.</summary>
public sealed record HubSyncOptions
{
    /// <summary>Messages that may wait for an acknowledgement at once.</summary>
    public int Window { get; init; } = 64;

    /// <summary>Bytes of content that may wait for an acknowledgement; one message may always be on its way.</summary>
    public int WindowBytes { get; init; } = 1 << 20;

    /// <summary>Milliseconds until an unacknowledged message is sent again; doubled each time up to <see cref="ResendCapMs"/>.</summary>
    public long ResendAfterMs { get; init; } = 5_000;

    /// <summary>The longest time between two sends of a message, milliseconds.</summary>
    public long ResendCapMs { get; init; } = 60_000;

    /// <summary>Whether the edge says what it holds before anything is sent (EdgeSync's extension).</summary>
    public bool Inventory { get; init; } = true;

    /// <summary>What every message id of the session begins with; unique per session.</summary>
    public required string IdPrefix { get; init; }

    /// <summary>KubeEdge's rules for a peer without extensions: one message at a time, sent again every 5 s.</summary>
    public static HubSyncOptions KubeEdge(string idPrefix) => new()
    {
        Window = 1,
        ResendCapMs = 5_000,
        Inventory = false,
        IdPrefix = idPrefix,
    };
}
