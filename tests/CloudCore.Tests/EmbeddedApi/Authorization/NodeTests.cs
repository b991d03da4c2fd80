using System.Net;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Authorization;
using EdgeSync.TestKit;

namespace EdgeSync.CloudCore.Tests.EmbeddedApi.Authorization;

/// <summary>What somebody can do who has the certificate of a box.</summary>
public sealed class NodeTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private ApiClient Admin => fixture.Api;

    [Fact]
    public async Task A_node_reads_what_its_own_pods_use_and_nothing_else()
    {
        await SetUpAsync("reads");
        var node = Node("node-reads");
        foreach (var (kind, used, other) in ((string, string, string)[])
            [("secrets", "used", "other"), ("configmaps", "used-map", "other-map")])
        {
            var path = $"/api/v1/namespaces/reads/{kind}";
            Assert.Equal(HttpStatusCode.OK, (await node.GetAsync($"{path}/{used}")).Code);
            Assert.Equal(HttpStatusCode.OK, (await node.GetAsync($"{path}?fieldSelector=metadata.name%3D{used}")).Code);
            var refused = await node.GetAsync($"{path}/{other}");
            Assert.Equal(HttpStatusCode.Forbidden, refused.Code);
            Assert.EndsWith("no relationship found between node 'node-reads' and this object", refused.Message, StringComparison.Ordinal);
            Assert.Equal(HttpStatusCode.Forbidden, (await node.GetAsync(path)).Code);
            Assert.Equal(HttpStatusCode.Forbidden, (await node.GetAsync($"/api/v1/{kind}")).Code);
            Assert.Equal(HttpStatusCode.Forbidden, (await node.MergeAsync($"{path}/{used}", """{"data":{}}""")).Code);
            Assert.Equal(HttpStatusCode.Forbidden, (await Node("node-else").GetAsync($"{path}/{used}")).Code);
        }

        await Admin.DeleteAsync("/api/v1/namespaces/reads/pods/p", """{"gracePeriodSeconds":0}""");
        Assert.Equal(HttpStatusCode.Forbidden, (await node.GetAsync("/api/v1/namespaces/reads/secrets/used")).Code);
    }

    [Fact]
    public async Task A_node_sees_its_own_pods_by_the_selector_and_its_own_Node()
    {
        await SetUpAsync("sees");
        var node = Node("node-sees");
        var own = await node.GetAsync("/api/v1/pods?fieldSelector=spec.nodeName%3Dnode-sees");
        Assert.Equal("p", (string?)own.Body["items"]!.AsArray().Single()!["metadata"]!["name"]);
        Assert.Equal(HttpStatusCode.Forbidden, (await node.GetAsync("/api/v1/pods?fieldSelector=spec.nodeName%3Dnode-else")).Code);
        Assert.Equal(HttpStatusCode.Forbidden, (await node.GetAsync("/api/v1/pods?fieldSelector=spec.nodeName!%3Dnode-sees")).Code);
        Assert.Equal(HttpStatusCode.OK, (await node.GetAsync("/api/v1/namespaces/sees/pods/p")).Code);
        Assert.Equal(HttpStatusCode.Forbidden, (await node.GetAsync("/api/v1/namespaces/sees/pods/elsewhere")).Code);
        Assert.Equal(HttpStatusCode.OK, (await node.GetAsync("/api/v1/nodes/node-sees")).Code);
        Assert.Equal(HttpStatusCode.OK, (await node.GetAsync("/api/v1/nodes?fieldSelector=metadata.name%3Dnode-sees")).Code);
        Assert.Equal(HttpStatusCode.Forbidden, (await node.GetAsync("/api/v1/nodes")).Code);
        Assert.Equal(HttpStatusCode.Forbidden, (await node.GetAsync("/api/v1/nodes/else")).Code);
    }

    [Fact]
    public async Task A_node_writes_its_own_status_pods_and_lease()
    {
        await SetUpAsync("writes");
        var node = Node("node-writes");
        Assert.Equal(HttpStatusCode.OK, (await node.StrategicAsync("/api/v1/nodes/node-writes/status", """{"status":{"phase":"Running"}}""")).Code);
        Assert.Equal(HttpStatusCode.Forbidden, (await node.StrategicAsync("/api/v1/nodes/node-else/status", "{}")).Code);
        Assert.Equal(HttpStatusCode.OK, (await node.StrategicAsync(
            "/api/v1/namespaces/writes/pods/p/status", """{"status":{"phase":"Running"}}""")).Code);
        var foreign = await node.StrategicAsync("/api/v1/namespaces/writes/pods/elsewhere/status", """{"status":{"phase":"Running"}}""");
        Assert.Equal(
            (HttpStatusCode.Forbidden, "pods \"elsewhere\" is forbidden: node \"node-writes\" can only update pod status for pods with spec.nodeName set to itself"),
            (foreign.Code, foreign.Message));
        Assert.Equal(HttpStatusCode.Forbidden, (await node.StrategicAsync("/api/v1/namespaces/writes/pods/p", """{"metadata":{"labels":{"a":"b"}}}""")).Code);
        Assert.Equal(HttpStatusCode.Forbidden, (await node.DeleteAsync("/api/v1/namespaces/writes/pods/elsewhere")).Code);
        const string leases = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
        Assert.Equal(HttpStatusCode.Created, (await node.PostAsync(leases, """{"metadata":{"name":"node-writes"},"spec":{}}""")).Code);
        Assert.Equal(HttpStatusCode.Forbidden, (await node.PostAsync(leases, """{"metadata":{"name":"node-else"},"spec":{}}""")).Code);
        Assert.Equal(HttpStatusCode.Forbidden, (await node.GetAsync(leases + "/node-else")).Code);
        Assert.Equal(HttpStatusCode.OK, (await node.GetAsync(leases + "/node-writes")).Code);
        Assert.Equal(HttpStatusCode.Forbidden, (await node.PostAsync(
            "/api/v1/namespaces/writes/pods", TestObjects.Pod("mine", "node-writes"))).Code);
    }

    [Fact]
    public async Task A_node_sets_no_labels_and_taints_that_others_decide_by()
    {
        var node = Node("node-labels");
        Assert.Equal(HttpStatusCode.Created, (await node.PostAsync(
            "/api/v1/nodes", """{"metadata":{"name":"node-labels","labels":{"kubernetes.io/arch":"amd64","camera":"yes"}}}""")).Code);
        var stolen = await node.MergeAsync("/api/v1/nodes/node-labels", """{"metadata":{"labels":{"node-role.kubernetes.io/control-plane":"","node-restriction.kubernetes.io/x":"y"}}}""");
        Assert.Equal(
            (HttpStatusCode.Forbidden, "nodes \"node-labels\" is forbidden: is not allowed to modify labels: node-restriction.kubernetes.io/x, node-role.kubernetes.io/control-plane"),
            (stolen.Code, stolen.Message));
        Assert.Equal(HttpStatusCode.Forbidden, (await node.MergeAsync("/api/v1/nodes/node-labels", """{"spec":{"taints":[{"key":"a","effect":"NoSchedule"}]}}""")).Code);
        Assert.Equal(HttpStatusCode.OK, (await node.MergeAsync("/api/v1/nodes/node-labels", """{"metadata":{"labels":{"camera":"no"}}}""")).Code);
        Assert.Equal(HttpStatusCode.Forbidden, (await node.PostAsync("/api/v1/nodes", """{"metadata":{"name":"another"}}""")).Code);
        Assert.Equal(HttpStatusCode.Forbidden, (await node.DeleteAsync("/api/v1/nodes/node-labels")).Code);
    }

    [Fact]
    public async Task A_node_gets_tokens_for_its_own_pods_bound_to_their_uid()
    {
        var uid = await SetUpAsync("tokens");
        var node = Node("node-tokens");
        const string path = "/api/v1/namespaces/tokens/serviceaccounts/default/token";
        Assert.Equal(HttpStatusCode.Created, (await node.PostAsync(path, Bound("p", uid))).Code);
        Assert.Equal(
            "serviceaccounts \"default\" is forbidden: node requested token not bound to a pod", (await node.PostAsync(path, "{}")).Message);
        Assert.Equal(
            "serviceaccounts \"default\" is forbidden: node requested token with a pod binding without a uid", (await node.PostAsync(path, Bound("p", ""))).Message);
        Assert.Equal(
            "serviceaccounts \"default\" is forbidden: node requested token bound to a pod scheduled on a different node",
            (await node.PostAsync(path, Bound("elsewhere", (string)(await Admin.GetAsync("/api/v1/namespaces/tokens/pods/elsewhere")).Body["metadata"]!["uid"]!))).Message);
        Assert.Equal(HttpStatusCode.Forbidden, (await Node("node-none").PostAsync(path, Bound("p", uid))).Code);
    }

    [Theory]
    [InlineData("camera", false)]
    [InlineData("example.com/x", false)]
    [InlineData("kubernetes.io/hostname", false)]
    [InlineData("node.kubernetes.io/anything", false)]
    [InlineData("x.kubelet.kubernetes.io/y", false)]
    [InlineData("kubernetes.io/role", true)]
    [InlineData("node-role.kubernetes.io/edge", true)]
    [InlineData("node-restriction.kubernetes.io/pci", true)]
    [InlineData("team.node-restriction.kubernetes.io/pci", true)]
    [InlineData("app.k8s.io/x", true)]
    [InlineData("notkubernetes.io/x", false)]
    public void Labels_of_kubernetes_own_are_restricted_but_for_those_that_describe_a_node(string label, bool isRestricted) =>
        Assert.Equal(isRestricted, NodeRestriction.IsRestricted(label));

    private static string Bound(string pod, string uid) =>
        $$$$"""{"spec":{"boundObjectRef":{"kind":"Pod","apiVersion":"v1","name":"{{{{pod}}}}","uid":"{{{{uid}}}}"}}}""";

    private ApiClient Node(string name) => new(fixture.Host.Client($"system:node:{name}", "system:nodes"));

    /// <summary>A namespace, a node of its name, a pod on it that uses a secret and a map, and a pod elsewhere.</summary>
    private async Task<string> SetUpAsync(string name)
    {
        await Admin.PostAsync("/api/v1/namespaces", $$$"""{"metadata":{"name":"{{{name}}}"}}""");
        await Eventually.HoldsAsync("it has its account", async () =>
            (await Admin.GetAsync($"/api/v1/namespaces/{name}/serviceaccounts/default")).Code == HttpStatusCode.OK);
        await Admin.PostAsync("/api/v1/nodes", $$$"""{"metadata":{"name":"node-{{{name}}}"}}""");
        foreach (var secret in (string[])["used", "other"])
        {
            await Admin.PostAsync($"/api/v1/namespaces/{name}/secrets", $$$"""{"metadata":{"name":"{{{secret}}}"}}""");
            await Admin.PostAsync($"/api/v1/namespaces/{name}/configmaps", $$$"""{"metadata":{"name":"{{{secret}}}-map"}}""");
        }

        var pod = JsonNode.Parse(TestObjects.Pod("p", $"node-{name}"))!;
        pod["spec"]!["volumes"] = JsonNode.Parse("""[{"name":"s","secret":{"secretName":"used"}}]""");
        pod["spec"]!["containers"]![0]!["envFrom"] = JsonNode.Parse("""[{"configMapRef":{"name":"used-map"}}]""");
        var made = await Admin.PostAsync($"/api/v1/namespaces/{name}/pods", pod.ToJsonString());
        await Admin.PostAsync($"/api/v1/namespaces/{name}/pods", TestObjects.Pod("elsewhere", "node-else"));
        return (string)made.Body["metadata"]!["uid"]!;
    }
}
