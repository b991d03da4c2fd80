using System.Globalization;
using EdgeSync.Benchmarks.Api;
using EdgeSync.TestKit;

namespace EdgeSync.Benchmarks.Workloads;

/// <summary>What <c>workloads</c> is asked for.</summary>
internal sealed record WorkloadsWish
{
    public int Runs { get; init; } = 3;

    /// <summary>Pretend nodes.</summary>
    public int Nodes { get; init; } = 1000;

    /// <summary>DaemonSets that run on all of them.</summary>
    public int Sets { get; init; } = 20;

    /// <summary>How long is waited after each case, so that what trails is counted to it.</summary>
    public TimeSpan Settle { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Null where the arguments are not understood.</summary>
    public static WorkloadsWish? Parse(ReadOnlySpan<string> arguments)
    {
        var wish = new WorkloadsWish();
        while (arguments.Length > 0)
        {
            switch (arguments)
            {
                case ["--quick", ..]:
                    wish = wish with { Runs = 1, Nodes = 100 };
                    arguments = arguments[1..];
                    continue;
                case ["--runs", var text, ..] when Number(text, 1, 100) is { } runs:
                    wish = wish with { Runs = runs };
                    break;
                case ["--nodes", var text, ..] when Number(text, 10, 5000) is { } nodes:
                    wish = wish with { Nodes = nodes };
                    break;
                case ["--sets", var text, ..] when Number(text, 1, 100) is { } sets:
                    wish = wish with { Sets = sets };
                    break;
                default:
                    return null;
            }

            arguments = arguments[2..];
        }

        return wish;
    }

    private static int? Number(string text, int least, int most) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most ? number : null;
}

/// <summary>
/// cloudcore's controllers beside kube-controller-manager and kube-scheduler: the same DaemonSets and Deployment on the same pretend nodes,
/// one side after the other.
/// </summary>
internal static class WorkloadsCommand
{
    public static async Task<int> RunAsync(WorkloadsWish wish, TextWriter output)
    {
        var reference = EnvtestCluster.MissingReason;
        if (reference is not null)
        {
            await output.WriteLineAsync($"no Kubernetes beside it: {reference}");
        }

        await output.WriteLineAsync("""
            The nodes are pretended: one process makes them, renews their leases every 10 s, and says of each pod at once that it runs, with
            the same requests to both sides. "API writes" are changes that the control plane made itself: the store's versions, less
            those of the pretended nodes and of the measurement. Kubernetes runs with --kube-api-qps and --kube-api-burst of 1000: its
            defaults (20 a second for all controllers, 50 for the scheduler) would be what is measured;
            and with --node-monitor-grace-period=2m (EdgeSync has its 40 s), since on a busy machine leases come late.
            """);
        var table = new ApiTable(output);
        for (var run = 1; run <= wish.Runs; run++)
        {
            await output.WriteLineAsync(FormattableString.Invariant($"run {run} of {wish.Runs}"));
            await MeasureAsync(ControlPlane.OursAsync, table, wish);
            if (reference is null)
            {
                await MeasureAsync(ControlPlane.KubernetesAsync, table, wish);
            }
        }

        await output.WriteLineAsync(table.Render());
        return 0;
    }

    private static async Task MeasureAsync(Func<Task<ControlPlane>> make, ApiTable table, WorkloadsWish wish)
    {
        await using var plane = await make();
        using var cases = new WorkloadCases(plane, table, wish);
        await cases.RunAsync();
    }
}
