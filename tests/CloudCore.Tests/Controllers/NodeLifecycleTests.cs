using System.Text;
using EdgeSync.CloudCore.Controllers;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.CloudCore.Tests.KubeApi;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.TestKit;

namespace EdgeSync.CloudCore.Tests.Controllers;

[Collection(EnvtestCollection.Name)]
public sealed class NodeLifecycleTests(EnvtestCluster cluster)
{
    private static readonly ControllersOptions s_short = new()
    {
        NodeMonitorGracePeriod = TimeSpan.FromSeconds(4),
        MissingNodeGrace = TimeSpan.Zero,
    };

    [EnvtestFact]
    public async Task A_silent_node_becomes_unreachable_its_pods_stay_and_it_comes_back()
    {
        await using var rig = new ControllerRig(cluster, s_short);
        await rig.StartAsync();
        await rig.AddNodeAsync(0);
        await rig.CreateAsync(ApiResources.Pods, rig.Namespace, $$$"""
            {"metadata":{"name":"p"},"spec":{"nodeName":"{{{rig.Node(0)}}}","tolerations":[],"containers":[{"name":"c","image":"a"}]} }
            """);
        await Eventually.HoldsAsync("unreachable", () => Taints(rig, 0) == "unreachable:NoExecute unreachable:NoSchedule");
        var ready = Condition(rig, 0, "Ready");
        Assert.Equal(("Unknown", "NodeStatusUnknown"), (ready.Status, ready.Reason));
        Assert.Matches(@"^No contact since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ: ", ready.Message);
        Assert.Equal("NodeStatusNeverUpdated", Condition(rig, 0, "DiskPressure").Reason);

        await Eventually.HoldsAsync("taints removed", async () =>
        {
            await rig.SetReadyAsync(0, "True");
            return Taints(rig, 0) == "";
        });
        Assert.Contains(rig.PodsNow(), pod => pod is { Name.Name: "p", IsDeleting: false });
    }

    [EnvtestFact]
    public async Task A_renewed_lease_alone_keeps_a_node_ready()
    {
        await using var rig = new ControllerRig(cluster, s_short);
        await rig.StartAsync();
        await EnsureLeaseNamespaceAsync(rig);
        await rig.AddNodesAsync(2);
        await rig.CreateAsync(ApiResources.Leases, "kube-node-lease", $$$"""{"metadata":{"name":"{{{rig.Node(0)}}}"}}""");
        await Eventually.HoldsAsync("the other one alone is unreachable", async () =>
        {
            var renewal = Encoding.UTF8.GetBytes($$$"""{"spec":{"renewTime":"{{{KubeTime.FormatMicro(DateTimeOffset.UtcNow)}}}"}}""");
            await rig.Client.PatchAsync(ApiResources.Leases, "kube-node-lease", rig.Node(0), PatchType.Merge, renewal, null, rig.Ct);

            // a test that stood still for longer than the grace has lost the node for a moment: nothing but the renewals brings it back
            return Taints(rig, 1).Contains("unreachable", StringComparison.Ordinal) && Taints(rig, 0) == "" && Node(rig, 0).IsReady;
        });
        await Eventually.HoldsAsync("without renewals it is unreachable too", () => Taints(rig, 0).Contains("unreachable", StringComparison.Ordinal));
    }

    [EnvtestFact]
    public async Task A_node_that_says_it_is_not_ready_and_a_cordoned_one_are_tainted()
    {
        await using var rig = new ControllerRig(cluster);
        await rig.StartAsync();
        await rig.AddNodesAsync(2);
        await Eventually.HoldsAsync("no taints", () => Taints(rig, 0) == "" && Taints(rig, 1) == "");
        await rig.SetReadyAsync(0, "False");
        await rig.Client.PatchAsync(ApiResources.Nodes, "", rig.Node(1), PatchType.Merge, """{"spec":{"unschedulable":true}}"""u8.ToArray(), null, rig.Ct);
        await Eventually.HoldsAsync("both tainted", () =>
            Taints(rig, 0) == "not-ready:NoExecute not-ready:NoSchedule" && Taints(rig, 1) == "unschedulable:NoSchedule");
    }

    private static Condition Condition(ControllerRig rig, int i, string type) =>
        rig.Nodes.Get(new NamespacedName("", rig.Node(i)))!.View(KubernetesJson.Default.Node).Status!.Conditions!.Single(condition => condition.Type == type);

    private static NodeFacts Node(ControllerRig rig, int i) => NodeFacts.Read(rig.Nodes.Get(new NamespacedName("", rig.Node(i)))!);

    private static string Taints(ControllerRig rig, int i) => string.Join(' ', Node(rig, i).Taints
        .Select(taint => $"{taint.Key.Replace("node.kubernetes.io/", "", StringComparison.Ordinal)}:{taint.Effect}").Order());

    // the API server makes it, some seconds after its start
    private static Task EnsureLeaseNamespaceAsync(ControllerRig rig) => Eventually.HoldsAsync(
        "kube-node-lease", async () => await rig.Client.GetAsync(ApiResources.Namespaces, "", "kube-node-lease", rig.Ct) is not null);
}
