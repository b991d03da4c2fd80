namespace EdgeSync.CloudCore.Ledger;

/// <summary>What the ledger counts over all nodes since the hub's start. Thread-safe.</summary>
internal sealed class LedgerTotals
{
    private long _connects;
    private long _storeErrors;
    private long _endedBytesSent;
    private long _endedBytesReceived;
    private long _endedResent;

    /// <summary>The lag of every acknowledged change.</summary>
    public LagHistogram Lag { get; } = new();

    public long Connects => Interlocked.Read(ref _connects);

    /// <summary>Objects that nodes answered they could not store.</summary>
    public long StoreErrors => Interlocked.Read(ref _storeErrors);

    /// <summary>Of ended sessions.</summary>
    public long EndedBytesSent => Interlocked.Read(ref _endedBytesSent);

    /// <summary>Of ended sessions.</summary>
    public long EndedBytesReceived => Interlocked.Read(ref _endedBytesReceived);

    /// <summary>Of ended sessions.</summary>
    public long EndedResent => Interlocked.Read(ref _endedResent);

    public void Connected() => Interlocked.Increment(ref _connects);

    public void Acknowledged(long lagMs) => Lag.Add(lagMs);

    public void StoreFailed() => Interlocked.Increment(ref _storeErrors);

    public void Ended(long bytesSent, long bytesReceived, long resent)
    {
        Interlocked.Add(ref _endedBytesSent, bytesSent);
        Interlocked.Add(ref _endedBytesReceived, bytesReceived);
        Interlocked.Add(ref _endedResent, resent);
    }
}
