using System.Text.Json.Nodes;
using EdgeSync.CloudCore.KubeApi;

namespace EdgeSync.CloudCore.Tests.Controllers.StatefulSets;

/// <summary>StatefulSets with claims on the embedded API, with all controllers at work.</summary>
public sealed class StatefulSetTests
{
    [Fact]
    public async Task Pods_get_their_volumes_and_find_them_again()
    {
        await using var rig = await WorkloadRig.StartAsync();
        await rig.AddNodeAsync("n0");
        for (var i = 0; i < 2; i++)
        {
            await rig.CreateAsync(ApiResources.PersistentVolumes, "", $$$$"""
                {"metadata":{"name":"v{{{{i}}}}"},"spec":{"capacity":{"storage":"1Gi"},"accessModes":["ReadWriteOnce"],"hostPath":{"path":"/data/{{{{i}}}}"}}}
                """);
        }

        await rig.CreateAsync(ApiResources.StatefulSets, Set("Retain"));
        await rig.HoldsAsync("both run", () => rig.Alive("s").Count(pod => pod.IsReady) == 2);
        var before = await VolumeOfAsync(rig, "data-s-1");
        var folders = JsonNode.Parse((await rig.GetAsync(ApiResources.Pods, "s-1"))!["metadata"]!["annotations"]!["edgesync.io/claim-folders"]!.ToString())!;
        Assert.Equal($"/data/{before[1..]}", folders["data-s-1"]!["path"]!.ToString());

        await rig.PatchAsync(ApiResources.StatefulSets, "s", """{"spec":{"replicas":0}}""");
        await rig.HoldsAsync("none is left", () => rig.Pods.Snapshot().Count == 0);
        await rig.PatchAsync(ApiResources.StatefulSets, "s", """{"spec":{"replicas":2}}""");
        await rig.HoldsAsync("both run again", () => rig.Alive("s").Count(pod => pod.IsReady) == 2);
        Assert.Equal(before, await VolumeOfAsync(rig, "data-s-1"));
    }

    [Fact]
    public async Task A_claim_without_a_volume_keeps_its_pod_pending_and_says_why()
    {
        await using var rig = await WorkloadRig.StartAsync();
        await rig.AddNodeAsync("n0");
        await rig.CreateAsync(ApiResources.PersistentVolumes, "", """
            {"metadata":{"name":"far"},"spec":{"capacity":{"storage":"1Gi"},"accessModes":["ReadWriteOnce"],"nfs":{"server":"s","path":"/p"}}}
            """);
        await rig.CreateAsync(ApiResources.StatefulSets, Set("Retain"));
        await rig.HoldsAsync("the pod says it", async () =>
            (await rig.GetAsync(ApiResources.Pods, "s-0"))?["status"]?["conditions"]?[0]?["message"]?.ToString()
                .Contains("pod has unbound immediate PersistentVolumeClaims", StringComparison.Ordinal) == true);
        await rig.HoldsAsync("the claim says it", async () => (await rig.ListAsync(ApiResources.Events)).Any(told =>
            told["involvedObject"]!["name"]!.ToString() == "data-s-0" && told["message"]!.ToString().Contains("volume \"far\" is no folder of a node", StringComparison.Ordinal)));

        await rig.CreateAsync(ApiResources.PersistentVolumes, "", """
            {"metadata":{"name":"near"},"spec":{"capacity":{"storage":"1Gi"},"accessModes":["ReadWriteOnce"],"hostPath":{"path":"/data"}}}
            """);
        await rig.HoldsAsync("it runs", () => rig.Alive("s").Any(pod => pod.IsReady));
    }

    [Fact]
    public async Task A_class_may_wait_for_the_first_pod()
    {
        await using var rig = await WorkloadRig.StartAsync();
        await rig.AddNodeAsync("n0");
        await rig.CreateAsync(new ApiResource("storage.k8s.io", "v1", "storageclasses", "StorageClass", false), "", """
            {"metadata":{"name":"late"},"provisioner":"kubernetes.io/no-provisioner","volumeBindingMode":"WaitForFirstConsumer"}
            """);
        await rig.CreateAsync(ApiResources.PersistentVolumes, "", """
            {"metadata":{"name":"v"},"spec":{"capacity":{"storage":"1Gi"},"accessModes":["ReadWriteOnce"],"storageClassName":"late","local":{"path":"/disk"},
             "nodeAffinity":{"required":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"kubernetes.io/hostname","operator":"In","values":["n0"]}]}]}}}}
            """);
        await rig.CreateAsync(ApiResources.PersistentVolumeClaims, """
            {"metadata":{"name":"c"},"spec":{"accessModes":["ReadWriteOnce"],"storageClassName":"late","resources":{"requests":{"storage":"1Gi"}}}}
            """);
        await rig.HoldsAsync("it is said", async () => (await rig.ListAsync(ApiResources.Events)).Any(told => told["reason"]!.ToString() == "WaitForFirstConsumer"));
        Assert.Null((await rig.GetAsync(ApiResources.PersistentVolumeClaims, "c"))!["spec"]!["volumeName"]);
        await rig.CreateAsync(ApiResources.Pods, """
            {"metadata":{"name":"p","labels":{"app":"p"}},"spec":{"containers":[{"name":"c","image":"i"}],"volumes":[{"name":"v","persistentVolumeClaim":{"claimName":"c"}}]}}
            """);
        await rig.HoldsAsync("it runs", () => rig.Alive("p").Any(pod => pod.IsReady));
    }

    [Fact]
    public async Task Claims_go_with_the_set_where_it_says_so()
    {
        await using var rig = await WorkloadRig.StartAsync();
        await rig.AddNodeAsync("n0");
        await rig.CreateAsync(ApiResources.StatefulSets, Set("Delete"));
        await rig.HoldsAsync("a claim is there", async () => (await rig.ListAsync(ApiResources.PersistentVolumeClaims)).Count > 0);
        await rig.Client.DeleteAsync(ApiResources.StatefulSets, "default", "s", null, rig.Ct);
        await rig.HoldsAsync("none is left", async () => (await rig.ListAsync(ApiResources.PersistentVolumeClaims)).Count == 0);
    }

    private static async Task<string> VolumeOfAsync(WorkloadRig rig, string claim) =>
        (await rig.GetAsync(ApiResources.PersistentVolumeClaims, claim))!["spec"]!["volumeName"]!.ToString();

    private static string Set(string whenDeleted) => $$$$"""
        {"metadata":{"name":"s"},"spec":{"replicas":2,"serviceName":"s","selector":{"matchLabels":{"app":"s"}},
         "persistentVolumeClaimRetentionPolicy":{"whenDeleted":"{{{{whenDeleted}}}}"},
         "volumeClaimTemplates":[{"metadata":{"name":"data"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}} } }],
         "template":{"metadata":{"labels":{"app":"s"}},"spec":{"containers":[{"name":"c","image":"i","volumeMounts":[{"name":"data","mountPath":"/data"}]}]} } } }
        """;
}
