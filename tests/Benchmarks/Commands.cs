using System.Globalization;
using EdgeSync.Benchmarks.Api;
using EdgeSync.Benchmarks.Fleet;
using EdgeSync.Benchmarks.Hollow;
using EdgeSync.Benchmarks.Workloads;
using EdgeSync.TestKit;

namespace EdgeSync.Benchmarks;

/// <summary>The command line: <c>main-job</c>, <c>fleet</c>, <c>api</c> and <c>workloads</c>; the helper processes of the fleet are this program, too.</summary>
internal static class Commands
{
    private const int DefaultRuns = 3;
    private const int MaxRuns = 100;

    public static Task<int> RunAsync(string[] args) => args switch
    {
        ["main-job"] => MainJobAsync(DefaultRuns),
        ["main-job", "--runs", var text] when int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var runs)
            && runs is >= 1 and <= MaxRuns => MainJobAsync(runs),
        ["fleet", .. var rest] when FleetWish.Parse(rest) is { } wish => FleetAsync(wish),
        ["api", .. var rest] when ApiWish.Parse(rest) is { } wish => ApiAsync(wish),
        ["workloads", .. var rest] when WorkloadsWish.Parse(rest) is { } wish => WorkloadsAsync(wish),
        ["hollow", var pki, var port, var kind and ("hub" or "plain" or "bare")] => HollowHost.RunAsync(pki, port, kind),
        ["bare", var pki, var port] => BareServer.RunAsync(pki, port),
        _ => UsageAsync(),
    };

    private static async Task<int> UsageAsync()
    {
        await Console.Error.WriteLineAsync($"""
            usage: dotnet run -c Release --project tests/Benchmarks -- main-job [--runs N]
                   dotnet run -c Release --project tests/Benchmarks -- fleet [--case NAME] [--edges N,…] [--fleet N] [--runs N] [--quick]
                   dotnet run -c Release --project tests/Benchmarks -- api [--runs N] [--quick]
                   dotnet run -c Release --project tests/Benchmarks -- workloads [--nodes N] [--sets N] [--runs N] [--quick]

              --runs N     worlds to start and measure, one after the other; the table has the medians (main-job, api and workloads {DefaultRuns}, fleet 1)
              --case NAME  one of: {string.Join(", ", FleetWish.Cases)}; without it, all
              --edges N,…  fleet sizes of the case "size", growing, 100 to 15000 each (1000,5000,10000,15000)
              --fleet N    edges of the cases "fan-out", "storm" and, up to 2000, "compression" and "replicas" (5000)
              --nodes N    pretend nodes of "workloads", 10 to 5000 (1000); with --quick 100
              --sets N     DaemonSets on all of them, 1 to 100 (20)
              --quick      small fleets: whether the parts work; its figures say nothing

            Measures what ./build.sh made (out/), or what EDGESYNC_OUT names. main-job needs root, containerd, mosquitto and
            kubectl; fleet needs none of these, but 20,000 open files (ulimit -n), and its case
            "replicas" a Kubernetes control plane in KUBEBUILDER_ASSETS. api compares with etcd and kube-apiserver, and
            workloads with kube-controller-manager and kube-scheduler on them, where KUBEBUILDER_ASSETS names a folder with them.
            """);
        return 2;
    }

    private static async Task<int> FleetAsync(FleetWish wish)
    {
        UsePublishedPrograms();
        await Console.Out.WriteLineAsync($"program: {ProgramsLocation.CloudCore}");
        return await FleetCommand.RunAsync(wish, Console.Out);
    }

    private static async Task<int> ApiAsync(ApiWish wish)
    {
        UsePublishedPrograms();
        await Console.Out.WriteLineAsync($"program: {ProgramsLocation.CloudCore}");
        return await ApiCommand.RunAsync(wish, Console.Out);
    }

    private static async Task<int> WorkloadsAsync(WorkloadsWish wish)
    {
        UsePublishedPrograms();
        await Console.Out.WriteLineAsync($"program: {ProgramsLocation.CloudCore}");
        return await WorkloadsCommand.RunAsync(wish, Console.Out);
    }

    private static async Task<int> MainJobAsync(int runs)
    {
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
