using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using EdgeSync.Integration.Tests.Faults;
using EdgeSync.Integration.Tests.Metrics;
using EdgeSync.Integration.Tests.World;
using EdgeSync.TestKit;
using Xunit.Abstractions;

namespace EdgeSync.Integration.Tests;

/// <summary>What the hub says of its nodes and objects is what happened.</summary>
public sealed partial class LedgerTests(ITestOutputHelper output)
{
    [EndToEndFact]
    public async Task A_cut_link_is_explained_while_it_lasts_and_reported_when_it_is_over()
    {
        await using var world = await EdgeWorld.StartCloudAsync(output);
        await ReportOutagesAfterAsync(world, "1s");
        await using var link = new CuttableLink(world.Cloud.HubPort);
        (await world.Edge.TryJoinAsync(link.Address, await world.Cloud.GetTokenAsync())).Expect();
        world.Edge.Start();
        await world.NodeIsReadyAsync();
        var app = new TestDaemonSet("app");
        await world.RunDaemonSetAsync(app);
        await world.EventuallyAsync("the ConfigMap is in sync", async () => (await WhyAsync(world, "cm/app")).Contains("all is as it should be", StringComparison.Ordinal));

        await link.CutAsync();
        await world.EventuallyAsync("the hub knows that the node is away", async () => (string?)(await NodeAsync(world))["state"] == "Away");
        foreach (var level in (string[])["second", "third", "last"])
        {
            await world.Kubectl.ApplyAsync((app with { Level = level }).ConfigMapYaml());
        }

        await world.EventuallyAsync("the hub counts what is pending", async () => (int?)(await NodeAsync(world))["pendingObjects"] == 1);
        Assert.Matches(@"why: node edge-1 last heard \S+ s ago; 1 object pending", await WhyAsync(world, "cm/app"));
        await world.Pods.KillAsync("app");

        // what waits is what the hub hears before the agent calls itself even
        await world.EventuallyAsync("the agent has the restart to tell", () => Task.FromResult(
            EdgeStore.Waiting(world.Edge.DatabaseFile, "podstatus/default/app-").Any(status => status.Contains("\\\"restartCount\\\":1", StringComparison.Ordinal))));

        link.Restore();
        await world.EventuallyAsync("the outage is told as an Event", async () => (await EventAsync(world)).Length > 0);
        var told = await EventAsync(world);
        world.Note(told);
        Assert.Matches(@"^The link was down for \d.*: 1 updates applied, 2 superseded, 0 lost, 1 pods restarted meanwhile$", told);
        Assert.Contains("LinkRestored", await world.Kubectl.RunAsync("describe", "node", EdgeWorld.NodeName), StringComparison.Ordinal);
        await LogSaysAsync(world, world.Cloud.LogFile, "Node edge-1 is back and in sync; the link was down for .*: 1 updates applied, 2 superseded");
        await LogSaysAsync(world, world.Edge.LogFile, @"In sync with the hub after \d+\.\d s without link: 1 updates stored, \d+ messages delivered, 0 lost");
        Assert.Contains("all is as it should be", await WhyAsync(world, "configmap", "app"), StringComparison.Ordinal);

        // the pod's status goes on, and what it changes comes down again
        var node = await NodeAsync(world);
        await world.EventuallyAsync("nothing is pending", async () => (int?)(node = await NodeAsync(world))["pendingObjects"] == 0);
        Assert.Equal(("Connected", 2, 0), ((string?)node["state"], (int)node["connects"]!, (int)node["dropped"]!));
        Assert.NotNull(node["lagP99Seconds"]);
    }

    [EndToEndFact]
    public async Task A_pod_whose_image_is_missing_is_explained_by_its_own_status()
    {
        await using var world = await EdgeWorld.StartAsync(output);
        await world.Kubectl.ApplyAsync((new TestDaemonSet("broken") { Image = "127.0.0.1:1/none:1" }).ToYaml());

        await world.EventuallyAsync("why tells of the image", async () =>
            (await WhyAsync(world, "ds/broken")).Contains("why: image cannot be pulled: ", StringComparison.Ordinal));
        world.Note(await WhyAsync(world, "ds/broken"));
        var missing = await ProgramsCloud.CommandAsync("why", "pod/none", "--data-dir", world.Cloud.DataFolder);
        Assert.Equal(1, missing.ExitCode);
        Assert.Contains("no such object", missing.Output, StringComparison.Ordinal);
    }

    [EndToEndFact]
    public async Task Why_says_how_many_nodes_wait_offline_for_a_daemon_set()
    {
        await using var cloud = await ProgramsCloud.StartNewAsync();
        await cloud.Kubectl.ApplyAsync("""
            {"apiVersion":"v1","kind":"Node","metadata":{"name":"away","labels":{"node-role.kubernetes.io/edge":""}},
             "spec":{"taints":[{"key":"node.kubernetes.io/unreachable","effect":"NoSchedule"}]},
             "status":{"conditions":[{"type":"Ready","status":"Unknown","reason":"NodeStatusUnknown","lastHeartbeatTime":"2026-01-01T00:00:00Z"}]}}
            """);
        // one that tolerates everything would get its pod there
        await cloud.Kubectl.ApplyAsync((new TestDaemonSet("app") { ToleratesAll = false }).ToYaml());

        var told = "";
        await Eventually.HoldsAsync("why tells of the node", async () =>
        {
            told = (await ProgramsCloud.CommandAsync("why", "ds/app", "--data-dir", cloud.DataFolder)).Expect();
            return told.Contains(" offline ", StringComparison.Ordinal);
        });
        Assert.Matches("(?m)^1 node is offline without a pod and will get one of revision \\w+ when back\\.$", told);
        await cloud.Kubectl.RunAsync("rollout", "status", "daemonset/app", "--timeout=60s");
    }

