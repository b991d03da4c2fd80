using EdgeSync.CloudCore.Controllers;
using EdgeSync.CloudCore.Controllers.Garbage;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Tests.Controllers;

public sealed class PodGarbageTests
{
    [Fact]
    public void Past_the_number_evicted_pods_go_first_and_then_the_oldest()
    {
        PodFacts[] pods =
        [
            Pod("old", "Succeeded", age: 30), Pod("young", "Failed", age: 10), Pod("evicted", "Failed", age: 5, evicted: true),
            Pod("runs", "Running", age: 99), Pod("middle", "Succeeded", age: 20),
        ];
        Assert.Equal(["evicted", "old"], PodGarbage.Surplus(pods, 2).Select(pod => pod.Name.Name));
        Assert.Empty(PodGarbage.Surplus(pods, 4));
        Assert.Empty(PodGarbage.Surplus(pods, 0));
    }

    [Theory]
    [InlineData(false, "", null, false, false)]
    [InlineData(true, "", null, false, true)]
    [InlineData(true, "n", "False", false, false)]
    [InlineData(true, "n", "False", true, true)]
    [InlineData(true, "n", "True", true, false)]
    [InlineData(false, "n", "False", true, false)]
    [InlineData(true, "gone", null, true, false)]
    public void Nobody_answers_for_a_deleted_pod_without_a_node_or_on_one_that_is_out_of_service(bool deleting, string at, string? ready, bool outOfService, bool expected)
    {
        var node = new NodeFacts
        {
            Name = "n",
            Conditions = ready is null ? [] : [new Condition { Type = "Ready", Status = ready }],
            Taints = outOfService ? [new Taint { Key = PodGarbage.OutOfService, Effect = "NoExecute" }] : [],
        };
        var pod = Pod("p", "Running", age: 1) with { IsDeleting = deleting, NodeName = at, IsBound = at.Length > 0 };
        Assert.Equal(expected, PodGarbage.IsStranded(pod, name => name == "n" ? node : null));
    }

    [Fact]
    public async Task Ended_pods_past_the_number_and_pods_of_a_node_out_of_service_are_removed()
    {
        await using var rig = await WorkloadRig.StartAsync(new ControllersOptions
        {
            NodeMonitorGracePeriod = TimeSpan.FromHours(1),
            TerminatedPodGcThreshold = 2,
            PodGarbagePeriod = TimeSpan.FromMilliseconds(200),
        });
        await rig.AddNodeAsync("n");
        await rig.AddNodeAsync("m");
        rig.Outcome = pod => pod.Name.StartsWith("ends", StringComparison.Ordinal) ? """{"phase":"Succeeded"}""" : null;
        for (var i = 0; i < 5; i++)
        {
            await rig.CreateAsync(ApiResources.Pods, $$"""{"metadata":{"name":"ends-{{i}}"},"spec":{"nodeName":"n","containers":[{"name":"c","image":"a"}]} }""");
        }

        await rig.CreateAsync(ApiResources.Pods, """{"metadata":{"name":"stays"},"spec":{"nodeName":"m","containers":[{"name":"c","image":"a"}]} }""");
        await rig.HoldsAsync("two ended ones are left", () => rig.Pods.Snapshot().Select(PodFacts.Read).ToList() is var pods
            && pods.Count == 3 && pods.Count(pod => pod.IsTerminal) == 2);

        rig.Away["m"] = true;
        await rig.PatchAsync(ApiResources.Nodes, "m", """{"status":{"conditions":[{"type":"Ready","status":"Unknown"}]}}""", "status");
        await rig.Client.DeleteAsync(ApiResources.Pods, "default", "stays", null, rig.Ct);
        await rig.HoldsAsync("it waits for its node", () => rig.Pods.Get(new NamespacedName("default", "stays")) is { IsDeleting: true });
        await rig.KubectlAsync("taint", "node", "m", "node.kubernetes.io/out-of-service=nodeshutdown:NoExecute");
        await rig.HoldsAsync("it is removed", () => rig.Pods.Get(new NamespacedName("default", "stays")) is null);
    }

    private static PodFacts Pod(string name, string phase, int age, bool evicted = false) => new()
    {
        Name = new NamespacedName("default", name),
        Uid = name,
        Phase = phase,
        IsEvicted = evicted,
        Created = DateTimeOffset.UnixEpoch.AddDays(100).AddMinutes(-age),
    };
}
