using System.Globalization;
using System.Text.Json.Nodes;
using EdgeSync.Integration.Tests.World;
using EdgeSync.TestKit;
using Xunit.Abstractions;

namespace EdgeSync.Integration.Tests.Cluster;

/// <summary>Two replicas of the hub on a real cluster: a node goes from one to the other, one of them dies, and nothing is lost, doubled or brought back.</summary>
public sealed class ReplicaTests(ITestOutputHelper output)
{
    [ClusterFact]
    public async Task A_node_moves_between_replicas_and_the_leader_is_killed_and_nothing_is_lost_or_written_twice()
    {
        await using var world = await ReplicaWorld.StartAsync(output);
        var (first, second) = (world.First, world.Second);
        var leader = await world.LeaderAsync();
        await world.Kubectl.ApplyAsync(new TestDaemonSet("app").ToYaml());
        await world.HoldsAsync("the pod runs", async () => await PhasesAsync(world, "app") == "Running");
        var pod = await PodAsync(world, "app");
        foreach (var sample in (string[])["thermometer-model.yaml", "thermometer-device.yaml"])
        {
            await world.Kubectl.ApplyAsync(await File.ReadAllTextAsync(ProgramsLocation.Sample(sample)));
        }

        await world.HoldsAsync("the agent knows the device", async () => await world.Edge.TwinAsync("default", "living-room") is not null);

        // a copy of the device's status that is there is kept up to date, by the leader alone
        await world.Kubectl.ApplyAsync("""
            apiVersion: devices.kubeedge.io/v1beta1
            kind: DeviceStatus
            metadata: {name: living-room, namespace: default}
            spec: {}
            """);
        await world.HoldsAsync("the copy follows", async () =>
        {
            await ReportAsync(world, "1"); // a copy that is new is looked at with the device's next change
            return await CopyAsync(world) == "1";
        });
        await using var copies = await CopyWatch.StartAsync(world);
        var notReadySince = await TransitionAsync(world);

        // the first replica still holds a connection that it takes for the node's
        await world.MoveAsync(second);
        await world.HoldsAsync("the first replica has ended its session", async () =>
            (await File.ReadAllTextAsync(first.LogFile)).Contains("the node is connected to another replica", StringComparison.Ordinal));
        Assert.Equal(leader, await world.LeaderAsync());
        await ReportAsync(world, "2");
        await CopiedAsync(world, "2");
        await world.Kubectl.ApplyAsync((new TestDaemonSet("app") with { Level = "debug" }).ConfigMapYaml());
        await world.HoldsAsync("a change arrives by the second replica", async () => (await world.Pods.ReadFileAsync("app", "/etc/settings/level")).Trim() == "debug");
        Assert.Equal("Elsewhere", (string?)(await RowAsync(first))["state"]);
        Assert.Equal("Connected", (string?)(await RowAsync(second))["state"]);
        Assert.Contains("is connected to another replica of this hub", (await ProgramsCloud.CommandAsync("why", "cm/app", "--data-dir", first.DataFolder)).Text, StringComparison.Ordinal);

        // the leader dies with no word; the node is not its any more, and hears nothing of it
        await first.KillAsync();
        var took = await world.HoldsAsync("the second replica leads", async () => await world.LeaderAsync() is { Length: > 0 } now && now != leader);
        Assert.True(took < TimeSpan.FromSeconds(45), $"the lease lasts 15 s, and it took {took}");
        await ReportAsync(world, "3");
        await CopiedAsync(world, "3");

        // back again, to a replica that begins; meanwhile the DaemonSet goes, and another one comes
        await first.StartAsync();
        await world.Link.CutAsync();
        await world.Kubectl.RunAsync("delete", "daemonset", "app", "--cascade=orphan");
        await world.Kubectl.RunAsync("delete", "pod", pod.Name, "--force", "--grace-period=0");
        await world.Kubectl.ApplyAsync(new TestDaemonSet("later").ToYaml());
        world.Link.Target = first.HubPort;
        world.Link.Restore();
        await world.HoldsAsync("the later pod runs", async () => await PhasesAsync(world, "later") == "Running");
        await world.HoldsAsync("the pod that was deleted is gone from the box", async () => (await world.Pods.RunningAsync("app")).Count == 0);
        await ReportAsync(world, "4");
        await CopiedAsync(world, "4");
        var later = await PodAsync(world, "later");

        // and the node whose replica dies goes to the other
        await first.KillAsync();
        world.Link.Target = second.HubPort;
        await world.HoldsAsync("the second replica has the node", async () => (string?)(await RowAsync(second))["state"] == "Connected");
        await ReportAsync(world, "5");
        await CopiedAsync(world, "5");
        Assert.Empty(await world.Pods.RunningAsync("app"));
        Assert.Equal(later, await PodAsync(world, "later"));
        Assert.Equal(0, later.Restarts);

        Assert.Equal(notReadySince, await TransitionAsync(world)); // the cluster never took the node for lost
        Assert.False(await world.Kubectl.HasAsync("event", NodeEvent), "an outage was told of a node that was at another replica");
        await copies.EachOnceAsync("1", "2", "3", "4", "5");
        await second.StopAsync();
        Assert.Equal("", await world.LeaderAsync()); // given back
        await world.NothingWasForbiddenAsync();
    }

