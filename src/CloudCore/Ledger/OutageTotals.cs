namespace EdgeSync.CloudCore.Ledger;

/// <summary>Outages that have ended since the hub's start, all nodes together. Thread-safe.</summary>
internal sealed class OutageTotals
{
    private long _count;
    private long _milliseconds;
    private long _applied;
    private long _superseded;
    private long _lost;
    private long _restarted;
    private long _events;
    private long _leftOut;

    public long Ended => Interlocked.Read(ref _count);

    public double Seconds => Interlocked.Read(ref _milliseconds) / 1000.0;

    public long Applied => Interlocked.Read(ref _applied);

    public long Superseded => Interlocked.Read(ref _superseded);

    public long Lost => Interlocked.Read(ref _lost);

    public long PodsRestarted => Interlocked.Read(ref _restarted);

    public long Events => Interlocked.Read(ref _events);

    /// <summary>Outages that were counted and not told as Events.</summary>
    public long LeftOut => Interlocked.Read(ref _leftOut);

    public void Count(EndedOutage ended)
    {
        Interlocked.Increment(ref _count);
        Interlocked.Add(ref _milliseconds, (long)ended.Outage.Duration.TotalMilliseconds);
        Interlocked.Add(ref _applied, ended.Applied);
        Interlocked.Add(ref _superseded, ended.Superseded ?? 0);
    }

    public void Restarted(int pods, long lost)
    {
        Interlocked.Add(ref _restarted, pods);
        Interlocked.Add(ref _lost, lost);
    }

    public void EventWritten() => Interlocked.Increment(ref _events);

    public void LeaveOut() => Interlocked.Increment(ref _leftOut);
}
