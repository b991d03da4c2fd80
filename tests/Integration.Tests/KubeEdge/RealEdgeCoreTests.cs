using EdgeSync.Integration.Tests.World;
using EdgeSync.TestKit;
using Xunit.Abstractions;

namespace EdgeSync.Integration.Tests.KubeEdge;

/// <summary>KubeEdge's own edgecore on our cloudcore: what a fleet that moves over one node at a time relies on.</summary>
public sealed class RealEdgeCoreTests(ITestOutputHelper output)
{
    private const string NodeName = "edge-1"; // the node of TestDevice

    // after a broken link edgecore waits 30 s before it dials again
    private static readonly TimeSpan s_reconnect = TimeSpan.FromSeconds(75);

    [KubeEdgeFact]
    public async Task Pods_config_maps_and_status_travel_and_what_happened_while_it_was_away_is_made_good()
    {
        await using var runtime = await ContainerdRig.StartAsync();
        await using var broker = await MosquittoBroker.StartedAsync();
        await using var cloud = await ProgramsCloud.StartNewAsync();
        await using var agent = new KubeEdgeAgent(NodeName, runtime, broker);
        var pods = new EdgePods(runtime);
        var kept = new TestDaemonSet("kept");
        var dropped = new TestDaemonSet("dropped");
        await agent.ConfigureAsync(cloud);
        agent.Start();
        await HoldsAsync(cloud, agent, "the node is Ready", () => IsReadyAsync(cloud));

        await cloud.Kubectl.ApplyAsync(kept.ToYaml());
        await cloud.Kubectl.ApplyAsync(dropped.ToYaml());
        await HoldsAsync(cloud, agent, "both pods run", async () => await PhaseAsync(cloud, "kept") == "Running" && await PhaseAsync(cloud, "dropped") == "Running");
        Assert.Equal("info", await pods.ReadFileAsync("kept", "/etc/settings/level"));

        await cloud.Kubectl.ApplyAsync((kept with { Level = "debug" }).ConfigMapYaml());
        await HoldsAsync(cloud, agent, "the changed ConfigMap is in the container", async () =>
            await pods.ReadFileAsync("kept", "/etc/settings/level") == "debug", TimeSpan.FromSeconds(120));

        // the hub dies; the agent comes back by itself and its container was never touched
        var container = await pods.OneAsync("kept");
        await cloud.KillAsync();
        await cloud.StartAsync();
        await HoldsAsync(cloud, agent, "the agent is back", () => IsConnectedAsync(cloud), s_reconnect);
        Assert.Equal(container, await pods.OneAsync("kept"));

        // the agent dies; meanwhile a pod is deleted for good, and a ConfigMap changed
        await agent.KillAsync();
        await cloud.Kubectl.RunAsync("delete", "daemonset", "dropped");
        await cloud.Kubectl.RunAsync("delete", "pod", "-l", "app=dropped", "--grace-period=0", "--force");
        await cloud.Kubectl.ApplyAsync((kept with { Level = "trace" }).ConfigMapYaml());
        agent.Start();
        await HoldsAsync(cloud, agent, "the deleted pod ends", async () => (await pods.RunningAsync("dropped")).Count == 0, s_reconnect);

        // its kubelet begins by emptying the volumes of containers that run; the container's next start fills them again
        await HoldsAsync(cloud, agent, "the node is Ready again", () => IsReadyAsync(cloud), s_reconnect);
        await pods.KillAsync("kept");
        await HoldsAsync(cloud, agent, "the change has arrived", async () =>
            await pods.ReadFileAsync("kept", "/etc/settings/level") == "trace", TimeSpan.FromSeconds(120));

        // and with its database lost
        await agent.KillAsync();
        File.Delete(agent.DatabaseFile);
        agent.Start();
        await HoldsAsync(cloud, agent, "the node is Ready again", () => IsReadyAsync(cloud), s_reconnect);
        await cloud.Kubectl.RunAsync("delete", "daemonset", "kept");
        await HoldsAsync(cloud, agent, "the pod ends in peace", async () =>
            (await pods.RunningAsync("kept")).Count == 0 && !await cloud.Kubectl.HasAsync("pod", "-l", "app=kept"), s_reconnect);
        await HoldsAsync(cloud, agent, "its records are gone", async () => !await cloud.Kubectl.HasAsync("objectsyncs"));
    }

    [KubeEdgeFact]
    public async Task Device_twins_flow_both_ways_over_mqtt()
    {
        await using var runtime = await ContainerdRig.StartAsync();
        await using var broker = await MosquittoBroker.StartedAsync();
        await using var cloud = await ProgramsCloud.StartNewAsync();
        await using var agent = new KubeEdgeAgent(NodeName, runtime, broker);
        var mqtt = new ProgramsMqtt(broker);
        await agent.ConfigureAsync(cloud);
        agent.Start();
        await HoldsAsync(cloud, agent, "the node is Ready", () => IsReadyAsync(cloud));
        var topic = ProgramsMqtt.TwinTopic("default", "meter");
        using var subscriber = await broker.SubscribeAsync(topic + "/update/delta", $"$hw/events/node/{NodeName}/membership/updated");

        await cloud.Kubectl.ApplyAsync(TestDevice.ModelYaml);
        await cloud.Kubectl.ApplyAsync(new TestDevice("meter").ToYaml());
        await subscriber.WaitAsync($"$hw/events/node/{NodeName}/membership/updated");
        await mqtt.ReportAsync("default", "meter", ("p0", "1"));
        await HoldsAsync(cloud, agent, "the report is in the API", async () =>
            await TwinAsync(cloud, "reported") == "1");

        await cloud.Kubectl.ApplyAsync(new TestDevice("meter") { Desired = "2" }.ToYaml());
        var delta = await subscriber.WaitAsync(topic + "/update/delta");
        Assert.Contains("\"p0\":\"2\"", delta[0], StringComparison.Ordinal);
        await HoldsAsync(cloud, agent, "the API knows that the wish arrived", async () =>
            await TwinAsync(cloud, "observedDesired") == "2");
        Assert.Equal("1", await TwinAsync(cloud, "reported"));
    }

    private static Task<string> TwinAsync(ProgramsCloud cloud, string side) =>
        cloud.Kubectl.PathAsync($"{{.status.twins[0].{side}.value}}", "device", "meter");

    private static async Task<bool> IsReadyAsync(ProgramsCloud cloud) =>
        await cloud.Kubectl.PathAsync("{.status.conditions[?(@.type==\"Ready\")].status}", "node", NodeName, "--ignore-not-found") == "True";

    private static async Task<bool> IsConnectedAsync(ProgramsCloud cloud) =>
        (await cloud.Kubectl.RunAsync("get", "--raw", "/metrics")).Contains("edgesync_hub_sessions 1", StringComparison.Ordinal);

    private static Task<string> PhaseAsync(ProgramsCloud cloud, string daemonSet) =>
        cloud.Kubectl.PathAsync("{.items[*].status.phase}", "pods", "-l", "app=" + daemonSet);

    private async Task HoldsAsync(ProgramsCloud cloud, KubeEdgeAgent agent, string what, Func<Task<bool>> condition, TimeSpan? limit = null)
    {
        var clock = System.Diagnostics.Stopwatch.StartNew();
        try
        {
            await Eventually.HoldsAsync(what, condition, limit ?? TimeSpan.FromSeconds(60));
            output.WriteLine($"{clock.Elapsed.TotalSeconds:0.0} s: {what}");
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message}\n{cloud.LogTail()}\n{agent.LogTail()}", e);
        }
    }
}
