using EdgeSync.Hosting;

namespace EdgeSync.EdgeCore.Edged;

/// <summary>
/// The waits between tries of something that fails (<see cref="Backoff"/>), back to the first after a success. Never
/// gives up. Not thread-safe.
/// </summary>
internal sealed class RetryDelay(TimeSpan first, TimeSpan cap, TimeProvider time)
{
    private readonly Backoff _backoff = new(first, cap);
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
        _failedAt = time.GetTimestamp();
        _delay = _backoff.After(++_failures);
        return _delay;
    }

    public void Succeed() => _failures = 0;
}
