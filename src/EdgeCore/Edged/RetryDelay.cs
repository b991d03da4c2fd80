namespace EdgeSync.EdgeCore.Edged;

/// <summary>
/// The waits between tries of something that fails: doubled up to a cap, with a fifth of jitter, back to the first
/// after a success. Never gives up. Not thread-safe.
/// </summary>
internal sealed class RetryDelay(TimeSpan first, TimeSpan cap, TimeProvider time)
{
    private const double Jitter = 0.2;

    private int _failures;
    private long _failedAt;
    private TimeSpan _delay;

    /// <summary>What is left of the wait; zero when the next try may be made.</summary>
    public TimeSpan Left
    {
        get
        {
            var left = _failures == 0 ? TimeSpan.Zero : _delay - time.GetElapsedTime(_failedAt);
            return left > TimeSpan.Zero ? left : TimeSpan.Zero;
        }
    }

    /// <summary>Notes a failure.</summary>
    /// <returns>How long to wait.</returns>
    public TimeSpan Fail()
    {
        var whole = Math.Min(cap.TotalSeconds, first.TotalSeconds * Math.Pow(2, Math.Min(_failures, 30)));
        _failures++;
        _failedAt = time.GetTimestamp();
        _delay = TimeSpan.FromSeconds(whole * (1 - (Jitter * Random.Shared.NextDouble())));
        return _delay;
    }

    public void Succeed() => _failures = 0;
}
