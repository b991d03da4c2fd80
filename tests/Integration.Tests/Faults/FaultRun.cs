using Xunit.Abstractions;

namespace EdgeSync.Integration.Tests.Faults;

/// <summary>One world, its workload, and verdicts: what every fault test is made of.</summary>
internal sealed class FaultRun : IAsyncDisposable
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(60);

    private readonly ITestOutputHelper _output;
    private readonly StepBackWatch _watch;
    private int _judged; // changes that earlier verdicts counted

    private FaultRun(ITestOutputHelper output, FaultWorld world, int seed)
    {
        _output = output;
        World = world;
        Workload = new Workload(world, seed);
        _watch = new StepBackWatch(world.Api);
    }

    public FaultWorld World { get; }

    public Workload Workload { get; }

    public static async Task<FaultRun> StartAsync(ITestOutputHelper output, int seed, FaultWorldSetup? setup = null)
    {
        output.WriteLine($"seed {seed}");
        var run = new FaultRun(output, await FaultWorld.StartAsync(output, seed, setup), seed);
        try
        {
            await run.Workload.PrepareAsync();
            return run;
        }
        catch
        {
            await run.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs the fault while objects and readings change on both sides; the fault ends what it began.</summary>
    public async Task DuringAsync(Func<Task> fault)
    {
        using var ending = new CancellationTokenSource();
        var changes = Workload.RunAsync(s_pause, ending.Token);
        try
        {
            await fault();
        }
        finally
        {
            await ending.CancelAsync();
            await changes;
        }
    }

    /// <summary>Compares both sides with the ledger, enters the outcome in the table, and fails where anything is found.</summary>
    public Task JudgeAsync(string group, string fault, TimeSpan limit) => JudgeAsync(_output, group, fault, limit);

    /// <inheritdoc cref="JudgeAsync(string, string, TimeSpan)"/>
    /// <remarks>For a run that is shared by tests with an output each.</remarks>
    public async Task JudgeAsync(ITestOutputHelper output, string group, string fault, TimeSpan limit)
    {
        var accepted = Workload.Ledger.Accepted - _judged;
        _judged += accepted;
        var outcome = await Verdict.ReachAsync(World, Workload.Ledger, _watch, limit);
        outcome = outcome with { Accepted = accepted };
        output.WriteLine($"{fault}: {outcome.Accepted} changes accepted, converged after {outcome.Converged.TotalSeconds:0.0} s, {_watch.Seen} reported values seen");
        FaultTable.Enter(group, fault, outcome);
        Assert.True(outcome.Findings.IsClean, $"{fault}\n{outcome.Findings}\n{World.Cloud.LogTail()}\n{World.Edge.LogTail()}");
    }

    public async ValueTask DisposeAsync()
    {
        await _watch.DisposeAsync();
        await World.DisposeAsync();
        Workload.Dispose();
    }
}
