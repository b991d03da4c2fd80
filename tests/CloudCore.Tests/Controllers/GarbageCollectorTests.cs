using EdgeSync.CloudCore.KubeApi;
using EdgeSync.CloudCore.Tests.KubeApi;
using EdgeSync.TestKit;

namespace EdgeSync.CloudCore.Tests.Controllers;

[Collection(EnvtestCollection.Name)]
public sealed class GarbageCollectorTests(EnvtestCluster cluster)
{
    [EnvtestTheory]
    [InlineData("Background")]
    [InlineData("Foreground")]
    public async Task A_deleted_DaemonSet_takes_its_pods_and_revisions_along(string policy)
    {
        await using var rig = new ControllerRig(cluster);
        await rig.StartAsync();
        await rig.AddNodesAsync(3);
        await rig.ApplyDaemonSetAsync("web");
        await rig.RunsOnAsync(0, 1, 2);
        await rig.Client.DeleteAsync(ApiResources.DaemonSets, rig.Namespace, "web", new DeleteOptions { PropagationPolicy = policy }, rig.Ct);
        await Eventually.HoldsAsync("all is gone", async () =>
            rig.PodsNow().Count == 0
            && (await rig.Client.ListAsync(ApiResources.ControllerRevisions, rig.Namespace, null, rig.Ct)).Items.Count == 0
            && await rig.Client.GetAsync(ApiResources.DaemonSets, rig.Namespace, "web", rig.Ct) is null);
    }

    [EnvtestFact]
    public async Task In_the_foreground_the_DaemonSet_goes_after_its_last_pod()
    {
        await using var rig = new ControllerRig(cluster);
        await rig.StartAsync();
        await rig.AddNodesAsync(2);
        await rig.ApplyDaemonSetAsync("web");
        await rig.RunsOnAsync(0, 1);
        // this one does not confirm that its pod has ended
        await rig.SetReadyAsync(0, "False");
        await rig.Client.DeleteAsync(ApiResources.DaemonSets, rig.Namespace, "web", new DeleteOptions { PropagationPolicy = "Foreground" }, rig.Ct);
        await Eventually.HoldsAsync("the other pod is gone", () => rig.PodsNow() is [{ IsDeleting: true }]);
        Assert.NotNull(await rig.Client.GetAsync(ApiResources.DaemonSets, rig.Namespace, "web", rig.Ct));
        await rig.SetReadyAsync(0, "True");
        await Eventually.HoldsAsync("all is gone", async () =>
            rig.PodsNow().Count == 0 && await rig.Client.GetAsync(ApiResources.DaemonSets, rig.Namespace, "web", rig.Ct) is null);
    }

    [EnvtestFact]
    public async Task Orphaned_pods_live_on_and_a_new_DaemonSet_adopts_them()
    {
        await using var rig = new ControllerRig(cluster);
        await rig.StartAsync();
        await rig.AddNodesAsync(2);
        await rig.ApplyDaemonSetAsync("web");
        await rig.RunsOnAsync(0, 1);
        var before = rig.PodsNow().Select(pod => pod.Uid).Order().ToList();
        await rig.Client.DeleteAsync(ApiResources.DaemonSets, rig.Namespace, "web", new DeleteOptions { PropagationPolicy = "Orphan" }, rig.Ct);
        await Eventually.HoldsAsync("the pods have no owner", async () =>
            await rig.Client.GetAsync(ApiResources.DaemonSets, rig.Namespace, "web", rig.Ct) is null
            && rig.PodsNow().All(pod => pod.Owners.Count == 0));

        await rig.ApplyDaemonSetAsync("web");
        await Eventually.HoldsAsync("they are adopted", () => rig.PodsNow().All(pod => pod.Controller?.Name == "web"));
        await rig.RunsOnAsync(0, 1);
        Assert.Equal(before, rig.PodsNow().Select(pod => pod.Uid).Order());
        Assert.Single((await rig.Client.ListAsync(ApiResources.ControllerRevisions, rig.Namespace, null, rig.Ct)).Items);
    }

    [EnvtestFact]
    public async Task A_pod_with_one_living_owner_stays_and_one_with_none_goes()
    {
        await using var rig = new ControllerRig(cluster);
        await rig.StartAsync();
        await rig.AddNodesAsync(1);
        var owner = await rig.CreateAsync(ApiResources.ConfigMaps, rig.Namespace, """{"metadata":{"name":"owner"}}""");
        await CreatePodAsync(rig, "kept", Reference("owner", owner.Uid), Reference("owner", Guid.NewGuid().ToString()));
        await CreatePodAsync(rig, "foreign", Reference("x", Guid.NewGuid().ToString()).Replace("ConfigMap", "Widget", StringComparison.Ordinal));
        await CreatePodAsync(rig, "goes", Reference("owner", Guid.NewGuid().ToString()));
        await Eventually.HoldsAsync("only that one is gone", () => rig.PodsNow().Select(pod => pod.Name.Name).Order().SequenceEqual(["foreign", "kept"]));
        await rig.Client.DeleteAsync(ApiResources.ConfigMaps, rig.Namespace, "owner", null, rig.Ct);
        Assert.Contains(rig.PodsNow(), pod => pod.Name.Name == "kept");
    }

    [EnvtestFact]
    public async Task Pods_of_a_node_that_is_gone_are_removed_without_waiting_for_it()
    {
        await using var rig = new ControllerRig(cluster);
        await rig.StartAsync();
        await rig.AddNodesAsync(2);
        await rig.ApplyDaemonSetAsync("web");
        await rig.RunsOnAsync(0, 1);
        await rig.SetReadyAsync(0, "Unknown");
        await rig.Client.DeleteAsync(ApiResources.Nodes, "", rig.Node(0), null, rig.Ct);
        await rig.RunsOnAsync(1);
    }

    private static string Reference(string name, string uid) =>
        $$"""{"apiVersion":"v1","kind":"ConfigMap","name":"{{name}}","uid":"{{uid}}"}""";

    private static async Task CreatePodAsync(ControllerRig rig, string name, params string[] owners) => await rig.CreateAsync(
        ApiResources.Pods, rig.Namespace, $$$"""
        {"metadata":{"name":"{{{name}}}","ownerReferences":[{{{string.Join(',', owners)}}}]},
         "spec":{"nodeName":"{{{rig.Node(0)}}}","containers":[{"name":"c","image":"a"}]} }
        """);
}
