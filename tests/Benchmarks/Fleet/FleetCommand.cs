using System.Globalization;
using EdgeSync.TestKit;

namespace EdgeSync.Benchmarks.Fleet;

/// <summary>What <c>fleet</c> is asked for.</summary>
internal sealed record FleetWish
{
    public static readonly string[] Cases = ["size", "latency", "fan-out", "storm", "backlog", "resync", "compression", "replicas"];

    public IReadOnlyList<int> Edges { get; init; } = [1000, 5000, 10_000, 15_000];

    /// <summary>Of the cases that fan out, or cut and reconnect, a whole fleet.</summary>
    public int Fleet { get; init; } = 5000;

    public int Nodes { get; init; } = 40;

    public int Objects { get; init; } = 2000;

    public int Samples { get; init; } = 500;

    public TimeSpan Idle { get; init; } = TimeSpan.FromSeconds(30);

    public int Runs { get; init; } = 1;

    /// <summary>Empty: all.</summary>
    public string Case { get; init; } = "";

    /// <summary>Null where the arguments are not understood.</summary>
    public static FleetWish? Parse(ReadOnlySpan<string> arguments)
    {
        var wish = new FleetWish();
        while (arguments.Length > 0)
        {
            switch (arguments)
            {
                case ["--quick", ..]:
                    wish = wish with { Edges = [100, 500], Fleet = 500, Nodes = 5, Objects = 200, Samples = 50, Idle = TimeSpan.FromSeconds(2) };
                    arguments = arguments[1..];
                    continue;
                case ["--edges", var text, ..] when Sizes(text) is { } sizes:
                    wish = wish with { Edges = sizes };
                    break;
                case ["--fleet", var text, ..] when Number(text, 20, 15_000) is { } fleet:
                    wish = wish with { Fleet = fleet };
                    break;
                case ["--runs", var text, ..] when Number(text, 1, 100) is { } runs:
                    wish = wish with { Runs = runs };
                    break;
                case ["--case", var name, ..] when Cases.Contains(name):
                    wish = wish with { Case = name };
                    break;
                default:
                    return null;
            }

            arguments = arguments[2..];
        }

        return wish;
    }

    private static int[]? Sizes(string text)
    {
        var sizes = text.Split(',').Select(part => Number(part, 100, 15_000)).ToArray();
        return sizes.All(s => s is not null) && sizes.Zip(sizes.Skip(1)).All(pair => pair.First < pair.Second) ? [.. sizes.Select(s => s!.Value)] : null;
    }

    private static int? Number(string text, int least, int most) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most ? number : null;
}

/// <summary>Runs the cases, each in a world of its own, and prints one table.</summary>
internal static class FleetCommand
{
    /// <summary>Far above what the cases take together: a run that hangs must not hang for ever.</summary>
    private static readonly TimeSpan s_limitOfRun = TimeSpan.FromMinutes(30);

    public static async Task<int> RunAsync(FleetWish wish, TextWriter output)
    {
        var table = new FleetTable(output);
        var failed = 0;
        for (var run = 1; run <= wish.Runs; run++)
        {
            await output.WriteLineAsync(FormattableString.Invariant($"run {run} of {wish.Runs}"));
            foreach (var name in FleetWish.Cases.Where(name => wish.Case.Length == 0 || wish.Case == name))
            {
                await output.WriteLineAsync(name);
                try
                {
                    await RunAsync(name, wish, table).WaitAsync(s_limitOfRun);
                }
                catch (Exception e) when (e is TimeoutException or InvalidOperationException or OperationCanceledException or IOException)
                {
                    failed++;
                    await output.WriteLineAsync($"{name} FAILED: {e.Message}");
                }
            }
        }

        await output.WriteLineAsync(table.Render());
        return failed > 0 ? 1 : 0;
    }

    private static async Task RunAsync(string name, FleetWish wish, FleetTable table)
    {
        switch (name)
        {
            case "size":
                await new SizeCase(table, wish.Edges, wish.Idle).RunAsync();
                break;
            case "latency":
                await new LatencyCase(table, wish.Samples).RunAsync();
                break;
            case "fan-out":
                await WithFleetAsync(wish, new FanOutCase(table, wish.Fleet).RunAsync);
                break;
            case "storm":
                await WithFleetAsync(wish, new StormCase(table, wish.Fleet).RunAsync);
                break;
            case "backlog":
                await new BacklogCase(table, wish.Nodes, wish.Objects).RunAsync();
                break;
            case "compression":
                await new CompressionCase(table, Math.Min(wish.Fleet, CompressionCase.MostEdges), wish.Idle).RunAsync();
                break;
            case "replicas" when EnvtestCluster.MissingReason is { } reason:
                table.Note($"not measured: {reason}");
                break;
            case "replicas":
                await new ReplicasCase(table, Math.Min(wish.Fleet, ReplicasCase.MostEdges)).RunAsync();
                break;
            default:
                await new ResyncCase(table).RunAsync();
                break;
        }
    }

    private static async Task WithFleetAsync(FleetWish wish, Func<FleetWorld, Task> run)
    {
        await using var world = await FleetWorld.StartAsync();
        await world.OpenAsync(0, wish.Fleet, TimeSpan.FromMinutes(5));
        await Task.Delay(TimeSpan.FromSeconds(5));
        await run(world);
    }
}
