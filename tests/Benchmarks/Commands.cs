using System.Globalization;
using EdgeSync.TestKit;

namespace EdgeSync.Benchmarks;

/// <summary>The command line: <c>main-job [--runs N]</c>.</summary>
internal static class Commands
{
    private const int DefaultRuns = 3;
    private const int MaxRuns = 100;

    public static async Task<int> RunAsync(string[] args)
    {
        var runs = DefaultRuns;
        var understood = args is ["main-job"]
            || (args is ["main-job", "--runs", var text]
                && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out runs)
                && runs is >= 1 and <= MaxRuns);
        if (!understood)
        {
            await Console.Error.WriteLineAsync($"""
                usage: dotnet run -c Release --project tests/Benchmarks -- main-job [--runs N]

                  --runs N   worlds to start and measure, one after the other; the table has the medians ({DefaultRuns})

                Measures what ./build.sh made (out/), or what EDGESYNC_OUT names. Needs root, containerd, mosquitto and kubectl.
                """);
            return 2;
        }

        UsePublishedPrograms();
        if (ContainerdRig.WhyNot() is { } reason)
        {
            await Console.Error.WriteLineAsync($"cannot measure here: {reason}");
            return 1;
        }

        await Console.Out.WriteLineAsync($"programs: {ProgramsLocation.CloudCore}, {ProgramsLocation.EdgeCore}");
        var results = new Figures();
        for (var run = 1; run <= runs; run++)
        {
            await Console.Out.WriteLineAsync($"run {run} of {runs}");
            await new MainJob(results, Console.Out).RunAsync();
        }

        await Console.Out.WriteLineAsync(results.Render());
        return 0;
    }

    /// <summary>What ships is measured, compiled ahead; the build output starts slower.</summary>
    private static void UsePublishedPrograms()
    {
        var published = Path.Combine(ProgramsLocation.FindRoot(), "out");
        if (Environment.GetEnvironmentVariable("EDGESYNC_OUT") is null && File.Exists(Path.Combine(published, "edgecore", "edgecore")))
        {
            Environment.SetEnvironmentVariable("EDGESYNC_OUT", published);
        }
    }
}
