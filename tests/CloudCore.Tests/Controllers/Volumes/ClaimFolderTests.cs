using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Tests.Controllers.Volumes;

/// <summary>Pods that have a node without the scheduler are told where their claims are, on the embedded API with all controllers at work.</summary>
public sealed class ClaimFolderTests
{
    [Fact]
    public async Task Pods_that_come_with_their_node_are_told_their_folders_when_their_claim_is_bound()
    {
        await using var rig = await WorkloadRig.StartAsync();
        await rig.AddNodeAsync("n0");
        await rig.CreateAsync(new ApiResource("storage.k8s.io", "v1", "storageclasses", "StorageClass", false), "", """
            {"metadata":{"name":"late"},"provisioner":"kubernetes.io/no-provisioner","volumeBindingMode":"WaitForFirstConsumer"}
            """);
        await rig.CreateAsync(ApiResources.PersistentVolumeClaims, Claim("shared", "late"));
        await rig.CreateAsync(ApiResources.DaemonSets, $$$"""
            {"metadata":{"name":"set"},"spec":{"selector":{"matchLabels":{"app":"set"}},"template":{"metadata":{"labels":{"app":"set"}},"spec":{{{Spec("shared")}}} } } }
            """);
        await rig.CreateAsync(ApiResources.Pods, $$"""{"metadata":{"name":"hand"},"spec":{{Spec("shared", "\"nodeName\":\"n0\",")}} }""");
        await rig.HoldsAsync("the pod of the set is there", () => rig.Alive("set").Count == 1);
        Assert.Null(await FoldersAsync(rig, rig.Alive("set")[0].Name.Name));

        await rig.CreateAsync(ApiResources.PersistentVolumes, "", Volume("v", "\"storageClassName\":\"late\",\"hostPath\":{\"path\":\"/data\",\"type\":\"Directory\"}"));
        await rig.HoldsAsync("both are told", async () => await FoldersAsync(rig, "hand") == await FoldersAsync(rig, rig.Alive("set")[0].Name.Name)
            && await FoldersAsync(rig, "hand") == """{"shared":{"path":"/data","type":"Directory"}}""");
        await rig.AddNodeAsync("n1");
        await rig.HoldsAsync("so is the pod of a new node", async () =>
            rig.Alive("set").FirstOrDefault(pod => pod.NodeName == "n1") is { } pod && await FoldersAsync(rig, pod.Name.Name) is not null);
    }

    [Fact]
    public async Task A_volume_of_another_node_is_not_given_to_a_pod_and_it_is_told()
    {
        await using var rig = await WorkloadRig.StartAsync();
        await rig.AddNodeAsync("n0");
        await rig.CreateAsync(ApiResources.PersistentVolumes, "", Volume("disk", """
            "local":{"path":"/disk"},"nodeAffinity":{"required":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"kubernetes.io/hostname","operator":"In","values":["n1"]}]}]}}
            """));
        await rig.CreateAsync(ApiResources.PersistentVolumeClaims, Claim("c", ""));
        await rig.CreateAsync(ApiResources.Pods, $$"""{"metadata":{"name":"hand"},"spec":{{Spec("c", "\"nodeName\":\"n0\",")}} }""");
        await rig.HoldsAsync("it is told", async () => (await rig.ListAsync(ApiResources.Events)).Any(told =>
            told["reason"]!.ToString() == "FailedMount" && told["message"]!.ToString() == "a volume is not on node n0: node(s) had volume node affinity conflict"));
        Assert.Null(await FoldersAsync(rig, "hand"));
    }

    private static async Task<string?> FoldersAsync(WorkloadRig rig, string pod) =>
        (await rig.GetAsync(ApiResources.Pods, pod))!["metadata"]!["annotations"]?[EdgeAnnotations.ClaimFolders]?.ToString();

    private static string Claim(string name, string storageClass) => $$$$"""
        {"metadata":{"name":"{{{{name}}}}"},"spec":{"accessModes":["ReadWriteMany"],"storageClassName":"{{{{storageClass}}}}","resources":{"requests":{"storage":"1Gi"} } } }
        """;

    private static string Volume(string name, string more) =>
        $$$"""{"metadata":{"name":"{{{name}}}"},"spec":{"capacity":{"storage":"1Gi"},"accessModes":["ReadWriteMany"],{{{more}}} } }""";

    private static string Spec(string claim, string more = "") => $$$$"""
        { {{{{more}}}} "containers":[{"name":"c","image":"i"}],"volumes":[{"name":"v","persistentVolumeClaim":{"claimName":"{{{{claim}}}}"}}]}
        """;
}
