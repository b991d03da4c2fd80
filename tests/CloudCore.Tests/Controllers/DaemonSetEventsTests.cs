using System.Text.Json.Nodes;
using EdgeSync.CloudCore.Controllers.DaemonSets;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Tests.Controllers;

public sealed class DaemonSetEventsTests
{
    [Fact]
    public async Task Many_pods_at_once_are_told_in_few_events()
    {
        await using var rig = await WorkloadRig.StartAsync();
        const int Nodes = 40;
        for (var i = 0; i < Nodes; i++)
        {
            await rig.AddNodeAsync($"n{i}");
        }

        await ApplyAsync(rig, "web", """ "updateStrategy":{"rollingUpdate":{"maxUnavailable":"100%"}}, """);
        await rig.HoldsAsync("all run", () => rig.Alive("web").Count(pod => pod.IsReady) == Nodes);
        await SetImageAsync(rig, "web", "a:2");
        await rig.KubectlAsync("rollout", "status", "ds/web", "--timeout=60s");
        await rig.HoldsAsync("creation and deletion are told", async () => await TellsAsync(rig, "SuccessfulCreate") && await TellsAsync(rig, "SuccessfulDelete"));
        // whatever the number of looks that it took: its limit is that of one object's Events, not of its pods
        Assert.InRange((await AboutAsync(rig, "web")).Count, 2, 25);
        Assert.Contains("daemonset-controller", await rig.KubectlAsync("describe", "ds", "web"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pods_that_are_refused_and_pods_that_end_are_told_with_their_reason()
    {
        await using var rig = await WorkloadRig.StartAsync();
        await rig.AddNodeAsync("n");
        await ApplyAsync(rig, "refused", "", """ "priorityClassName":"none", """);
        await rig.HoldsAsync("the refusal is told", async () => (await AboutAsync(rig, "refused")).Any(e =>
            e["reason"]!.ToString() == "FailedCreate" && e["type"]!.ToString() == "Warning"
            && e["message"]!.ToString().Contains("no PriorityClass with name none was found", StringComparison.Ordinal)));

        var ends = 1;
        rig.Outcome = _ => Interlocked.Decrement(ref ends) >= 0 ? """{"phase":"Failed"}""" : null;
        await ApplyAsync(rig, "web");
        await rig.HoldsAsync("it is told", async () => (await AboutAsync(rig, "web")).Any(e =>
            e["reason"]!.ToString() == "FailedDaemonPod" && e["message"]!.ToString().StartsWith("Found failed daemon pod default/web-", StringComparison.Ordinal)));
        await rig.HoldsAsync("another one runs", () => rig.Alive("web") is [{ IsReady: true }]);
    }

    [Fact]
    public async Task A_rollout_of_what_tolerates_everything_does_not_wait_for_offline_nodes_and_says_how_many_do()
    {
        await using var rig = await WorkloadRig.StartAsync();
        foreach (var node in new[] { "a", "b", "c" })
        {
            await rig.AddNodeAsync(node);
        }

        await ApplyAsync(rig, "web", "", """ "tolerations":[{"operator":"Exists"}], """);
        await rig.HoldsAsync("all run", () => rig.Alive("web").Count(pod => pod.IsReady) == 3);
        Assert.Null((await rig.GetAsync(ApiResources.DaemonSets, "web"))!["status"]!["conditions"]);
        rig.Away["a"] = true;
        await SetReadyAsync(rig, "a", "Unknown");
        await rig.HoldsAsync("it is not counted", async () => await DesiredAsync(rig) == 2);
        await SetImageAsync(rig, "web", "a:2");
        Assert.Contains("successfully rolled out", await rig.KubectlAsync("rollout", "status", "ds/web", "--timeout=60s"), StringComparison.Ordinal);
        await rig.HoldsAsync("the condition says so", async () => await ConditionAsync(rig) is { } c && c["status"]!.ToString() == "False"
            && c["message"]!.ToString().StartsWith("1 node is offline with an earlier template and will be updated to revision ", StringComparison.Ordinal));
        await rig.HoldsAsync("an Event says so", async () => (await AboutAsync(rig, "web")).Any(e => e["reason"]!.ToString() == "OfflineNodesWait"));

        rig.Away.Clear();
        await SetReadyAsync(rig, "a", "True");
        rig.Look();
        await rig.HoldsAsync("it is updated", () => rig.Alive("web") is { Count: 3 } pods && pods.All(pod => pod.IsReady)
            && pods.Select(pod => pod.Labels[DaemonPodWriter.HashLabel]).Distinct().Count() == 1);
        await rig.HoldsAsync("nobody waits", async () => await DesiredAsync(rig) == 3 && (await ConditionAsync(rig))!["status"]!.ToString() == "True");
    }

    private static Task<KubeObject> ApplyAsync(WorkloadRig rig, string name, string spec = "", string pod = "") => rig.CreateAsync(ApiResources.DaemonSets, $$$"""
        {"metadata":{"name":"{{{name}}}"},"spec":{"selector":{"matchLabels":{"app":"{{{name}}}"} },{{{spec}}}
         "template":{"metadata":{"labels":{"app":"{{{name}}}"} },"spec":{ {{{pod}}} "containers":[{"name":"c","image":"a:1"}]} } } }
        """);

    private static Task<KubeObject> SetImageAsync(WorkloadRig rig, string name, string image) =>
        rig.PatchAsync(ApiResources.DaemonSets, name, $$$"""{"spec":{"template":{"spec":{"containers":[{"name":"c","image":"{{{image}}}"}]} } } }""");

    private static Task<KubeObject> SetReadyAsync(WorkloadRig rig, string node, string status) => rig.PatchAsync(
        ApiResources.Nodes, node,
        $$$"""{"status":{"conditions":[{"type":"Ready","status":"{{{status}}}","lastHeartbeatTime":"{{{KubeTime.Format(DateTimeOffset.UtcNow)}}}"}]} }""", "status");

    private static async Task<int> DesiredAsync(WorkloadRig rig) =>
        (await rig.GetAsync(ApiResources.DaemonSets, "web"))!["status"]!["desiredNumberScheduled"]!.GetValue<int>();

    private static async Task<JsonNode?> ConditionAsync(WorkloadRig rig) => (await rig.GetAsync(ApiResources.DaemonSets, "web"))!["status"]?["conditions"]?.AsArray()
        .FirstOrDefault(condition => condition!["type"]!.ToString() == DaemonSetStatusWriter.OfflineCondition);

    private static async Task<IReadOnlyList<JsonObject>> AboutAsync(WorkloadRig rig, string name) =>
        [.. (await rig.ListAsync(ApiResources.Events)).Where(e => e["involvedObject"]!["kind"]!.ToString() == "DaemonSet" && e["involvedObject"]!["name"]!.ToString() == name)];

    private static async Task<bool> TellsAsync(WorkloadRig rig, string reason) => (await AboutAsync(rig, "web")).Any(e => e["reason"]!.ToString() == reason);
}
