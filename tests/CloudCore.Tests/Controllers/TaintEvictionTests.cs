using EdgeSync.CloudCore.Controllers;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Tests.Controllers;

public sealed class TaintEvictionTests
{
    private const string Edge = """ ,"node-role.kubernetes.io/edge":"" """;
    private const string AnHour = "3600";

    [Fact]
    public async Task Pods_of_a_silent_edge_node_stay_unless_it_asks_for_more_and_then_say_why_they_go()
    {
        await using var rig = await StartAsync();
        await rig.AddNodeAsync("kept", labels: Edge);
        await rig.AddNodeAsync("left", labels: Edge);
        await rig.AddNodeAsync("here", labels: Edge);
        await AnnotateAsync(rig, "left", "1s");
        await PodAsync(rig, "kept", "1");
        await PodAsync(rig, "left", "1");
        await PodAsync(rig, "left", null, "tolerant");
        rig.Away["kept"] = rig.Away["left"] = true;
        await SetReadyAsync(rig, "kept", "Unknown");
        await SetReadyAsync(rig, "left", "Unknown");

        await rig.HoldsAsync("the pod of the one is on its way out", () => Pod(rig, "left") is { IsDeleting: true });
        var pod = (await rig.GetAsync(ApiResources.Pods, "left"))!;
        var condition = Assert.Single(pod["status"]!["conditions"]!.AsArray(), c => c!["type"]!.ToString() == "DisruptionTarget")!;
        Assert.Equal("DeletionByTaintManager", condition["reason"]!.ToString());
        await rig.HoldsAsync("an Event says so", async () => (await rig.ListAsync(ApiResources.Events)).Any(e =>
            e["reason"]!.ToString() == "TaintManagerEviction" && e["message"]!.ToString() == "Marking for deletion Pod default/left"));
        Assert.True(Pod(rig, "kept") is { IsDeleting: false, IsReady: true });
        Assert.True(Pod(rig, "tolerant") is { IsDeleting: false });

        // back: taints go, what was asked to go goes, nothing else
        rig.Away.Clear();
        await SetReadyAsync(rig, "kept", "True");
        await SetReadyAsync(rig, "left", "True");
        rig.Look();
        await rig.HoldsAsync("it is gone", () => Pod(rig, "left") is null);
        await rig.HoldsAsync("no taints", async () => (await rig.ListAsync(ApiResources.Nodes)).All(node => node["spec"]?["taints"] is null));
        Assert.True(Pod(rig, "kept") is { IsDeleting: false });
        Assert.True(Pod(rig, "tolerant") is { IsDeleting: false });
    }

    [Fact]
    public async Task A_node_that_is_back_in_time_keeps_its_pods()
    {
        await using var rig = await StartAsync();
        await rig.AddNodeAsync("n", labels: Edge);
        await rig.AddNodeAsync("other", labels: Edge);
        await AnnotateAsync(rig, "n", "1h");
        await rig.CreateAsync(ApiResources.Pods, """
            {"metadata":{"name":"n"},"spec":{"nodeName":"n","tolerations":[{"key":"later","operator":"Exists"}],"containers":[{"name":"c","image":"a"}]} }
            """);
        await rig.HoldsAsync("it runs", () => Pod(rig, "n") is { IsReady: true });
        await SetReadyAsync(rig, "n", "Unknown");
        await rig.HoldsAsync("tainted", async () => await HasTaintAsync(rig, "n"));
        // the controller has seen the taint for certain once it has acted on another that is set later
        await PodAsync(rig, "n", AnHour, "witness");
        await rig.KubectlAsync("taint", "node", "n", "later=x:NoExecute");
        await rig.HoldsAsync("it acts", () => Pod(rig, "witness") is null or { IsDeleting: true });
        await rig.KubectlAsync("taint", "node", "n", "later-");
        await SetReadyAsync(rig, "n", "True");
        await rig.HoldsAsync("untainted", async () => !await HasTaintAsync(rig, "n"));
        await rig.HoldsAsync("an Event says that it is called off", async () => (await rig.ListAsync(ApiResources.Events)).Any(e =>
            e["message"]!.ToString() == "Cancelling deletion of Pod default/n"));
        Assert.True(Pod(rig, "n") is { IsDeleting: false, IsReady: true });
    }

