using System.Diagnostics;
using System.Globalization;
using EdgeSync.TestKit;

namespace EdgeSync.Benchmarks;

/// <summary>
/// One run: a new cloud and a new edge box with the real containerd and mosquitto; pods one by one and ten at once, twin updates,
/// memory, and the box alone.
/// </summary>
internal sealed class MainJob(Figures figures, TextWriter output)
{
    public const string NodeName = "edge-1";

    private const int Samples = 30;
    private const int Many = 10;

    // after the last change: what a collection or a trim gives back is given back
    private static readonly TimeSpan s_hubAway = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_settle = TimeSpan.FromSeconds(10);

    public async Task RunAsync()
    {
        await using var runtime = await ContainerdRig.StartAsync();
        await using var broker = await MosquittoBroker.StartedAsync();
        await using var cloud = await ProgramsCloud.StartNewAsync();
        await using var edge = new ProgramsEdge(new ProgramsEdgeSetup(NodeName, runtime.Endpoint, broker.Port));
        await using var api = await ApiWatch.StartAsync(cloud);
        try
        {
            await JoinAsync(cloud, edge, api);
            await FootprintAsync(cloud, edge, Figures.EdgeResident0, Figures.EdgeAnonymous0, Figures.CloudResident0, Figures.CloudAnonymous0);
            await OneByOneAsync(edge, api);
            await TwinUpdatesAsync(cloud, edge, broker, api);
            await ManyAtOnceAsync(api);
            await FootprintAsync(cloud, edge, Figures.EdgeResident10, Figures.EdgeAnonymous10, Figures.CloudResident10, Figures.CloudAnonymous10);
            await OfflineAsync(runtime, cloud, edge, api);
            await HubBackAsync(cloud, edge);
        }
        catch (Exception e) when (e is TimeoutException or CommandFailedException)
        {
            await output.WriteLineAsync($"{cloud.LogTail()}\n{edge.LogTail()}");
            throw;
        }
    }

    private async Task JoinAsync(ProgramsCloud cloud, ProgramsEdge edge, ApiWatch api)
    {
        var token = await cloud.GetTokenAsync();
        var start = Stopwatch.GetTimestamp();
        (await edge.TryJoinAsync(cloud.HubAddress, token)).Expect();
        figures.Add(Figures.Join, Seconds(start, Stopwatch.GetTimestamp()));

        start = Stopwatch.GetTimestamp();
        edge.Start();
        figures.Add(Figures.Ready, Seconds(start, await api.SeenAsync(ApiWatch.NodeReady(NodeName))));
    }

    private async Task OneByOneAsync(ProgramsEdge edge, ApiWatch api)
    {
        await output.WriteLineAsync($"  {Samples} pods, one after the other");
        using var store = new EdgeStore(edge.DatabaseFile);
        List<double> stored = [], running = [], gone = [];
        for (var i = 0; i < Samples; i++)
        {
            var pod = Name("one", i);
            var start = Stopwatch.GetTimestamp();
            await api.CreatePodAsync(pod);
            stored.Add(Seconds(start, await store.StoredAsync($"default/pod/{pod}")) * 1000);
            running.Add(Seconds(start, await api.SeenAsync(ApiWatch.PodReady(pod))));
            start = Stopwatch.GetTimestamp();
            await api.DeletePodAsync(pod);
            gone.Add(Seconds(start, await api.SeenAsync(ApiWatch.PodGone(pod))));
        }

        var (p50, p90, max) = Figures.Percentiles(stored);
        figures.Add(Figures.StoredP50, p50);
        figures.Add(Figures.StoredP90, p90);
        figures.Add(Figures.StoredMax, max);
        (p50, p90, _) = Figures.Percentiles(running);
        figures.Add(Figures.RunningP50, p50);
        figures.Add(Figures.RunningP90, p90);
        (p50, _, max) = Figures.Percentiles(gone);
        figures.Add(Figures.GoneP50, p50);
        figures.Add(Figures.GoneMax, max);
    }

    private async Task TwinUpdatesAsync(ProgramsCloud cloud, ProgramsEdge edge, MosquittoBroker broker, ApiWatch api)
    {
        await output.WriteLineAsync($"  {Samples} twin updates, one after the other");
        await cloud.Kubectl.ApplyAsync($$"""
            apiVersion: devices.kubeedge.io/v1beta1
            kind: DeviceModel
            metadata: {name: meter, namespace: default}
            spec: {protocol: simulated, properties: [{name: value, type: STRING, accessMode: ReadWrite}]}
            ---
            apiVersion: devices.kubeedge.io/v1beta1
            kind: Device
            metadata: {name: meter, namespace: default}
            spec: {deviceModelRef: {name: meter}, nodeName: {{NodeName}}, protocol: {protocolName: simulated}, properties: [{name: value, reportToCloud: true}]}
            """);
        await Eventually.HoldsAsync("the agent knows the device", async () => await edge.TwinAsync("default", "meter") is not null);
        await using var mapper = Mapper.Start(broker.Port, ProgramsMqtt.TwinTopic("default", "meter") + "/update");
        List<double> taken = [];
        for (var i = 0; i < Samples + 1; i++)
        {
            var value = i.ToString(CultureInfo.InvariantCulture);
            var start = Stopwatch.GetTimestamp();
            await mapper.PublishAsync(ProgramsMqtt.Report(("value", value)));
            var seen = await api.SeenAsync(ApiWatch.Reported("meter", "value", value));
            if (i > 0)
            {
                // the first one waits for the mapper's connection
                taken.Add(Seconds(start, seen) * 1000);
            }
        }

        var (p50, p90, _) = Figures.Percentiles(taken);
        figures.Add(Figures.TwinP50, p50);
        figures.Add(Figures.TwinP90, p90);
    }

