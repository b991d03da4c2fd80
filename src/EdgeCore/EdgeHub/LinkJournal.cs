namespace EdgeSync.EdgeCore.EdgeHub;

/// <summary>What a time without link came to.</summary>
/// <param name="Down">Its length.</param>
/// <param name="Stored">Objects that came and are stored.</param>
/// <param name="Delivered">Messages that the hub has taken.</param>
/// <param name="Lost">Messages that were dropped because too many waited.</param>
internal sealed record CaughtUp(TimeSpan Down, long Stored, long Delivered, long Lost);

/// <summary>
/// The story of the link, for the log, the hub and the metrics page: since when it is down, what went over it once it was
/// back, and when both sides had caught up. A link that is lost again before that goes on with its story. Thread-safe.
/// </summary>
/// <param name="dropped">Upstream messages dropped in the life of the database.</param>
/// <param name="time">The clock.</param>
internal sealed class LinkJournal(Func<long> dropped, TimeProvider time)
{
    private readonly Lock _gate = new();

    // all guarded by _gate; the agent's start counts as the beginning of a time without link
    private Counts _counts = new(0, 0, 0, 0);
    private Counts _atLoss = new(0, 0, 0, 0); // when the link was lost and both sides were even
    private TimeSpan _down; // of this story, up to the present link
    private long _lostAt = time.GetTimestamp();
    private bool _up;
    private bool _even;
    private bool _synced;
    private long? _drainTo;
    private long _droppedAtLoss = dropped();
    private long _connects;
    private long _storeErrors;

    public long Connects => Locked(() => _connects);

    /// <summary>Objects stored since the agent's start.</summary>
    public long StoredCount => Locked(() => _counts.Stored);

    /// <summary>Objects that could not be stored, each time counted.</summary>
    public long StoreErrors => Locked(() => _storeErrors);

    /// <summary>Messages that the hub has taken since the agent's start.</summary>
    public long Delivered => Locked(() => _counts.Delivered);

    /// <summary>Messages dropped in the life of the database.</summary>
    public long Dropped => dropped();

    /// <summary>Bytes of ended sessions.</summary>
    public (long Sent, long Received) EndedBytes => Locked(() => (_counts.BytesSent, _counts.BytesReceived));

    /// <summary>How long there has been no link; zero while there is one.</summary>
    public TimeSpan DownFor => Locked(() => _up ? TimeSpan.Zero : time.GetElapsedTime(_lostAt));

    /// <summary>The outbox's entry up to which all must be settled before both sides are even; null where nothing is awaited.</summary>
    public long? DrainTo => Locked(() => _up ? _drainTo : null);

    /// <summary>A link is up.</summary>
    /// <param name="lastSeq">The newest message that waited for it.</param>
    public void Up(long lastSeq) => Locked(() =>
    {
        _connects++;
        _up = true;
        _even = false;
        _synced = false;
        _drainTo = lastSeq;
        _down += time.GetElapsedTime(_lostAt);
    });

    /// <summary>The link is lost.</summary>
    public void Down(long bytesSent, long bytesReceived) => Locked(() =>
    {
        _up = false;
        _lostAt = time.GetTimestamp();
        _counts = _counts with { BytesSent = _counts.BytesSent + bytesSent, BytesReceived = _counts.BytesReceived + bytesReceived };
        if (_even)
        {
            _atLoss = _counts;
            _down = TimeSpan.Zero;
            _droppedAtLoss = dropped();
        }
    });

    public void Stored(int objects) => Locked(() => { _counts = _counts with { Stored = _counts.Stored + objects }; });

    public void StoreFailed(int objects) => Locked(() => { _storeErrors += objects; });

    /// <summary>The hub has taken messages.</summary>
    public void Taken(int messages) => Locked(() => { _counts = _counts with { Delivered = _counts.Delivered + messages }; });

    /// <summary>The hub has sent everything that this node should hold, and it is stored.</summary>
    public void Synced() => Locked(() => { _synced = true; });

    /// <summary>Everything that waited for the link has been settled.</summary>
    public void Drained() => Locked(() => { _drainTo = null; });

    /// <summary>Once for each link, when both sides are even: what the time without it came to; null otherwise.</summary>
    public CaughtUp? TakeCaughtUp() => Locked(() =>
    {
        if (!_up || _even || !_synced || _drainTo is not null)
        {
            return null;
        }

        _even = true;
        return new CaughtUp(_down, _counts.Stored - _atLoss.Stored, _counts.Delivered - _atLoss.Delivered, dropped() - _droppedAtLoss);
    });

    /// <summary>What is to be told to the hub.</summary>
    public EdgeReport Report(long lost, long waiting) => new() { Dropped = dropped(), Lost = lost, Waiting = waiting };

    private T Locked<T>(Func<T> read)
    {
        lock (_gate)
        {
            return read();
        }
    }

    private void Locked(Action change)
    {
        lock (_gate)
        {
            change();
        }
    }

    private sealed record Counts(long Stored, long Delivered, long BytesSent, long BytesReceived);
}
