namespace EdgeSync.Hosting;

/// <summary>
/// Waits that double from a first one to a cap, each shortened by up to half at random, so that a fleet that was cut off
/// together does not come back together.
/// </summary>
/// <param name="First">The wait after the first failure, before it is shortened.</param>
/// <param name="Cap">The longest wait.</param>
public readonly record struct Backoff(TimeSpan First, TimeSpan Cap)
{
    /// <summary>The wait after <paramref name="failures"/> failures in a row (1 and up).</summary>
    public TimeSpan After(int failures)
    {
        var doublings = Math.Clamp(failures - 1, 0, 40);
        var full = Math.Min(First.TotalMilliseconds * Math.Pow(2, doublings), Cap.TotalMilliseconds);
        return TimeSpan.FromMilliseconds(full * (0.5 + (Random.Shared.NextDouble() / 2)));
    }
}
