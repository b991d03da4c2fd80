using System.Text.Json.Nodes;
using EdgeSync.CloudCore.Tests.KubeApi;
using EdgeSync.TestKit;

namespace EdgeSync.CloudCore.Tests.Replicas;

/// <summary>Workload controllers of two replicas on a real API server that has none of its own.</summary>
[Collection(EnvtestCollection.Name)]
public sealed class ReplicaControllersTests(EnvtestCluster cluster)
{
    private const string Namespace = "replica-controllers";

    private static readonly string[] s_options = ["--leader-elect", "--controllers=replicaset"];

    [EnvtestFact]
    public async Task The_leader_alone_runs_them_and_the_other_does_when_it_has_stopped()
    {
        var kubectl = new ProgramsKubectl(cluster.Kubeconfig);
        await HubOnCluster.ApplyAsync(kubectl);
        await kubectl.RunAsync("create", "namespace", Namespace);
        await using var first = await ProgramsCloud.ReplicaOnClusterAsync(cluster.Kubeconfig, cluster.Kubeconfig, pki: null);
        await using var second = await ProgramsCloud.ReplicaOnClusterAsync(cluster.Kubeconfig, cluster.Kubeconfig, Path.Combine(first.DataFolder, "pki"));
        first.RunOptions = second.RunOptions = s_options;
        await first.StartAsync();
        await HoldsAsync("the first leads", async () => await LeaderAsync(kubectl) != "");
        var leader = await LeaderAsync(kubectl);
        await second.StartAsync();

        var before = await VersionAsync(kubectl);
        await kubectl.ApplyAsync($$$"""
            apiVersion: apps/v1
            kind: ReplicaSet
            metadata: {name: r, namespace: {{{Namespace}}} }
            spec:
              replicas: 20
              selector: {matchLabels: {app: r}}
              template:
                metadata: {labels: {app: r}}
                spec: {containers: [{name: c, image: i}]}
            """);
        await HoldsAsync("20 pods are told in the status", async () => await ReplicasAsync(kubectl) == "20");
        Assert.Equal((20, 0), await MadeAndDeletedAsync(kubectl, before));

        await first.StopAsync();
        before = await VersionAsync(kubectl);
        await kubectl.RunAsync("scale", "replicaset", "r", "--replicas=23", "-n", Namespace);
        await HoldsAsync("the second makes the others", async () => await ReplicasAsync(kubectl) == "23");
        Assert.Equal((3, 0), await MadeAndDeletedAsync(kubectl, before));
        Assert.DoesNotContain(await LeaderAsync(kubectl), (string[])["", leader]);
    }

    private static Task<string> ReplicasAsync(ProgramsKubectl kubectl) => kubectl.PathAsync("{.status.replicas}", "replicaset", "r", "-n", Namespace);

    private static Task HoldsAsync(string what, Func<Task<bool>> condition) => Eventually.HoldsAsync(what, condition, TimeSpan.FromSeconds(60));

    private static async Task<string> LeaderAsync(ProgramsKubectl kubectl) => await kubectl.HasAsync("lease", "cloudcore", "-n", "kubeedge")
        ? await kubectl.PathAsync("{.spec.holderIdentity}", "lease", "cloudcore", "-n", "kubeedge") : "";

    private static async Task<string> VersionAsync(ProgramsKubectl kubectl) =>
        JsonNode.Parse(await kubectl.RunAsync("get", "--raw", $"/api/v1/namespaces/{Namespace}/pods"))!["metadata"]!["resourceVersion"]!.ToString();

    /// <summary>What happened to pods since a version: two that act would have made more, and then deleted some.</summary>
    private static async Task<(int Made, int Deleted)> MadeAndDeletedAsync(ProgramsKubectl kubectl, string since)
    {
        var events = await kubectl.RunAsync("get", "--raw", $"/api/v1/namespaces/{Namespace}/pods?watch=1&timeoutSeconds=3&resourceVersion={since}");
        return (Count("ADDED"), Count("DELETED"));

        int Count(string type) => events.Split('\n').Count(line => line.StartsWith($$"""{"type":"{{type}}""", StringComparison.Ordinal));
    }
}
