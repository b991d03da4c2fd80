using EdgeSync.TestKit;
using Xunit.Abstractions;

namespace EdgeSync.Integration.Tests.World;

/// <summary>Where a world's two sides run and keep their data; the defaults are this machine and folders of their own.</summary>
internal sealed record EdgeWorldPlaces
{
    public ProgramsPlace Cloud { get; init; } = ProgramsPlace.Here;

    /// <summary>The box, broker included; the container runtime is the machine's.</summary>
    public ProgramsPlace Edge { get; init; } = ProgramsPlace.Here;

    public IReadOnlyList<string> CloudAddresses { get; init; } = ["127.0.0.1"];

    public string? CloudFolder { get; init; }

    public string? EdgeFolder { get; init; }

    /// <summary>The kubeconfig of a cluster that the hub works on; null for its embedded API.</summary>
    public string? Cluster { get; init; }

    /// <summary>The kubeconfig that the hub itself has on that cluster; null for the same.</summary>
    public string? HubOnCluster { get; init; }
}

/// <summary>
/// A cloud, one edge box with its own containerd and broker, and the real programs on both: everything that a user
/// has, in temporary folders. Its programs' last words are part of the test's output.
/// </summary>
internal sealed class EdgeWorld : IAsyncDisposable
{
    public const string NodeName = "edge-1";

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(45);

    private readonly ITestOutputHelper _output;

    private EdgeWorld(
        ITestOutputHelper output, ContainerdRig runtime, MosquittoBroker broker, ProgramsCloud cloud, string? edgeFolder)
    {
        _output = output;
        Runtime = runtime;
        Broker = broker;
        Cloud = cloud;
        Mqtt = new ProgramsMqtt(broker);
        Edge = new ProgramsEdge(
            new ProgramsEdgeSetup(NodeName, runtime.Endpoint, broker.Port) { Place = broker.Place, DataFolder = edgeFolder });
        Pods = new EdgePods(runtime);
    }

    public ContainerdRig Runtime { get; }

    public MosquittoBroker Broker { get; }

    public ProgramsCloud Cloud { get; }

    public ProgramsEdge Edge { get; }

    public ProgramsMqtt Mqtt { get; }

    public EdgePods Pods { get; }

    public ProgramsKubectl Kubectl => Cloud.Kubectl;

    /// <summary>All parts started, the node joined and Ready.</summary>
    public static async Task<EdgeWorld> StartAsync(ITestOutputHelper output)
    {
        var world = await StartCloudAsync(output);
        try
        {
            await world.Edge.JoinAsync(world.Cloud);
            world.Edge.Start();
            await world.NodeIsReadyAsync();
            return world;
        }
        catch
        {
            await world.DisposeAsync();
            throw;
        }
    }

    /// <summary>All but the agent, which has not joined.</summary>
    public static Task<EdgeWorld> StartCloudAsync(ITestOutputHelper output) => StartCloudAsync(output, new EdgeWorldPlaces());

    /// <summary>All but the agent, each side where <paramref name="places"/> says.</summary>
    public static async Task<EdgeWorld> StartCloudAsync(ITestOutputHelper output, EdgeWorldPlaces places)
    {
        var runtime = await ContainerdRig.StartAsync();
        var broker = await MosquittoBroker.StartedAsync(places.Edge);
        var cloud = places.Cluster is { } cluster
            ? await ProgramsCloud.StartNewOnClusterAsync(cluster, places.HubOnCluster)
            : await ProgramsCloud.StartNewAsync(places.Cloud, places.CloudFolder, [.. places.CloudAddresses]);
        return new EdgeWorld(output, runtime, broker, cloud, places.EdgeFolder);
    }

    /// <summary>The node is Ready, and its agent hears what is published: a new box listens only when it knows its devices.</summary>
    public async Task NodeIsReadyAsync()
    {
        await EventuallyAsync(
            "the node is Ready",
            async () => await Kubectl.PathAsync("{.status.conditions[?(@.type==\"Ready\")].status}", "node", NodeName) == "True");
        await EventuallyAsync(
            "the agent is at its broker",
            async () => (await File.ReadAllTextAsync(Edge.LogFile)).Contains("Connected to the MQTT broker", StringComparison.Ordinal));
    }

    /// <summary>Until the condition holds; a timeout brings the programs' last lines along.</summary>
    public async Task<TimeSpan> EventuallyAsync(string what, Func<Task<bool>> condition, TimeSpan? limit = null)
    {
        var clock = System.Diagnostics.Stopwatch.StartNew();
        try
        {
            await Eventually.HoldsAsync(what, condition, limit ?? s_limit);
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message}\n{Cloud.LogTail()}\n{Edge.LogTail()}", e);
        }

        return clock.Elapsed;
    }

    public async Task<string> ApplySampleAsync(string name)
    {
        var text = await File.ReadAllTextAsync(ProgramsLocation.Sample(name));
        return await Kubectl.ApplyAsync(text.Replace("nodeName: edge-1", "nodeName: " + NodeName, StringComparison.Ordinal));
    }

    /// <summary>The image that the samples run.</summary>
    public async Task ImportDemoImageAsync()
    {
        using var folder = new TempFolder();
        var archive = folder.File("demo.tar");
        (await ProgramsCommand.RunAsync(Path.Combine(ProgramsLocation.Root, "scripts", "make-demo-image.sh"), [archive])).Expect();
        await Runtime.CtrAsync("-n", "k8s.io", "images", "import", archive);
    }

    /// <summary>Applies it and waits until its pod runs on the node and the API says so.</summary>
    public async Task RunDaemonSetAsync(TestDaemonSet daemonSet)
    {
        await Kubectl.ApplyAsync(daemonSet.ToYaml());
        await PodIsRunningAsync(daemonSet.Name);
    }

    public Task PodIsRunningAsync(string daemonSet) => EventuallyAsync(
        $"the API says that the pod of {daemonSet} runs",
        async () => await Kubectl.PathAsync("{.items[*].status.phase}", "pods", "-l", "app=" + daemonSet) == "Running");

    /// <summary>What the API has as a property's reported value; empty for none.</summary>
    public Task<string> ReportedAsync(string device, string property) => Kubectl.PathAsync(
        $"{{.status.twins[?(@.propertyName==\"{property}\")].reported.value}}", "device", device);

    /// <summary>A figure for whoever reads the test's output.</summary>
    public void Note(string figure) => _output.WriteLine(figure);

    public async ValueTask DisposeAsync()
    {
        _output.WriteLine(Cloud.LogTail());
        _output.WriteLine(Edge.LogTail());
        await Edge.DisposeAsync();
        await Cloud.DisposeAsync();
        await Broker.DisposeAsync();
        await Runtime.DisposeAsync();
    }
}
