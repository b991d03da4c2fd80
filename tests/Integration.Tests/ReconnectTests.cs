using System.Globalization;
using System.Text.Json.Nodes;
using EdgeSync.Integration.Tests.World;
using EdgeSync.TestKit;
using Xunit.Abstractions;

namespace EdgeSync.Integration.Tests;

/// <summary>One side was away while the other changed: afterwards both agree, and nothing acknowledged is missing.</summary>
public sealed class ReconnectTests(ITestOutputHelper output)
{
    // the design's target is 3 s; a machine that runs other things at the same time gets more
    private static Task<string> TaintsAsync(EdgeWorld world) =>
        world.Kubectl.PathAsync("{range .spec.taints[*]}{.key}={.value}:{.effect}{end}", "node", EdgeWorld.NodeName);

    private static readonly TimeSpan s_agreeLimit = TimeSpan.FromSeconds(30);

    [EndToEndFact]
    public async Task What_changed_in_the_cloud_while_the_agent_was_down_holds_after_its_start()
    {
        await using var world = await EdgeWorld.StartCloudAsync(output);
        await world.Edge.JoinAsync(world.Cloud);
        await world.Edge.ConfigureAsync(("registerWithTaints: []", "registerWithTaints: [{key: shelf, value: top, effect: PreferNoSchedule}]"));
        world.Edge.Start();
        await world.NodeIsReadyAsync();
        Assert.Contains("shelf=top:PreferNoSchedule", await TaintsAsync(world), StringComparison.Ordinal);
        var app = new TestDaemonSet("app");
        await world.RunDaemonSetAsync(app);
        await world.RunDaemonSetAsync(new TestDaemonSet("leaving"));
        await world.Kubectl.ApplyAsync(TestDevice.ModelYaml);
        var meter = new TestDevice("meter") { Desired = "1" };
        await world.Kubectl.ApplyAsync(meter.ToYaml());
        await world.Kubectl.ApplyAsync(new TestDevice("going").ToYaml());
        await world.EventuallyAsync("the agent knows both", async () =>
            await world.Edge.TwinAsync("default", "meter") is not null && await world.Edge.TwinAsync("default", "going") is not null);

        await world.Edge.StopAsync();
        await world.Kubectl.ApplyAsync((app with { Mode = "second", Level = "warning", Image = ContainerdRig.OtherImage }).ToYaml());
        await world.Kubectl.RunAsync("delete", "daemonset", "leaving", "--wait=false");
        await world.Kubectl.RunAsync("taint", "node", EdgeWorld.NodeName, "shelf-");
        await world.Kubectl.ApplyAsync((meter with { Desired = "2" }).ToYaml());
        await world.Kubectl.RunAsync("delete", "device", "going", "--wait=false");
        await world.Kubectl.ApplyAsync(new TestDevice("coming").ToYaml());
        var deltaTopic = ProgramsMqtt.TwinTopic("default", "meter") + "/update/delta";
        using var deltas = await world.Broker.SubscribeAsync(deltaTopic);
        world.Edge.Start();

        var took = await world.EventuallyAsync(
            "the new spec runs, once, and the deleted one does not",
            async () => await world.Pods.EnvironmentAsync("app", "MODE") == "second" && (await world.Pods.RunningAsync("leaving")).Count == 0,
            s_agreeLimit);
        world.Note($"agent start to all changes applied: {took.TotalSeconds:0.00} s (target 3)");
        await world.EventuallyAsync("with the new ConfigMap", async () => await world.Pods.ReadFileAsync("app", "/etc/settings/level") == "warning");
        await world.EventuallyAsync("the wish is told", () => Task.FromResult(
            deltas.On(deltaTopic).Any(delta => (string?)JsonNode.Parse(delta)!["delta"]!["p0"] == "2")));
        await world.EventuallyAsync("the new device is known", async () => await world.Edge.TwinAsync("default", "coming") is not null);
        await world.EventuallyAsync("the deleted device is not", async () => await IsUnknownAsync(world, "going"));
        await world.PodIsRunningAsync("app");
        // node.kubernetes.io/unreachable and its like come and go with the agent
        Assert.DoesNotContain("shelf", await TaintsAsync(world), StringComparison.Ordinal);
    }

    [EndToEndFact]
    public async Task Updates_made_while_the_cloud_was_down_end_with_each_propertys_last_value_in_the_api()
    {
        const int Properties = 10;
        const int Updates = 500;
        await using var world = await EdgeWorld.StartAsync(output);
        await world.Kubectl.ApplyAsync(TestDevice.ModelYaml);
        await world.Kubectl.ApplyAsync(new TestDevice("meter") { Properties = Properties }.ToYaml());
        await world.EventuallyAsync("the agent knows the device", async () => await world.Edge.TwinAsync("default", "meter") is not null);

        await world.Cloud.KillAsync();
        var topic = ProgramsMqtt.TwinTopic("default", "meter") + "/update";
        using var results = await world.Broker.SubscribeAsync(topic + "/result");
        await world.Broker.PublishAsync(topic, Enumerable.Range(0, Updates).Select(i =>
            ProgramsMqtt.Report(($"p{i % Properties}", (i / Properties).ToString(CultureInfo.InvariantCulture)))));
        await world.EventuallyAsync("the agent has answered every update", () => Task.FromResult(results.On(topic + "/result").Count >= Updates));
        AssertInOrder(results.On(topic + "/result"), Properties);

        await world.Cloud.StartAsync();
        const string Last = "49";
        var took = await world.EventuallyAsync("the API has the last value of each", async () =>
        {
            var values = await world.Kubectl.PathAsync("{.status.twins[*].reported.value}", "device", "meter");
            return values == string.Join(' ', Enumerable.Repeat(Last, Properties));
        });
        world.Note($"cloud start to {Updates} updates in the API: {took.TotalSeconds:0.00} s");
    }

    [EndToEndFact]
    public async Task Updates_published_while_the_agent_was_down_are_taken_at_its_start()
    {
        await using var world = await EdgeWorld.StartAsync(output);
        await world.Kubectl.ApplyAsync(TestDevice.ModelYaml);
        await world.Kubectl.ApplyAsync(new TestDevice("meter").ToYaml());
        await world.EventuallyAsync("the agent knows the device", async () => await world.Edge.TwinAsync("default", "meter") is not null);

        await world.Edge.KillAsync();
        await world.Mqtt.ReportAsync("default", "meter", ("p0", "published-meanwhile"));
        world.Edge.Start();

        await world.EventuallyAsync("the API has the value", async () => await world.ReportedAsync("meter", "p0") == "published-meanwhile");
    }

    private static async Task<bool> IsUnknownAsync(EdgeWorld world, string device)
    {
        try
        {
            await world.Edge.TwinAsync("default", device);
            return false;
        }
        catch (HttpRequestException e)
        {
            return e.StatusCode == System.Net.HttpStatusCode.NotFound;
        }
    }

    private static void AssertInOrder(IReadOnlyList<string> results, int properties)
    {
        var last = Enumerable.Repeat(-1, properties).ToArray();
        foreach (var payload in results)
        {
            foreach (var (name, twin) in JsonNode.Parse(payload)!["twin"]!.AsObject())
            {
                var property = int.Parse(name.AsSpan(1), CultureInfo.InvariantCulture);
                var value = int.Parse((string)twin!["actual"]!["value"]!, CultureInfo.InvariantCulture);
                Assert.True(value > last[property], $"{name} went from {last[property]} to {value}");
                last[property] = value;
            }
        }
    }
}
