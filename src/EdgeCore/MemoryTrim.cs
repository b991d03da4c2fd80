using System.Diagnostics;
using System.Runtime.InteropServices;

namespace EdgeSync.EdgeCore;

/// <summary>
/// Gives memory back that a burst of work has left behind, once the agent is quiet again. By itself the runtime does so when the machine
/// is short of it, which is when the apps of the box have been slowed down already; KubeEdge's agent has Go's scavenger for this.
/// A collection stops the agent for some milliseconds, so it waits until little is going on.
/// </summary>
internal sealed partial class MemoryTrim(TimeProvider time, ILogger<MemoryTrim> logger) : BackgroundService
{
    /// <summary>Bytes allocated since the last time for which it is worth while: one young generation.</summary>
    private const long Worth = 4 << 20;

    /// <summary>Bytes allocated between two looks up to which the agent counts as quiet.</summary>
    private const long Quiet = 1 << 20;

    private static readonly TimeSpan s_period = TimeSpan.FromSeconds(3);

    /// <param name="sinceLook">Bytes allocated since the last look.</param>
    /// <param name="sinceTrim">Bytes allocated since memory was given back.</param>
    internal static bool IsDue(long sinceLook, long sinceTrim) => sinceLook <= Quiet && sinceTrim >= Worth;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(s_period, time);
        long trimmed = 0, looked = 0;
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            var allocated = GC.GetTotalAllocatedBytes();
            if (IsDue(allocated - looked, allocated - trimmed))
            {
                Trim();
                trimmed = allocated;
            }

            looked = allocated;
        }
    }

    private void Trim()
    {
        var before = Environment.WorkingSet;
        var started = Stopwatch.GetTimestamp();
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        _ = ReleaseFree(0); // says whether there was any
        LogTrimmed(before / 1024, Environment.WorkingSet / 1024, Stopwatch.GetElapsedTime(started).TotalMilliseconds);
    }

    // of the C library's heap, where SQLite and OpenSSL take theirs
    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int ReleaseFree(nint padding);

    [LoggerMessage(LogLevel.Debug, "Memory given back: {Before} KiB resident before, {After} after, {Milliseconds:0.0} ms")]
    private partial void LogTrimmed(long before, long after, double milliseconds);
}