    [EndToEndFact]
    public async Task Every_metric_is_described_and_nothing_else_is()
    {
        await using var world = await EdgeWorld.StartAsync(output);
        var described = DescribedMetric().Matches(await File.ReadAllTextAsync(Path.Combine(ProgramsLocation.Root, "docs", "metrics.md")))
            .Select(m => m.Groups[1].Value).Order().ToList();

        // a hub that is alone has none of those of several replicas
        string[] replicas = ["edgesync_hub_leader", "edgesync_hub_leader_terms_total", "edgesync_hub_api_silence_seconds", "edgesync_hub_nodes_taken_total"];
        Assert.Subset(described.ToHashSet(), replicas.ToHashSet());
        var pages = await HubMetricsAsync(world) + await world.Edge.MetricsAsync();
        var served = ServedMetric().Matches(pages).Select(m => m.Groups[1].Value).Distinct().Order().ToList();

        Assert.Equal(described.Except(replicas), served);
    }

    [PromtoolFact(withPrograms: true)]
    public async Task Prometheus_tool_has_nothing_to_say_of_either_page()
    {
        await using var world = await EdgeWorld.StartAsync(output);
        foreach (var page in (string[])[await HubMetricsAsync(world), await world.Edge.MetricsAsync()])
        {
            var checkedPage = await ProgramsCommand.RunAsync("promtool", ["check", "metrics"], input: page);
            Assert.Equal((0, ""), (checkedPage.ExitCode, checkedPage.Text));
        }
    }

    [EndToEndFact]
    public async Task A_second_cloudcore_on_a_data_folder_is_refused_with_the_firsts_process()
    {
        await using var cloud = await ProgramsCloud.StartNewAsync();

        var second = await ProgramsCloud.CommandAsync("run", "--data-dir", cloud.DataFolder);

        Assert.Equal(1, second.ExitCode);
        Assert.Contains($"(process {cloud.Pid})", second.Error, StringComparison.Ordinal);
        Assert.Single(second.Text.TrimEnd('\n').Split('\n'));
    }

    [EndToEndFact]
    public async Task A_taken_port_is_told_in_one_line()
    {
        await using var first = await ProgramsCloud.StartNewAsync();
        using var folder = new TempFolder();
        (await ProgramsCloud.CommandAsync(
            "init", "--data-dir", folder.Path, "--advertise-address", "127.0.0.1", "--api-port", $"{first.ApiPort}", "--hub-port", $"{FreePort.Next()}")).Expect();

        var second = await ProgramsCloud.CommandAsync("run", "--data-dir", folder.Path);

        Assert.Equal(1, second.ExitCode);
        Assert.Contains("address already in use", Assert.Single(second.Text.TrimEnd('\n').Split('\n')), StringComparison.Ordinal);
    }

    /// <summary>The program has written the line; it comes to the file a little later.</summary>
    private static Task<TimeSpan> LogSaysAsync(EdgeWorld world, string file, string pattern) => world.EventuallyAsync(
        $"a log says {pattern}", async () => Regex.IsMatch(await File.ReadAllTextAsync(file), pattern));

    private static async Task ReportOutagesAfterAsync(EdgeWorld world, string duration)
    {
        await world.Cloud.StopAsync();
        var file = Path.Combine(world.Cloud.DataFolder, "cloudcore.yaml");
        var text = await File.ReadAllTextAsync(file);
        await File.WriteAllTextAsync(file, OutageLimit().Replace(text, $"outageReportAfter: {duration}"));
        await world.Cloud.StartAsync();
    }

    private static async Task<string> WhyAsync(EdgeWorld world, params string[] what) =>
        (await ProgramsCloud.CommandAsync(["why", .. what, "--data-dir", world.Cloud.DataFolder])).Expect();

    private static async Task<JsonNode> NodeAsync(EdgeWorld world)
    {
        var answer = await ProgramsCloud.CommandAsync("nodes", "-o", "json", "--data-dir", world.Cloud.DataFolder);
        return JsonNode.Parse(answer.Expect())!["nodes"]!.AsArray().Single(n => (string?)n!["node"] == EdgeWorld.NodeName)!;
    }

    private static Task<string> EventAsync(EdgeWorld world) =>
        world.Kubectl.PathAsync("{.items[?(@.reason==\"LinkRestored\")].message}", "events", "-n", "default");

    private static async Task<string> HubMetricsAsync(EdgeWorld world) => (await ProgramsCommand.RunAsync(
        "curl", ["-s", "--unix-socket", Path.Combine(world.Cloud.DataFolder, "cloudcore.sock"), "http://cloudcore/metrics"])).Expect() + "\n";

    [GeneratedRegex(@"outageReportAfter: .*")]
    private static partial Regex OutageLimit();

    [GeneratedRegex(@"^\| `(\w+_\w+)(?:\{\w+\})?` \|", RegexOptions.Multiline)]
    private static partial Regex DescribedMetric();

    [GeneratedRegex(@"^# TYPE (\w+) ", RegexOptions.Multiline)]
    private static partial Regex ServedMetric();
}
