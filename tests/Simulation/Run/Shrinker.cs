using System.Diagnostics;
using EdgeSync.Simulation.World;

namespace EdgeSync.Simulation.Run;

/// <summary>
/// Shortens a failing history: leaves out parts of what is done to the world, large parts first, as long as the same promise is
/// still broken (delta debugging). Bounded in time.
/// </summary>
internal static class Shrinker
{
    /// <summary>The numbers of the acts that are needed.</summary>
    public static IReadOnlyList<int> Shrink(WorldOptions options, string promise, TimeSpan most)
    {
        var plan = Plan.Make(options.Seed, options.Acts);
        var watch = Stopwatch.StartNew();
        List<int> kept = [.. Enumerable.Range(0, plan.Count)];
        for (var size = kept.Count / 2; size >= 1; size /= 2)
        {
            for (var at = 0; at < kept.Count;)
            {
                if (watch.Elapsed > most)
                {
                    return kept;
                }

                List<int> tried = [.. kept[..at], .. kept[Math.Min(kept.Count, at + size)..]];
                if (new SimWorld(options with { Trace = false }, [.. tried.Select(i => plan[i])]).Run().Broken?.Promise == promise)
                {
                    kept = tried;
                }
                else
                {
                    at += size;
                }
            }
        }

        return kept;
    }
}
