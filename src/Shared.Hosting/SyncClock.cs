namespace EdgeSync.Hosting;

/// <summary>The two times that the owners of the sync's state machines tell them.</summary>
public static class SyncClock
{
    /// <summary>Milliseconds of the monotonic clock: for waits and deadlines. They count from nowhere in particular.</summary>
    public static long NowMs(this TimeProvider time) => time.GetTimestamp() / (time.TimestampFrequency / 1000);

    /// <summary>Milliseconds since 1970 by the time of day: for what is told to people and to other machines.</summary>
    public static long UnixMs(this TimeProvider time) => time.GetUtcNow().ToUnixTimeMilliseconds();
}
