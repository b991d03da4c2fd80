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
            var hub = await PrepareAsync(cluster);
            return new ClusterWorld(cluster, await EdgeWorld.StartCloudAsync(
                output, new EdgeWorldPlaces { Cluster = cluster.Kubeconfig, HubOnCluster = hub }));
        }
        catch
        {
            await EndAsync(cluster);
            throw;
        }
    }

    /// <summary>Starts the cluster with the CRDs and the rights that ship.</summary>
    /// <returns>The kubeconfig of the service account that ships.</returns>
    public static async Task<string> PrepareAsync(EnvtestCluster cluster)
    {
        await cluster.StartAsync();
        var kubectl = new ProgramsKubectl(cluster.Kubeconfig);
        await kubectl.RunAsync("apply", "-f", Path.Combine(ProgramsLocation.Root, "deploy", "cloud", "crds"));
        await kubectl.RunAsync(
            "wait", "--for=condition=Established", "--timeout=25s", "crd", "devices.devices.kubeedge.io", "devicemodels.devices.kubeedge.io");
        await kubectl.RunAsync("apply", "-f", Path.Combine(ProgramsLocation.Root, "deploy", "cloud", "rbac.yaml"));
        return await WriteHubKubeconfigAsync(kubectl, cluster);
    }

    /// <summary>That the hub has asked for nothing that its service account may not do.</summary>
    public async Task NothingWasForbiddenAsync()
    {
        var log = await File.ReadAllTextAsync(World.Cloud.LogFile);
        Assert.DoesNotContain("forbidden", log, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>The administrator's, with the service account's token in a file beside it.</summary>
    private static async Task<string> WriteHubKubeconfigAsync(ProgramsKubectl kubectl, EnvtestCluster cluster)
    {
        var folder = Path.GetDirectoryName(cluster.Kubeconfig)!;
        await File.WriteAllTextAsync(
            Path.Combine(folder, "hub.token"), await kubectl.RunAsync("create", "token", "cloudcore", "-n", "kubeedge", "--duration=1h"));
        var file = Path.Combine(folder, "hub.kubeconfig");
        await File.WriteAllTextAsync(file, $$$"""
            clusters: [{name: c, cluster: {server: "{{{await kubectl.RunAsync("config", "view", "-o", "jsonpath={.clusters[0].cluster.server}")}}}", certificate-authority: pki/ca.crt}}]
            users: [{name: u, user: {tokenFile: hub.token}}]
            contexts: [{name: x, context: {cluster: c, user: u}}]
            current-context: x
            """);
        return file;
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
