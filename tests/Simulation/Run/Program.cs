using System.Diagnostics;
using System.Globalization;
using EdgeSync.Simulation.World;

namespace EdgeSync.Simulation;

/// <summary>The command.</summary>
internal static class Program
{
    public static int Main(string[] arguments)
    {
        var seed = ulong.Parse(arguments[0], CultureInfo.InvariantCulture);
        var count = int.Parse(arguments[1], CultureInfo.InvariantCulture);
        var watch = Stopwatch.StartNew();
        long steps = 0, simulated = 0;
        var failures = new SortedDictionary<string, int>();
        for (var s = seed; s < seed + (ulong)count; s++)
        {
            var outcome = new SimWorld(new WorldOptions { Seed = s, Trace = count == 1 }).Run();
            steps += outcome.Steps;
            simulated += outcome.SimulatedMs;
            if (outcome.Broken is { } broken)
            {
                failures[broken.Promise] = failures.GetValueOrDefault(broken.Promise) + 1;
                if (failures[broken.Promise] <= 3)
                {
                    Console.WriteLine($"seed {s}: {broken.Message}");
                }
            }

            foreach (var line in outcome.Trace)
            {
                Console.WriteLine(line);
            }
        }

        Console.WriteLine($"{steps} steps, {simulated / 1000} s simulated, {steps / watch.Elapsed.TotalSeconds:0} steps/s; {string.Join(", ", failures)}");
        return failures.Count > 0 ? 1 : 0;
    }
}
