using System.Numerics;

namespace EdgeSync.Simulation.World;

/// <summary>
/// xoshiro256** (Blackman and Vigna, public domain), seeded by SplitMix64: one seed gives the same numbers on every runtime,
/// which System.Random does not promise.
/// </summary>
internal sealed class Xoshiro
{
    private ulong _a;
    private ulong _b;
    private ulong _c;
    private ulong _d;

    public Xoshiro(ulong seed)
    {
        _a = SplitMix(ref seed);
        _b = SplitMix(ref seed);
        _c = SplitMix(ref seed);
        _d = SplitMix(ref seed);
    }

    /// <summary>0 up to, not including, <paramref name="below"/>.</summary>
    public int Below(int below) => (int)((UInt128)Next() * (ulong)below >> 64);

    /// <summary>From <paramref name="least"/> to <paramref name="most"/>, both included.</summary>
    public int Between(int least, int most) => least + Below(most - least + 1);

    /// <summary>True once in <paramref name="n"/> times.</summary>
    public bool OneIn(int n) => Below(n) == 0;

    /// <summary>Mostly near <paramref name="least"/>, sometimes up to <paramref name="most"/>: how delays are.</summary>
    public int Skewed(int least, int most)
    {
        var span = most - least + 1;
        return least + Math.Min(Below(span), Below(span));
    }

    public T Of<T>(IReadOnlyList<T> items) => items[Below(items.Count)];

    public ulong Next()
    {
        var result = BitOperations.RotateLeft(_b * 5, 7) * 9;
        var t = _b << 17;
        _c ^= _a;
        _d ^= _b;
        _b ^= _c;
        _a ^= _d;
        _c ^= t;
        _d = BitOperations.RotateLeft(_d, 45);
        return result;
    }

    private static ulong SplitMix(ref ulong state)
    {
        var z = state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