    [ClusterFact]
    public async Task Logs_and_exec_reach_a_node_wherever_its_session_is_and_a_replica_that_has_it_not_says_so()
    {
        await using var world = await ReplicaWorld.StartAsync(output);
        await world.Kubectl.ApplyAsync(new TestDaemonSet("app").ToYaml());
        await world.HoldsAsync("the pod runs", async () => await PhasesAsync(world, "app") == "Running");
        var pod = await PodAsync(world, "app");
        await ExecutesAsync(world.First);

        // the node's tunnel comes to the wrong replica three times before it comes to the right one
        await world.MoveAsync(world.Second);
        world.Link.LeadAstray(world.First.HubPort, 3);
        await ExecutesAsync(world.Second);
        Assert.Equal(0, world.Link.StraysLeft);

        // whoever asks the wrong one is told: the node's status names the first again, by hand
        await world.Kubectl.RunAsync(
            "patch", "node", ReplicaWorld.NodeName, "--subresource=status", "--type=merge", "-p",
            string.Create(CultureInfo.InvariantCulture, $$$"""{"status":{"daemonEndpoints":{"kubeletEndpoint":{"Port":{{{ReplicaWorld.StreamPortOf(world.First)}}} } } } }"""));
        var asked = await world.Kubectl.TryAsync("logs", pod.Name);
        Assert.Contains($"node {ReplicaWorld.NodeName} is not connected to this replica of the hub: {await world.HolderAsync()} had it last", asked.Text, StringComparison.Ordinal);
        await world.NothingWasForbiddenAsync();

        async Task ExecutesAsync(ProgramsCloud cloud)
        {
            await world.HoldsAsync("the node names its replica", async () =>
                await world.Kubectl.PathAsync("{.status.daemonEndpoints.kubeletEndpoint.Port}", "node", ReplicaWorld.NodeName)
                == ReplicaWorld.StreamPortOf(cloud).ToString(CultureInfo.InvariantCulture));
            Assert.Equal("first", (await world.Kubectl.RunAsync("exec", pod.Name, "--", "sh", "-c", "echo $MODE")).Trim());
        }
    }

    private const string NodeEvent = ReplicaWorld.NodeName + ".linkrestored";

    private static async Task ReportAsync(ReplicaWorld world, string value)
    {
        await world.Mqtt.ReportAsync("default", "living-room", ("temperature", value));
        await world.HoldsAsync($"the API has the reading {value}", async () => await world.ReportedAsync("living-room", "temperature") == value);
    }

    private static Task<TimeSpan> CopiedAsync(ReplicaWorld world, string value) => world.HoldsAsync(
        $"the copy has the reading {value}", async () => await CopyAsync(world) == value);

    private static Task<string> CopyAsync(ReplicaWorld world) =>
        world.Kubectl.PathAsync("{.status.twins[?(@.propertyName==\"temperature\")].reported.value}", "devicestatus", "living-room");

    private static Task<string> PhasesAsync(ReplicaWorld world, string app) => world.Kubectl.PathAsync("{.items[*].status.phase}", "pods", "-l", "app=" + app);

    private static async Task<(string Name, string Container, int Restarts)> PodAsync(ReplicaWorld world, string app)
    {
        var pod = (await world.Kubectl.JsonAsync("pods", "-l", "app=" + app))["items"]!.AsArray().Single()!;
        var container = pod["status"]!["containerStatuses"]![0]!;
        return ((string)pod["metadata"]!["name"]!, (string)container["containerID"]!, (int)container["restartCount"]!);
    }

    private static Task<string> TransitionAsync(ReplicaWorld world) =>
        world.Kubectl.PathAsync("{.status.conditions[?(@.type==\"Ready\")].lastTransitionTime}", "node", ReplicaWorld.NodeName);

    private static async Task<JsonNode> RowAsync(ProgramsCloud cloud)
    {
        var answer = await ProgramsCloud.CommandAsync("nodes", "-o", "json", "--data-dir", cloud.DataFolder);
        return JsonNode.Parse(answer.Expect())!["nodes"]!.AsArray().Single(n => (string?)n!["node"] == ReplicaWorld.NodeName)!;
    }

    /// <summary>Every version of the copy of the device's status, as kubectl is told of it.</summary>
    private sealed class CopyWatch : IAsyncDisposable
    {
        private readonly TempFolder _folder = new();
        private readonly ReplicaWorld _world;
        private readonly ProgramsProcess _kubectl;

        private CopyWatch(ReplicaWorld world, string kubeconfig)
        {
            _world = world;
            _kubectl = ProgramsProcess.Start(
                "kubectl",
                [
                    "--kubeconfig", kubeconfig, "get", "devicestatus", "living-room", "--watch", "-o",
                    "jsonpath={.status.twins[?(@.propertyName==\"temperature\")].reported.value}{\"\\n\"}",
                ],
                _folder.File("copies"));
        }

        public static async Task<CopyWatch> StartAsync(ReplicaWorld world)
        {
            var watch = new CopyWatch(world, world.Kubeconfig);
            await world.HoldsAsync("the copies are watched", async () => (await watch.SeenAsync()).Length > 0);
            return watch;
        }

        /// <summary>That these values were written, in this order, each once.</summary>
        public async Task EachOnceAsync(params string[] values)
        {
            await _world.HoldsAsync("the last copy was seen", async () => (await SeenAsync()).Contains(values[^1]));
            // the first one was reported more than once, so its copy may have been written once more after the watch began
            var seen = await SeenAsync();
            Assert.Equal(values, seen.SkipWhile((value, i) => value == values[0] && i + 1 < seen.Length && seen[i + 1] == value));
        }

        public async ValueTask DisposeAsync()
        {
            await _kubectl.DisposeAsync();
            _folder.Dispose();
        }

        private async Task<string[]> SeenAsync() =>
            File.Exists(_folder.File("copies")) ? (await File.ReadAllTextAsync(_folder.File("copies"))).Split('\n', StringSplitOptions.RemoveEmptyEntries) : [];
    }
}
