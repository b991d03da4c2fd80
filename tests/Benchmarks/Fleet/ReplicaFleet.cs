using System.Globalization;
using EdgeSync.Benchmarks.Api;
using EdgeSync.TestKit;

namespace EdgeSync.Benchmarks.Fleet;

/// <summary>Two replicas of the hub on a real cluster, and a process of hollow edges that dial one or the other.</summary>
internal sealed class ReplicaFleet : IAsyncDisposable
{
    private readonly EnvtestCluster _cluster;

    private ReplicaFleet(EnvtestCluster cluster, ProgramsCloud first, ProgramsCloud second)
    {
        _cluster = cluster;
        (First, Second) = (first, second);
        Api = new FleetApi(ApiClient.Connect(cluster.Kubeconfig));
        Hollow = new HollowProcess(
            Path.Combine(first.DataFolder, "pki"), string.Create(CultureInfo.InvariantCulture, $"{first.HubPort},{second.HubPort}"), "hub");
    }

    /// <summary>It was started first, so it leads first.</summary>
    public ProgramsCloud First { get; }

    public ProgramsCloud Second { get; }

    public HollowProcess Hollow { get; }

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

    public async ValueTask DisposeAsync()
    {
        await Hollow.DisposeAsync();
        Api.Dispose();
        await First.DisposeAsync();
        await Second.DisposeAsync();
        await _cluster.StopAsync();
        _cluster.Dispose();
    }
}