    private async Task ManyAtOnceAsync(ApiWatch api)
    {
        await output.WriteLineAsync($"  {Many} pods at once");
        var pods = Enumerable.Range(0, Many).Select(i => Name("many", i)).ToArray();
        var start = Stopwatch.GetTimestamp();
        await Task.WhenAll(pods.Select(api.CreatePodAsync));
        var ready = await Task.WhenAll(pods.Select(pod => api.SeenAsync(ApiWatch.PodReady(pod))));
        figures.Add(Figures.TenReady, Seconds(start, ready.Max()));
    }

    private async Task OfflineAsync(ContainerdRig runtime, ProgramsCloud cloud, ProgramsEdge edge, ApiWatch api)
    {
        await output.WriteLineAsync("  the box alone");
        // a pod of its own: a container that ends twice is restarted later, as Kubernetes has it
        await api.CreatePodAsync("alone");
        await api.SeenAsync(ApiWatch.PodReady("alone"));
        await cloud.KillAsync();
        figures.Add(Figures.OfflineOne, await BackAsync(runtime, edge, ["alone"]));
        figures.Add(Figures.OfflineTen, await BackAsync(runtime, edge, [.. Enumerable.Range(0, Many).Select(i => Name("many", i))]));
    }

    private async Task HubBackAsync(ProgramsCloud cloud, ProgramsEdge edge)
    {
        await output.WriteLineAsync("  the hub away and back");
        await SessionAfterStartAsync(cloud, edge);
        await cloud.KillAsync();
        figures.Add(Figures.HubBack, await SessionAfterStartAsync(cloud, edge));
        await cloud.KillAsync();
        await Task.Delay(s_hubAway);
        figures.Add(Figures.HubBackLater, await SessionAfterStartAsync(cloud, edge));
    }

    /// <summary>From the moment that the hub serves to the agent's session, seconds.</summary>
    private static async Task<double> SessionAfterStartAsync(ProgramsCloud cloud, ProgramsEdge edge)
    {
        await cloud.StartAsync();
        var start = Stopwatch.GetTimestamp();
        await Eventually.HoldsAsync(
            "the agent is back", async () => (await edge.MetricsAsync()).Contains("\nedgesync_edge_connected 1\n", StringComparison.Ordinal));
        return Seconds(start, Stopwatch.GetTimestamp());
    }

    private static async Task<double> BackAsync(ContainerdRig runtime, ProgramsEdge edge, string[] pods)
    {
        await edge.KillAsync();
        var before = await RunningAsync(runtime, pods);
        await Task.WhenAll(before.Select(runtime.KillContainerAsync));
        await Eventually.HoldsAsync("the containers are dead", async () => (await RunningAsync(runtime, pods)).Count == 0);
        var start = Stopwatch.GetTimestamp();
        edge.Start();
        await Eventually.HoldsAsync("all are back", async () => (await RunningAsync(runtime, pods)).Count == pods.Length);
        return Seconds(start, Stopwatch.GetTimestamp());
    }

    private static async Task<HashSet<string>> RunningAsync(ContainerdRig runtime, string[] containers)
    {
        var known = new HashSet<string>();
        foreach (var container in containers)
        {
            var ids = await runtime.CtrAsync("-n", "k8s.io", "containers", "ls", "-q", $"labels.\"io.kubernetes.container.name\"=={container}");
            known.UnionWith(ids.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        }

        var running = (await runtime.CtrAsync("-n", "k8s.io", "tasks", "ls")).Split('\n')
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Where(fields => fields is [_, _, "RUNNING"])
            .Select(fields => fields[0]);
        known.IntersectWith(running);
        return known;
    }

    private async Task FootprintAsync(
        ProgramsCloud cloud, ProgramsEdge edge, FigureLine edgeResident, FigureLine edgeAnonymous, FigureLine cloudResident, FigureLine cloudAnonymous)
    {
        await Task.Delay(s_settle);
        var (resident, anonymous) = Footprint.Of(edge.Pid);
        figures.Add(edgeResident, resident);
        figures.Add(edgeAnonymous, anonymous);
        (resident, anonymous) = Footprint.Of(cloud.Pid);
        figures.Add(cloudResident, resident);
        figures.Add(cloudAnonymous, anonymous);
    }

    private static string Name(string kind, int i) => string.Create(CultureInfo.InvariantCulture, $"{kind}-{i}");

    private static double Seconds(long start, long end) => Stopwatch.GetElapsedTime(start, end).TotalSeconds;
}
