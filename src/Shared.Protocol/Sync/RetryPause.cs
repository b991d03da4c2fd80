namespace EdgeSync.Protocol.Sync;

/// <summary>The pauses of both state machines between two tries: doubled from a first one to a cap. No jitter, so that a seed replays.</summary>
internal static class RetryPause
{
    /// <summary>The pause after so many tries (1 and up), milliseconds.</summary>
    public static long After(long first, long cap, int times) => Math.Min(cap, first << Math.Min(times - 1, 16));
}
