using System.Text.Json.Nodes;
using EdgeSync.Integration.Tests.World;
using EdgeSync.TestKit;
using Xunit.Abstractions;

namespace EdgeSync.Integration.Tests;

/// <summary>What the quickstart shows, as a test: apply in the cloud, run at the edge, see the device everywhere.</summary>
public sealed class MainJobTests(ITestOutputHelper output)
{
    [EndToEndFact]
    public async Task A_daemonset_applied_with_kubectl_runs_at_the_edge_with_its_config_map_and_ends_when_deleted()
    {
        await using var world = await EdgeWorld.StartAsync(output);
        await world.ImportDemoImageAsync();

        await world.ApplySampleAsync("fluentd-daemonset.yaml");
        var running = await world.EventuallyAsync(
            "the API says that the collector's pod runs",
            async () => await world.Kubectl.PathAsync(
                "{.items[*].status.phase}", "pods", "-n", "kube-system", "-l", "app.kubernetes.io/name=fluentd") == "Running");

        world.Note($"applied to Running: {running.TotalSeconds:0.00} s");
        Assert.Contains("@type tail", await world.Pods.ReadFileAsync("fluentd", "/fluentd/etc/fluent.conf"), StringComparison.Ordinal);
        Assert.Equal(EdgeWorld.NodeName, await world.Pods.EnvironmentAsync("fluentd", "NODE_NAME"));
        await world.EventuallyAsync(
            "the DaemonSet counts its pod",
            async () => await world.Kubectl.PathAsync("{.status.numberReady}", "daemonset", "fluentd", "-n", "kube-system") == "1");

        await world.Kubectl.RunAsync("delete", "daemonset", "fluentd", "-n", "kube-system", "--wait=false");
        await world.EventuallyAsync("the container is gone", async () => (await world.Pods.RunningAsync("fluentd")).Count == 0);
        await world.EventuallyAsync(
            "the pod is gone from the API",
            async () => !await world.Kubectl.HasAsync("pods", "-n", "kube-system", "-l", "app.kubernetes.io/name=fluentd"));
    }

    [EndToEndFact]
    public async Task A_daemonset_with_a_node_selector_follows_the_nodes_label()
    {
        await using var world = await EdgeWorld.StartAsync(output);
        await world.ImportDemoImageAsync();
        await world.ApplySampleAsync("node-selector-daemonset.yaml");

        Assert.Empty(await world.Pods.RunningAsync("agent"));
        await world.Kubectl.RunAsync("label", "node", EdgeWorld.NodeName, "camera=yes");
        await world.EventuallyAsync("the labelled node runs it", async () => (await world.Pods.RunningAsync("agent")).Count == 1);

        await world.Kubectl.RunAsync("label", "node", EdgeWorld.NodeName, "camera-");
        await world.EventuallyAsync("without the label it ends", async () => (await world.Pods.RunningAsync("agent")).Count == 0);
    }

    [EndToEndFact]
    public async Task A_reading_is_seen_through_kubectl_http_and_mqtt_and_a_wish_reaches_the_mapper()
    {
        await using var world = await EdgeWorld.StartAsync(output);
        await world.ApplySampleAsync("thermometer-model.yaml");
        await world.ApplySampleAsync("thermometer-device.yaml");
        await world.EventuallyAsync("the agent knows the device", async () => await world.Edge.TwinAsync("default", "living-room") is not null);

        await world.Mqtt.ReportAsync("default", "living-room", ("temperature", "21.5"));
        var seen = await world.EventuallyAsync("the API has the reading", async () => await world.ReportedAsync("living-room", "temperature") == "21.5");
        world.Note($"published to seen by kubectl: {seen.TotalSeconds:0.00} s");
        Assert.Contains("21.5", (await world.Edge.TwinAsync("default", "living-room")).ToJsonString(), StringComparison.Ordinal);
        var topic = ProgramsMqtt.TwinTopic("default", "living-room");
        var twin = await world.Mqtt.AskAsync(topic + "/get", topic + "/get/result", """{"event_id":"ask","timestamp":0}""");
        Assert.Equal("21.5", (string?)twin["twin"]!["temperature"]!["actual"]!["value"]);

        using var deltas = await world.Broker.SubscribeAsync(topic + "/update/delta");
        await world.Kubectl.RunAsync(
            "patch", "device", "living-room", "--type", "json",
            "-p", """[{"op":"replace","path":"/spec/properties/1/desired/value","value":"23.5"}]""");

        var delta = JsonNode.Parse((await deltas.WaitAsync(topic + "/update/delta"))[0])!;
        Assert.Equal("23.5", (string?)delta["delta"]!["target-temperature"]);
    }

    [EndToEndFact]
    public async Task The_sample_mapper_follows_the_wish()
    {
        await using var world = await EdgeWorld.StartAsync(output);
        await world.ApplySampleAsync("thermometer-model.yaml");
        await world.ApplySampleAsync("thermometer-device.yaml");
        await world.EventuallyAsync("the agent knows the device", async () => await world.Edge.TwinAsync("default", "living-room") is not null);

        using var folder = new TempFolder();
        await using var mapper = ProgramsProcess.Start(
            ProgramsLocation.Sample("thermometer-mapper.sh"),
            ["-p", world.Broker.Port.ToString(System.Globalization.CultureInfo.InvariantCulture)],
            folder.File("mapper.log"));
        await world.EventuallyAsync("the mapper's target is the wish", async () => await world.ReportedAsync("living-room", "target-temperature") == "20");
        await mapper.TerminateAsync();
    }
}
