namespace EdgeSync.Protocol.Sync;

/// <summary>The limits of the edge's half of the sync.</summary>
public sealed record AgentSyncOptions
{
    /// <summary>
    /// Upstream messages that may wait for an answer at once. A lane counts its own and those of the lanes before it, so that
    /// what is on its way in a later lane never keeps an earlier one waiting.
    /// </summary>
    public int Window { get; init; } = 32;

    /// <summary>Milliseconds until an unanswered message is sent again; doubled each time up to <see cref="AnswerTimeoutCapMs"/>.</summary>
    public long AnswerTimeoutMs { get; init; } = 30_000;

    /// <summary>The longest time between two sends of an unanswered message, milliseconds.</summary>
    public long AnswerTimeoutCapMs { get; init; } = 240_000;

    /// <summary>First pause after the hub said that the API could not take a message, milliseconds; doubled up to <see cref="RetryCapMs"/>.</summary>
    public long RetryAfterMs { get; init; } = 500;

    /// <summary>The longest pause between two tries of a message, milliseconds.</summary>
    public long RetryCapMs { get; init; } = 30_000;

    /// <summary>Received objects that may wait for their transaction; beyond, reading from the link pauses.</summary>
    public int MaxUnstored { get; init; } = 256;
}
