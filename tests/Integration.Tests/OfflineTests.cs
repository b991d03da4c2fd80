using System.Text.Json.Nodes;
using EdgeSync.Integration.Tests.World;
using Xunit.Abstractions;

namespace EdgeSync.Integration.Tests;

/// <summary>The box alone: no cloud, and everything that can fall over falls over.</summary>
public sealed class OfflineTests(ITestOutputHelper output)
{
    // the design's target is 2 s; a machine that runs other things at the same time gets more
    private static readonly TimeSpan s_backLimit = TimeSpan.FromSeconds(30);

    [EndToEndFact]
    public async Task With_cloud_agent_and_container_killed_the_agent_alone_brings_the_container_back()
    {
        await using var world = await EdgeWorld.StartAsync(output);
        var before = await PrepareAsync(world);

        await world.Cloud.KillAsync();
        await world.Edge.KillAsync();
        await world.Pods.KillAsync("app");
        await world.EventuallyAsync("the container is dead", async () => (await world.Pods.RunningAsync("app")).Count == 0);

        world.Edge.Start();
        await IsBackAsync(world, before, "agent start to container running");
    }

    [EndToEndFact]
    public async Task After_a_reboot_with_no_cloud_the_pods_run_again()
    {
        await using var world = await EdgeWorld.StartAsync(output);
        var before = await PrepareAsync(world);

        await world.Cloud.KillAsync();
        await world.Edge.KillAsync();
        await world.Runtime.RebootAsync(world.Edge.DataFolder);
        Assert.Empty(await world.Pods.RunningAsync("app"));

        world.Edge.Start();
        await IsBackAsync(world, before, "reboot: agent start to container running");
    }

    [EndToEndFact]
    public async Task An_agent_that_was_stopped_leaves_its_pods_alone_and_takes_them_over_again()
    {
        await using var world = await EdgeWorld.StartAsync(output);
        var container = await PrepareAsync(world);

        await world.Edge.StopAsync();
        Assert.Equal(container, await world.Pods.OneAsync("app"));
        await world.Cloud.KillAsync();
        world.Edge.Start();

        await world.EventuallyAsync("the agent answers", async () => await world.Edge.TwinAsync("default", "meter") is not null);
        await world.Pods.KillAsync("app");
        await world.EventuallyAsync(
            "a container killed under the new agent comes back",
            async () => (await world.Pods.RunningAsync("app")).Any(id => id != container));
    }

    private static async Task<string> PrepareAsync(EdgeWorld world)
    {
        await world.RunDaemonSetAsync(new TestDaemonSet("app") { Level = "debug" });
        await world.Kubectl.ApplyAsync(TestDevice.ModelYaml);
        await world.Kubectl.ApplyAsync(new TestDevice("meter").ToYaml());
        await world.EventuallyAsync("the agent knows the device", async () => await world.Edge.TwinAsync("default", "meter") is not null);
        await world.Mqtt.ReportAsync("default", "meter", ("p0", "42"));
        await world.EventuallyAsync("the API has the value", async () => await world.ReportedAsync("meter", "p0") == "42");
        return await world.Pods.OneAsync("app");
    }

    private static async Task IsBackAsync(EdgeWorld world, string before, string figure)
    {
        var took = await world.EventuallyAsync(
            "the container is back", async () => (await world.Pods.RunningAsync("app")).Any(id => id != before), s_backLimit);
        world.Note($"{figure}: {took.TotalSeconds:0.00} s (target 2)");

        var twin = JsonNode.Parse("{}")!;
        await world.EventuallyAsync("the twin answers", async () => (twin = await world.Edge.TwinAsync("default", "meter")) is not null);
        Assert.Contains("\"42\"", twin.ToJsonString(), StringComparison.Ordinal);
        Assert.Equal("debug", await world.Pods.ReadFileAsync("app", "/etc/settings/level"));
        Assert.Single(await world.Pods.RunningAsync("app"));
    }
}
