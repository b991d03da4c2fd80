using EdgeSync.Simulation.Run;
using EdgeSync.Simulation.World;
using Xunit;

namespace EdgeSync.Simulation;

/// <summary>The short form; the long form runs 100,000 seeds and every mutation.</summary>
public sealed class SimulationTests
{
    private static readonly SimulationOptions s_options = new() { Start = 1, Parallel = 2 };

    [Fact]
    public void No_promise_is_broken_in_some_hundred_worlds() => AssertKept(s_options with { Seeds = 400 });

    [Fact]
    [Trait("Category", "Long")]
    public void No_promise_is_broken_in_a_hundred_thousand_worlds() => AssertKept(s_options with { Seeds = 100_000 });

    [Fact]
    public void The_same_seed_makes_the_same_world()
    {
        var first = new SimWorld(new WorldOptions { Seed = 7, Trace = true }).Run();
        var second = new SimWorld(new WorldOptions { Seed = 7, Trace = true }).Run();
        Assert.Equal(first.Trace, second.Trace);
        Assert.Equal(first.Steps, second.Steps);
    }

    [Fact]
    public void Deliberate_faults_are_caught()
    {
        var verdicts = MutationRun.Run(
            [.. Mutations.OfTheGlue.Where(m => m.Name is Mutations.AcknowledgeBeforeTheWrite or Mutations.SettleOnSend or Mutations.SettleByKey)],
            s_options, 300);
        Assert.All(verdicts, v => Assert.NotNull(v.Caught));
    }

    [Fact]
    public void Every_mutation_of_a_shipped_source_finds_its_text()
    {
        var folder = Directory.CreateTempSubdirectory("edgesync-mutants-");
        try
        {
            MutationRun.WritePatched(MutationRun.FindRoot(), folder.FullName);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    [Trait("Category", "Long")]
    public void Every_deliberate_fault_is_caught()
    {
        var folder = Directory.CreateTempSubdirectory("edgesync-mutants-");
        try
        {
            Assert.Equal(0, MutationRun.BuildAndRun(MutationRun.FindRoot(), folder.FullName, ["--mutations"]));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static void AssertKept(SimulationOptions options)
    {
        var failure = new SeedRun(options).Run(_ => { });
        Assert.True(failure is null, $"seed {failure?.Seed}: {failure?.Broken.Message}; replay: dotnet run -c Release --project tests/Simulation -- --seed {failure?.Seed} --trace");
    }
}
