using EdgeSync.Integration.Tests.World;
using EdgeSync.TestKit;
using Xunit.Abstractions;

namespace EdgeSync.Integration.Tests.Cluster;

/// <summary>
/// An <see cref="EdgeWorld"/> whose hub works on a real cluster, in which the CRDs are that ship, and as the service account that
/// ships: with its rights and no others.
/// </summary>
internal sealed class ClusterWorld : IAsyncDisposable
{
    private readonly EnvtestCluster _cluster;

    private ClusterWorld(EnvtestCluster cluster, EdgeWorld world)
    {
        _cluster = cluster;
        World = world;
    }

    public EdgeWorld World { get; }

    /// <summary>All but the agent, which has not joined.</summary>
    public static async Task<ClusterWorld> StartAsync(ITestOutputHelper output)
    {
        var cluster = EnvtestCluster.WithControllers();
        try
        {
            var hub = await HubOnCluster.PrepareAsync(cluster);
            return new ClusterWorld(cluster, await EdgeWorld.StartCloudAsync(
                output, new EdgeWorldPlaces { Cluster = cluster.Kubeconfig, HubOnCluster = hub }));
        }
        catch
        {
            await EndAsync(cluster);
            throw;
        }
    }

    /// <summary>That the hub has asked for nothing that its service account may not do.</summary>
    public async Task NothingWasForbiddenAsync()
    {
        var log = await File.ReadAllTextAsync(World.Cloud.LogFile);
        Assert.DoesNotContain("forbidden", log, StringComparison.OrdinalIgnoreCase);
    }

    public async ValueTask DisposeAsync()
    {
        await World.DisposeAsync();
        await EndAsync(_cluster);
    }

    private static async Task EndAsync(EnvtestCluster cluster)
    {
        await cluster.StopAsync();
        cluster.Dispose();
    }
}

/// <summary>A test with the real programs on a real cluster: skipped, with the reason, where a part is missing.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ClusterFactAttribute : FactAttribute
{
    public ClusterFactAttribute() => Skip = EnvtestCluster.MissingReason ?? EndToEndFactAttribute.WhyNot();
}
