namespace EdgeSync.CloudCore.Ledger;

/// <summary>
/// How long changes took from being seen by the hub to being acknowledged, in fixed buckets: 17 counters, whatever their
/// number. Thread-safe.
/// </summary>
internal sealed class LagHistogram
{
    private readonly long[] _counts = new long[s_bounds.Length + 1];
    private long _sumMs;

    private static readonly double[] s_bounds =
        [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300];

    /// <summary>The upper bounds, seconds; one more bucket has none.</summary>
    public static IReadOnlyList<double> Bounds => s_bounds;

    /// <summary>Seconds of all lags together.</summary>
    public double Sum => Interlocked.Read(ref _sumMs) / 1000.0;

    /// <summary>How many fell into each bucket (not cumulative), the one without a bound last.</summary>
    public long[] Counts() => [.. Enumerable.Range(0, _counts.Length).Select(i => Interlocked.Read(ref _counts[i]))];

    public void Add(long lagMs)
    {
        lagMs = Math.Max(0, lagMs);
        Interlocked.Add(ref _sumMs, lagMs);
        Interlocked.Increment(ref _counts[BucketOf(lagMs / 1000.0)]);
    }

    internal static int BucketOf(double seconds)
    {
        var bucket = 0;
        while (bucket < s_bounds.Length && seconds > s_bounds[bucket])
        {
            bucket++;
        }

        return bucket;
    }

    /// <summary>The lag, seconds, that the share <paramref name="share"/> of the counted changes did not exceed; null where none is counted.</summary>
    internal static double? Quantile(double share, ReadOnlySpan<ushort> counts)
    {
        long total = 0;
        foreach (var count in counts)
        {
            total += count;
        }

        if (total == 0)
        {
            return null;
        }

        var rank = share * total;
        double below = 0;
        for (var bucket = 0; bucket < s_bounds.Length; bucket++)
        {
            if (below + counts[bucket] >= rank && counts[bucket] > 0)
            {
                var lower = bucket == 0 ? 0 : s_bounds[bucket - 1];
                return lower + ((s_bounds[bucket] - lower) * ((rank - below) / counts[bucket]));
            }

            below += counts[bucket];
        }

        return s_bounds[^1];
    }
}

/// <summary>
/// The lag of one node: the last one or two thousand changes, in 34 bytes. Once a thousand are counted all counts are halved, so
/// that a bad hour is forgotten. Not thread-safe.
/// </summary>
internal sealed class RecentLag
{
    private const int HalveAt = 1_000;

    private readonly ushort[] _counts = new ushort[LagHistogram.Bounds.Count + 1];
    private int _total;

    public void Add(long lagMs)
    {
        _counts[LagHistogram.BucketOf(Math.Max(0, lagMs) / 1000.0)]++;
        if (++_total < HalveAt)
        {
            return;
        }

        _total = 0;
        for (var bucket = 0; bucket < _counts.Length; bucket++)
        {
            _counts[bucket] /= 2;
            _total += _counts[bucket];
        }
    }

    /// <inheritdoc cref="LagHistogram.Quantile"/>
    public double? Quantile(double share) => LagHistogram.Quantile(share, _counts);
}
