using System.Globalization;
using EdgeSync.TestKit;

namespace EdgeSync.Benchmarks.Api;

/// <summary>What <c>api</c> is asked for.</summary>
internal sealed record ApiWish
{
    public int Runs { get; init; } = 3;

    public int Pods { get; init; } = 10_000;

    public int Watchers { get; init; } = 5000;

    public int Samples { get; init; } = 2000;

    /// <summary>Requests of a kind before those that are measured: both servers compile or cache what they use often.</summary>
    public int WarmUp { get; init; } = 3000;

    /// <summary>Null where the arguments are not understood.</summary>
    public static ApiWish? Parse(ReadOnlySpan<string> arguments)
    {
        var wish = new ApiWish();
        while (arguments.Length > 0)
        {
            switch (arguments)
            {
                case ["--quick", ..]:
                    wish = wish with { Runs = 1, Pods = 1000, Watchers = 200, Samples = 100, WarmUp = 100 };
                    arguments = arguments[1..];
                    continue;
                case ["--runs", var text, ..] when int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var runs) && runs is >= 1 and <= 100:
                    wish = wish with { Runs = runs };
                    break;
                default:
                    return null;
            }

            arguments = arguments[2..];
        }

        return wish;
    }
}

/// <summary>The embedded API beside etcd and kube-apiserver: the same requests by the same client over TLS, one side after the other.</summary>
internal static class ApiCommand
{
    public static async Task<int> RunAsync(ApiWish wish, TextWriter output)
    {
        var reference = EnvtestCluster.MissingReason;
        if (reference is not null)
        {
            await output.WriteLineAsync($"no etcd + kube-apiserver beside it: {reference}");
        }

        var table = new ApiTable(output);
        for (var run = 1; run <= wish.Runs; run++)
        {
            await output.WriteLineAsync(FormattableString.Invariant($"run {run} of {wish.Runs}"));
            await MeasureAsync(ApiSide.OursAsync, table, wish);
            if (reference is null)
            {
                await MeasureAsync(ApiSide.KubernetesAsync, table, wish);
            }
        }

        await output.WriteLineAsync(table.Render());
        return 0;
    }

    private static async Task MeasureAsync(Func<Task<ApiSide>> make, ApiTable table, ApiWish wish)
    {
        await using var side = await make();
        await side.StopAsync();
        table.Add(side.Name, new ApiFigure("start to ready, nothing stored, s", IsRate: false), (await side.StartAsync()).TotalSeconds);
        await new ApiCases(side, table, wish).RunAsync();
    }
}
