using System.CommandLine;
using System.Globalization;
using EdgeSync.Simulation.Run;
using EdgeSync.Simulation.World;

namespace EdgeSync.Simulation;

/// <summary>The command.</summary>
internal static class Program
{
    private const string Run = "dotnet run -c Release --project tests/Simulation --";

    private static readonly Option<int> s_seeds = new("--seeds") { Description = "Worlds to run", DefaultValueFactory = _ => 1000 };
    private static readonly Option<ulong> s_start = new("--start") { Description = "The first seed", DefaultValueFactory = _ => 1 };
    private static readonly Option<int> s_edges = new("--edges") { Description = "Edges in each world; 0: the seed chooses 2 to 5" };
    private static readonly Option<int> s_parallel = new("--parallel") { Description = "Worlds at once", DefaultValueFactory = _ => 2 };
    private static readonly Option<int> s_acts = new("--acts", "--steps") { Description = "Things done to each world, faults included", DefaultValueFactory = _ => 160 };
    private static readonly Option<ulong?> s_seed = new("--seed") { Description = "Replay this one seed" };
    private static readonly Option<string?> s_keep = new("--keep") { Description = "With --seed: only these of its acts (numbers, as a failure names them)" };
    private static readonly Option<bool> s_trace = new("--trace") { Description = "With --seed: print everything that happens" };
    private static readonly Option<bool> s_mutations = new("--mutations") { Description = "Show that every deliberate fault is caught" };
    private static readonly Option<string?> s_mutation = new("--mutation") { Description = "Switch one deliberate fault on" };

    public static int Main(string[] arguments)
    {
        var command = new RootCommand($"""
            Runs the sync of cloudcore and edgecore in simulated worlds: clock, network, disks and API from a seed.

            Examples:
              {Run} --seeds 100000              many worlds; ends with exit code 1 at the first that breaks a promise
              {Run} --seed 4711 --trace         one world, with all that happens in it
              {Run} --mutations                 deliberate faults, and what catches each
            """)
        {
            s_seeds, s_start, s_edges, s_parallel, s_acts, s_seed, s_keep, s_trace, s_mutations, s_mutation,
        };
        command.SetAction(parsed => Execute(
            new SimulationOptions
            {
                Seeds = parsed.GetValue(s_seeds),
                Start = parsed.GetValue(s_start),
                Edges = parsed.GetValue(s_edges),
                Parallel = Math.Max(1, parsed.GetValue(s_parallel)),
                Acts = parsed.GetValue(s_acts),
                Seed = parsed.GetValue(s_seed),
                Keep = parsed.GetValue(s_keep)?.Split(',').Select(n => int.Parse(n, CultureInfo.InvariantCulture)).ToArray(),
                Trace = parsed.GetValue(s_trace),
                Mutations = parsed.GetValue(s_mutations),
                Mutation = parsed.GetValue(s_mutation),
            },
            arguments));
        return command.Parse(arguments).Invoke();
    }

    private static int Execute(SimulationOptions options, string[] arguments)
    {
        if (options.Mutations)
        {
            if (typeof(Program).Assembly.GetName().Name == "EdgeSync.Simulation.Mutants")
            {
                return MutationRun.Print(MutationRun.Run(Mutations.All, options, MutationRun.MostSeeds));
            }

            var root = MutationRun.FindRoot();
            return MutationRun.BuildAndRun(root, Path.Combine(root, "out", "mutants"), arguments);
        }

        if (options.Mutation is { } name && !Mutations.All.Any(m => m.Name == name))
        {
            Console.Error.WriteLine($"mutation \"{name}\" is not known; known are {string.Join(", ", Mutations.All.Select(m => m.Name))}");
            return 2;
        }

        Mutant.Active = options.Mutation;
        return options.Seed is { } seed ? Replay(options, seed) : RunMany(options);
    }

    private static int RunMany(SimulationOptions options)
    {
        var run = new SeedRun(options);
        var failure = run.Run(Console.WriteLine);
        Console.WriteLine(run.Figures());
        if (failure is not { } failed)
        {
            Console.WriteLine("no promise was broken");
            return 0;
        }

        Console.WriteLine($"seed {failed.Seed} broke a promise: {failed.Broken.Message}");
        var kept = Shrinker.Shrink(options.World(failed.Seed), failed.Broken.Promise, TimeSpan.FromSeconds(30));
        var plan = Plan.Make(failed.Seed, options.Acts);
        Console.WriteLine($"{kept.Count} of {plan.Count} acts are enough:");
        foreach (var act in kept)
        {
            Console.WriteLine($"  {act,4}  {plan[act]}");
        }

        var edges = options.Edges > 0 ? $" --edges {options.Edges}" : "";
        var acts = options.Acts != 160 ? $" --acts {options.Acts}" : "";
        var mutation = options.Mutation is { } name ? $" --mutation {name}" : "";
        Console.WriteLine($"replay: {Run} --seed {failed.Seed}{edges}{acts}{mutation} --keep {string.Join(',', kept)} --trace");
        return 1;
    }

    private static int Replay(SimulationOptions options, ulong seed)
    {
        var plan = Plan.Make(seed, options.Acts);
        if (options.Keep?.FirstOrDefault(n => n < 0 || n >= plan.Count, -1) is { } bad and not -1)
        {
            Console.Error.WriteLine($"--keep names act {bad}; the plan of seed {seed} has {plan.Count}");
            return 2;
        }

        var outcome = new SimWorld(options.World(seed), options.Keep is { } keep ? [.. keep.Select(n => plan[n])] : plan).Run();
        foreach (var line in outcome.Trace)
        {
            Console.WriteLine(line);
        }

        Console.WriteLine($"{outcome.Steps} steps, {outcome.SimulatedMs / 1000} s simulated: {outcome.Broken?.Message ?? "no promise was broken"}");
        return outcome.Broken is null ? 0 : 1;
    }
}