    [Fact]
    public async Task A_NoExecute_taint_that_somebody_sets_empties_the_node_of_what_does_not_tolerate_it()
    {
        await using var rig = await StartAsync();
        await rig.AddNodeAsync("n", labels: Edge);
        await PodAsync(rig, "n", AnHour);
        await rig.CreateAsync(ApiResources.Pods, """
            {"metadata":{"name":"tolerant"},"spec":{"nodeName":"n","tolerations":[{"key":"maintenance","operator":"Exists"}],"containers":[{"name":"c","image":"a"}]} }
            """);
        await rig.HoldsAsync("both run", () => Pod(rig, "n") is { IsReady: true } && Pod(rig, "tolerant") is { IsReady: true });
        await rig.KubectlAsync("taint", "node", "n", "maintenance=now:NoExecute");
        await rig.HoldsAsync("the one is gone", () => Pod(rig, "n") is null);
        Assert.True(Pod(rig, "tolerant") is { IsDeleting: false });
    }

    [Fact]
    public async Task An_outage_of_all_nodes_evicts_nobody_and_a_bad_value_is_told_once()
    {
        await using var rig = await StartAsync();
        await rig.AddNodeAsync("n", labels: Edge);
        await AnnotateAsync(rig, "n", "sometimes");
        await rig.HoldsAsync("an Event names the value", async () => (await rig.ListAsync(ApiResources.Events)).Any(e =>
            e["reason"]!.ToString() == "InvalidAnnotation" && e["message"]!.ToString().Contains("sometimes", StringComparison.Ordinal)));
        Assert.Contains("InvalidAnnotation", await rig.KubectlAsync("describe", "node", "n"), StringComparison.Ordinal);
        await AnnotateAsync(rig, "n", "0s");
        await PodAsync(rig, "n", "0");
        rig.Away["n"] = true;
        await SetReadyAsync(rig, "n", "Unknown");
        await rig.HoldsAsync("tainted", async () => await HasTaintAsync(rig, "n"));
        await rig.AddNodeAsync("ready", labels: Edge);
        await PodAsync(rig, "ready", AnHour, "witness");
        await rig.KubectlAsync("taint", "node", "ready", "maintenance=now:NoExecute");
        await rig.HoldsAsync("another node is emptied", () => Pod(rig, "witness") is null);
    }

    private static Task<WorkloadRig> StartAsync() => WorkloadRig.StartAsync(new ControllersOptions { NodeMonitorGracePeriod = TimeSpan.FromHours(1) });

    private static PodFacts? Pod(WorkloadRig rig, string name) =>
        rig.Pods.Get(new NamespacedName("default", name)) is { } value ? PodFacts.Read(value) : null;

    // tolerates silence for so many seconds; null for ever
    private static async Task PodAsync(WorkloadRig rig, string node, string? seconds, string? name = null)
    {
        string Toleration(string key) =>
            $$"""{"key":"node.kubernetes.io/{{key}}","operator":"Exists","effect":"NoExecute"{{(seconds is null ? "" : $",\"tolerationSeconds\":{seconds}")}}}""";
        await rig.CreateAsync(ApiResources.Pods, $$$"""
            {"metadata":{"name":"{{{name ?? node}}}"},"spec":{"nodeName":"{{{node}}}","tolerations":[{{{Toleration("not-ready")}}},{{{Toleration("unreachable")}}}],
             "containers":[{"name":"c","image":"a"}]} }
            """);
        await rig.HoldsAsync("it runs", () => Pod(rig, name ?? node) is { IsReady: true } || rig.Away.ContainsKey(node));
    }

    private static Task<KubeObject> AnnotateAsync(WorkloadRig rig, string node, string value) =>
        rig.PatchAsync(ApiResources.Nodes, node, $$$"""{"metadata":{"annotations":{"edgesync.io/evict-offline-after":"{{{value}}}"} } }""");

    private static Task<KubeObject> SetReadyAsync(WorkloadRig rig, string node, string status) => rig.PatchAsync(
        ApiResources.Nodes, node,
        $$$"""{"status":{"conditions":[{"type":"Ready","status":"{{{status}}}","lastHeartbeatTime":"{{{KubeTime.Format(DateTimeOffset.UtcNow)}}}"}]} }""", "status");

    private static async Task<bool> HasTaintAsync(WorkloadRig rig, string node) =>
        (await rig.GetAsync(ApiResources.Nodes, node))!["spec"]?["taints"]?.AsArray().Any(taint => taint!["key"]!.ToString() == "node.kubernetes.io/unreachable") == true;
}
