using System.Diagnostics;
using System.Globalization;
using EdgeSync.Benchmarks.Api;
using EdgeSync.TestKit;

namespace EdgeSync.Benchmarks.Fleet;

/// <summary>Two replicas of the hub on a real cluster, and a process of hollow edges that dial one or the other.</summary>
internal sealed class ReplicaFleet : IAsyncDisposable
{
    private const int AtOnce = 64;
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    private readonly EnvtestCluster _cluster;
    private readonly HelperProcess _hollow;

    private ReplicaFleet(EnvtestCluster cluster, ProgramsCloud first, ProgramsCloud second)
    {
        _cluster = cluster;
        (First, Second) = (first, second);
        Api = new FleetApi(ApiClient.Connect(cluster.Kubeconfig));
        _hollow = HelperProcess.Start("hollow", Path.Combine(first.DataFolder, "pki"), Line($"{first.HubPort},{second.HubPort}"), "hub");
    }

    /// <summary>It was started first, so it leads first.</summary>
    public ProgramsCloud First { get; }

    public ProgramsCloud Second { get; }

    public FleetApi Api { get; }

    public static async Task<ReplicaFleet> StartAsync()
    {
        var cluster = EnvtestCluster.WithControllers();
        var hub = await HubOnCluster.PrepareAsync(cluster);
        var first = await ProgramsCloud.ReplicaOnClusterAsync(cluster.Kubeconfig, hub, pki: null);
        var second = await ProgramsCloud.ReplicaOnClusterAsync(cluster.Kubeconfig, hub, Path.Combine(first.DataFolder, "pki"));
        await first.StartAsync();
        await second.StartAsync();
        return new ReplicaFleet(cluster, first, second);
    }

    /// <summary>Brings edges up until each is in step.</summary>
    public async Task<Spread> OpenAsync(int count, TimeSpan limit)
    {
        var start = Stopwatch.GetTimestamp();
        return Spread.From(await _hollow.DoAsync(Line($"open 0 {count} {AtOnce} {limit.TotalSeconds}"), limit), start);
    }

    /// <inheritdoc cref="FleetWorld.SpreadAsync"/>
    public async Task<Spread> SpreadAsync(string type, string mark, int count, Func<Task> change, TimeSpan limit)
    {
        await _hollow.DoAsync(Line($"expect {type} {count} {mark}"), s_limit);
        var start = Stopwatch.GetTimestamp();
        await change();
        return Spread.From(await _hollow.DoAsync(Line($"arrived {limit.TotalSeconds}"), limit), start);
    }

    /// <inheritdoc cref="FleetWorld.StormAsync"/>
    public async Task<Spread> StormAsync(TimeSpan limit)
    {
        await _hollow.DoAsync("cut", s_limit);
        await Task.Delay(TimeSpan.FromSeconds(2));
        var answer = await _hollow.DoAsync(Line($"back {limit.TotalSeconds}"), limit);
        return Spread.From(answer, answer[4]);
    }

    /// <summary>Edges that have a link, and objects that all hold.</summary>
    public async Task<(long Connected, long Held)> CountsAsync()
    {
        var answer = await _hollow.DoAsync("state", s_limit);
        return (answer[0], answer[3]);
    }

    public async ValueTask DisposeAsync()
    {
        await _hollow.DisposeAsync();
        Api.Dispose();
        await First.DisposeAsync();
        await Second.DisposeAsync();
        await _cluster.StopAsync();
        _cluster.Dispose();
    }

    private static string Line(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
