namespace EdgeSync.Storage;

/// <summary>How a <see cref="Database"/> is opened.</summary>
public sealed record DatabaseOptions
{
    /// <summary>The database file; its folder must exist.</summary>
    public required string Path { get; init; }

    /// <summary>
    /// Schema steps, in order. Step n brings a file of <c>user_version</c> n-1 to n; released steps never change.
    /// </summary>
    public required IReadOnlyList<string> Migrations { get; init; }

    /// <summary>
    /// Whether a damaged file is renamed (<c>…​.damaged-TIME</c>, never deleted) and a new one begun. Right where the
    /// content can be rebuilt; where it cannot, opening fails instead.
    /// </summary>
    public bool SetDamagedAside { get; init; }

    /// <summary>
    /// Whether a file that was made once and is missing now is an error, told by a mark beside it
    /// (<c>….made</c>). Right where the content exists nowhere else.
    /// </summary>
    public bool RefuseWhenMissing { get; init; }

    /// <summary>Time of day, for the name of a file that is set aside.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Writes that may wait for the writer before callers wait too.</summary>
    public int WriteQueueLength { get; init; } = 4096;

    /// <summary>
    /// Pages of 4 KiB in the write-ahead log after which it is brought into the file, beside the writer. More of them: pages that
    /// are written often reach the file once; but a longer log, on disk and to go through at opening, and a longer strain on the disk.
    /// </summary>
    public int CheckpointPages { get; init; } = 1000;

    /// <summary>Page cache of each connection, KiB.</summary>
    public int CacheKiB { get; init; } = 1024;
}
