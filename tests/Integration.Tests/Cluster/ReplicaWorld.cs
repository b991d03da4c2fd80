using System.Globalization;
using EdgeSync.Integration.Tests.World;
using EdgeSync.TestKit;
using Xunit.Abstractions;

namespace EdgeSync.Integration.Tests.Cluster;

/// <summary>
/// Two cloudcores on one real cluster, as the service account that ships, and a real edgecore that reaches one or the other through a link, as a
/// balancer would choose.
/// </summary>
internal sealed class ReplicaWorld : IAsyncDisposable
{
    public const string NodeName = "edge-1";

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    private readonly ITestOutputHelper _output;
    private readonly EnvtestCluster _cluster;
    private readonly ContainerdRig _runtime;
    private readonly MosquittoBroker _broker;

    private ReplicaWorld(ITestOutputHelper output, EnvtestCluster cluster, ContainerdRig runtime, MosquittoBroker broker, ProgramsCloud first, ProgramsCloud second)
    {
        _output = output;
        _cluster = cluster;
        _runtime = runtime;
        _broker = broker;
        (First, Second) = (first, second);
        Link = new CuttableLink(first.HubPort);
        Edge = new ProgramsEdge(new ProgramsEdgeSetup(NodeName, runtime.Endpoint, broker.Port));
        Mqtt = new ProgramsMqtt(broker);
        Pods = new EdgePods(runtime);
        Kubectl = new ProgramsKubectl(cluster.Kubeconfig);
    }

    /// <summary>It was started first, so it leads first.</summary>
    public ProgramsCloud First { get; }

    public ProgramsCloud Second { get; }

    /// <summary>The node's way to the hub.</summary>
    public CuttableLink Link { get; }

    public ProgramsEdge Edge { get; }

    public ProgramsMqtt Mqtt { get; }

    public EdgePods Pods { get; }

    public ProgramsKubectl Kubectl { get; }

    public string Kubeconfig => _cluster.Kubeconfig;

    /// <summary>Both replicas run, the node has joined by the first and is Ready.</summary>
    public static async Task<ReplicaWorld> StartAsync(ITestOutputHelper output)
    {
        var cluster = EnvtestCluster.WithControllers();
        var hub = await HubOnCluster.PrepareAsync(cluster);
        var runtime = await ContainerdRig.StartAsync();
        var broker = await MosquittoBroker.StartedAsync();
        var first = await ProgramsCloud.ReplicaOnClusterAsync(cluster.Kubeconfig, hub, pki: null);
        var second = await ProgramsCloud.ReplicaOnClusterAsync(cluster.Kubeconfig, hub, Path.Combine(first.DataFolder, "pki"));
        var world = new ReplicaWorld(output, cluster, runtime, broker, first, second);
        try
        {
            // each with a port of its own for the API server, so that a node's status can say which of the two has it
            foreach (var cloud in (ProgramsCloud[])[first, second])
            {
                await world.ServeStreamsAsync(cloud);
            }

            await first.StartAsync();
            await world.HoldsAsync("the first replica leads", async () => (await world.LeaderAsync()).Length > 0);
            await second.StartAsync();
            (await world.Edge.TryJoinAsync(world.Link.Address, await second.GetTokenAsync())).Expect();
            world.Edge.Start();
            await world.HoldsAsync("the node is Ready", world.IsReadyAsync);
            await world.HoldsAsync("the node is the first replica's", async () => await world.HolderAsync() == await world.LeaderAsync());
            return world;
        }
        catch
        {
            await world.DisposeAsync();
            throw;
        }
    }

    /// <summary>The port at which the API server finds a replica.</summary>
    public static int StreamPortOf(ProgramsCloud cloud) => cloud.ApiPort; // its own, and free: there is no embedded API

    /// <summary>The identity of the replica that leads, by the lease; empty for none.</summary>
    public Task<string> LeaderAsync() => PathOrEmptyAsync("{.spec.holderIdentity}", "lease", "cloudcore", "-n", "kubeedge");

    /// <summary>The identity of the replica that has the node, by its Node; empty for none.</summary>
    public async Task<string> HolderAsync() => (await PathOrEmptyAsync("{.metadata.annotations.edgesync\\.io/session}", "node", NodeName)).Split('/')[0];

    public async Task<bool> IsReadyAsync() => await PathOrEmptyAsync("{.status.conditions[?(@.type==\"Ready\")].status}", "node", NodeName) == "True";

    /// <summary>The node's connections end without the hub being told, and the next ones go to this replica.</summary>
    public async Task MoveAsync(ProgramsCloud to)
    {
        var before = await HolderAsync();
        Link.Target = to.HubPort;
        Link.Strand();
        await HoldsAsync("another replica has the node", async () => await HolderAsync() is { Length: > 0 } now && now != before);
    }

    public Task<string> ReportedAsync(string device, string property) => PathOrEmptyAsync(
        $"{{.status.twins[?(@.propertyName==\"{property}\")].reported.value}}", "device", device);

    /// <summary>Until the condition holds; a timeout brings the programs' last lines along.</summary>
    public async Task<TimeSpan> HoldsAsync(string what, Func<Task<bool>> condition)
    {
        var clock = System.Diagnostics.Stopwatch.StartNew();
        try
        {
            await Eventually.HoldsAsync(what, condition, s_limit);
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message}\n{First.LogTail()}\n{Second.LogTail()}\n{Edge.LogTail()}", e);
        }

        _output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what}: after {clock.Elapsed.TotalSeconds:0.0} s"));
        return clock.Elapsed;
    }

    /// <summary>That no replica has asked for anything that its service account may not do.</summary>
    public async Task NothingWasForbiddenAsync()
    {
        foreach (var cloud in (ProgramsCloud[])[First, Second])
        {
            Assert.DoesNotContain("forbidden", await File.ReadAllTextAsync(cloud.LogFile), StringComparison.OrdinalIgnoreCase);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _output.WriteLine(First.LogTail());
        _output.WriteLine(Second.LogTail());
        _output.WriteLine(Edge.LogTail());
        await Edge.DisposeAsync();
        await First.DisposeAsync();
        await Second.DisposeAsync();
        await Link.DisposeAsync();
        await _broker.DisposeAsync();
        await _runtime.DisposeAsync();
        await _cluster.StopAsync();
        _cluster.Dispose();
    }

    private async Task<string> PathOrEmptyAsync(string path, params string[] get)
    {
        var answer = await Kubectl.TryAsync(["get", .. get, "-o", $"jsonpath={path}"]);
        return answer.Succeeded ? answer.Output : "";
    }

    private async Task ServeStreamsAsync(ProgramsCloud cloud)
    {
        var file = Path.Combine(cloud.DataFolder, "cloudcore.yaml");
        var text = await File.ReadAllTextAsync(file);
        var changed = text
            .Replace("streamPort: 0", string.Create(CultureInfo.InvariantCulture, $"streamPort: {StreamPortOf(cloud)}"), StringComparison.Ordinal)
            .Replace("tlsStreamCAFile: \"\"", $"tlsStreamCAFile: {Path.Combine(Path.GetDirectoryName(_cluster.Kubeconfig)!, "pki", "ca.crt")}", StringComparison.Ordinal);
        Assert.Contains("tlsStreamCAFile: /", changed, StringComparison.Ordinal);
        await File.WriteAllTextAsync(file, changed);
    }
}
