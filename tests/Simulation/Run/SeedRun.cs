using System.Diagnostics;
using EdgeSync.Simulation.World;

namespace EdgeSync.Simulation.Run;

/// <summary>Many worlds, several at once, until all are through or one has failed.</summary>
internal sealed class SeedRun(SimulationOptions options)
{
    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private readonly Lock _gate = new();
    private long _next;
    private long _done;
    private long _steps;
    private long _simulatedMs;
    private (ulong Seed, Violation Broken)? _failure; // of the lowest seed; guarded by _gate

    public long Seeds => Interlocked.Read(ref _done);

    public long Steps => Interlocked.Read(ref _steps);

    public TimeSpan Elapsed => _watch.Elapsed;

    /// <summary>Runs the worlds.</summary>
    /// <param name="progress">Called about every ten seconds, and at the end.</param>
    /// <returns>The failure of the lowest seed that was reached; null for none.</returns>
    public (ulong Seed, Violation Broken)? Run(Action<string> progress)
    {
        using var timer = new Timer(_ => progress(Figures()), null, TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(10));
        var workers = Enumerable.Range(0, options.Parallel).Select(_ => new Thread(Work)).ToArray();
        foreach (var worker in workers)
        {
            worker.Start();
        }

        foreach (var worker in workers)
        {
            worker.Join();
        }

        _watch.Stop();
        return _failure;
    }

    /// <summary>How far it is, in words.</summary>
    public string Figures()
    {
        var perSecond = Steps / Math.Max(0.001, _watch.Elapsed.TotalSeconds);
        return string.Create(
            System.Globalization.CultureInfo.InvariantCulture,
            $"{Seeds:N0} seeds, {Steps:N0} steps, {Interlocked.Read(ref _simulatedMs) / 3_600_000.0:0.0} h simulated in {_watch.Elapsed.TotalSeconds:0} s: {perSecond:N0} steps/s");
    }

    private void Work()
    {
        while (true)
        {
            var index = Interlocked.Increment(ref _next) - 1;
            lock (_gate)
            {
                if (index >= options.Seeds || _failure is not null)
                {
                    return;
                }
            }

            var seed = options.Start + (ulong)index;
            var outcome = new SimWorld(options.World(seed)).Run();
            Interlocked.Increment(ref _done);
            Interlocked.Add(ref _steps, outcome.Steps);
            Interlocked.Add(ref _simulatedMs, outcome.SimulatedMs);
            if (outcome.Broken is { } broken)
            {
                lock (_gate)
                {
                    if (_failure is null || seed < _failure.Value.Seed)
                    {
                        _failure = (seed, broken);
                    }
                }
            }
        }
    }
}
