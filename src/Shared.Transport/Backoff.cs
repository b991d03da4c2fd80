namespace EdgeSync.Transport;

/// <summary>
/// Pauses between tries: doubled each time up to a cap, each taken at random from its upper half so that a fleet that was
/// cut off together does not come back together. Not thread-safe.
/// </summary>
/// <param name="first">The first pause.</param>
/// <param name="cap">The longest pause.</param>
/// <param name="random">The source of the jitter.</param>
public sealed class Backoff(TimeSpan first, TimeSpan cap, Random random)
{
    private int _failures;

    /// <summary>The pause before the next try.</summary>
    public TimeSpan Next()
    {
        var pause = TimeSpan.FromTicks(Math.Min(cap.Ticks, first.Ticks << Math.Min(_failures++, 20)));
        return pause * (0.5 + (0.5 * random.NextDouble()));
    }

    /// <summary>A try has succeeded: start again from the first pause.</summary>
    public void Reset() => _failures = 0;
}
