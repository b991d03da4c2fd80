using System.Text.Json.Nodes;
using EdgeSync.TestKit;

namespace EdgeSync.CloudCore.Tests.CloudHub.KubeEdge;

/// <summary>What KubeEdge's edgecore v1.23 says to the hub, and what it needs to hear, held without the Go program.</summary>
public sealed class KubeEdgeDialogueTests
{
    private const string NodeName = "ke.edge-1"; // dots are allowed, and records are named NODE.UID

    private const string Workload = """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: settings, namespace: default}
        data: {level: info}
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: app, namespace: default}
        spec:
          nodeName: ke.edge-1
          terminationGracePeriodSeconds: 2
          containers: [{name: app, image: "localhost/edgesync/busybox:1", envFrom: [{configMapRef: {name: settings}}]}]
        """;

    [Fact]
    public async Task A_node_registers_gets_its_node_and_turns_ready()
    {
        await using var world = await KubeEdgeWorld.StartAsync(NodeName);
        var (cloud, edge) = (world.Cloud, world.Edge);
        var answer = (await edge.AskAsync("register"))["content"]!.AsObject();

        // edgecore knows the form by both members, whatever they hold
        Assert.Equal(NodeName, (string?)answer["Object"]!["metadata"]!["name"]);
        Assert.True(answer.ContainsKey("Err") && answer["Err"] is null);
        var pushed = await edge.WaitAsync("insert", $"null/node/{NodeName}");
        Assert.Equal("edgecontroller", (string?)pushed["route"]!["source"]);
        Assert.Equal((string?)pushed["content"]!["metadata"]!["resourceVersion"], (string?)pushed["header"]!["resourceversion"]);

        Assert.NotNull((await edge.AskAsync("node-patch-empty"))["content"]!["Object"]);
        await edge.AskAsync("node-status");
        var ready = "{.status.conditions[?(@.type==\"Ready\")].status}";
        Assert.Equal("True", await cloud.Kubectl.PathAsync(ready, "node", NodeName));
        await Eventually.HoldsAsync("the node's record is written", async () => await RecordsAsync(cloud, "clusterobjectsyncs") == 1);
    }

    [Fact]
    public async Task A_node_that_registers_again_is_told_so_and_gets_everything_anew()
    {
        await using var world = await KubeEdgeWorld.StartAsync(NodeName);
        var (cloud, edge) = (world.Cloud, world.Edge);
        await edge.AskAsync("register");
        await ApplyAndWaitAsync(world);

        // edgecore has started again, perhaps with an empty database
        await edge.CutAsync();
        await edge.ConnectAsync();
        var error = (await edge.AskAsync("register"))["content"]!.AsObject();

        Assert.True(error.ContainsKey("Object") && error["Object"] is null);
        Assert.Equal("AlreadyExists", (string?)error["Err"]!["ErrStatus"]!["reason"]);
        Assert.Equal(409, (int?)error["Err"]!["ErrStatus"]!["code"]);
        await edge.WaitAsync("update", $"null/node/{NodeName}");
        await edge.WaitAsync("update", "default/configmap/settings");
        await edge.WaitAsync("update", "default/pod/app");
    }

    [Fact]
    public async Task A_lease_is_asked_for_made_and_renewed()
    {
        await using var world = await KubeEdgeWorld.StartAsync(NodeName);
        var (cloud, edge) = (world.Cloud, world.Edge);
        var node = (await edge.AskAsync("register"))["content"]!["Object"]!;
        var missing = (await edge.AskAsync("lease-query"))["content"]!;
        Assert.Equal(404, (int?)missing["Err"]!["ErrStatus"]!["code"]);

        var made = (await edge.AskAsync("lease-insert", ("NODE_UID", (string)node["metadata"]!["uid"]!)))["content"]!["Object"]!;
        var renewed = await edge.AskAsync(
            "lease-update", ("NODE_UID", (string)node["metadata"]!["uid"]!), ("LEASE_UID", (string)made["metadata"]!["uid"]!),
            ("LEASE_VERSION", (string)made["metadata"]!["resourceVersion"]!));

        Assert.Equal("2026-11-21T01:43:21.591998Z", (string?)renewed["content"]!["Object"]!["spec"]!["renewTime"]);
    }

    [Fact]
    public async Task A_pod_comes_with_its_config_map_reports_its_status_and_goes_when_its_containers_have_ended()
    {
        await using var world = await KubeEdgeWorld.StartAsync(NodeName);
        var (cloud, edge) = (world.Cloud, world.Edge);
        await edge.AskAsync("register");
        var pod = await ApplyAndWaitAsync(world);
        var uid = (string)pod["content"]!["metadata"]!["uid"]!;
        await edge.WaitAsync("insert", "default/configmap/settings");
        await edge.AskAsync("pod-pending", ("POD_UID", uid), ("POD", "app"));
        var running = await edge.AskAsync("pod-running", ("POD_UID", uid), ("POD", "app"));
        Assert.Equal("Running", (string?)running["content"]!["Object"]!["status"]!["phase"]);

        // it reports changes against what it was last sent: each status goes back to it
        await edge.WaitAsync("the pod with its status", m => (string?)m["route"]!["operation"] == "update"
            && (string?)m["route"]!["resource"] == "default/pod/app" && (string?)m["content"]!["status"]?["phase"] == "Running");

        await cloud.Kubectl.RunAsync("delete", "pod", "app", "--wait=false");
        await edge.WaitAsync("the pod's end", m => m["content"] is JsonObject o && o["metadata"]?["deletionTimestamp"] is not null);
        Assert.Equal("OK", (string?)(await edge.AskAsync("pod-delete", ("POD_UID", uid), ("POD", "app")))["content"]);
        var deleted = await edge.WaitAsync("delete", "default/pod/app");
        Assert.Equal(uid, (string?)deleted["content"]!["metadata"]!["uid"]);
        Assert.Equal("Pod", (string?)deleted["content"]!["kind"]);
        await Eventually.HoldsAsync("its records are gone", async () => await RecordsAsync(cloud, "objectsyncs") == 0);

        // asked again, because the answer was lost: what is gone is gone
        Assert.Equal("OK", (string?)(await edge.AskAsync("pod-delete", ("POD_UID", uid), ("POD", "app")))["content"]);
    }

    [Fact]
    public async Task A_config_map_that_is_not_there_is_no_empty_config_map()
    {
        await using var world = await KubeEdgeWorld.StartAsync(NodeName);
        var (cloud, edge) = (world.Cloud, world.Edge);
        await edge.AskAsync("register");
        await cloud.Kubectl.ApplyAsync(Workload[(Workload.IndexOf("---", StringComparison.Ordinal) + 3)..]);
        await edge.WaitAsync("insert", "default/pod/app");

        // any error object would be stored, and the container started without its environment
        Assert.Equal("OK", (string?)(await edge.AskAsync("config-map-query", ("NAME", "settings")))["content"]);

        await cloud.Kubectl.ApplyAsync(Workload);
        await edge.WaitAsync("insert", "default/configmap/settings");
        var found = await edge.AskAsync("config-map-query", ("NAME", "settings"));
        Assert.Equal("info", (string?)found["content"]!["data"]!["level"]);
        Assert.Equal((string?)found["content"]!["metadata"]!["resourceVersion"], (string?)found["header"]!["resourceversion"]);
        await cloud.Kubectl.RunAsync("create", "secret", "generic", "foreign", "--from-literal=a=b");
        Assert.Equal("OK", (string?)(await edge.AskAsync("secret-query", ("NAME", "foreign")))["content"]);
    }

    [Fact]
    public async Task After_a_cut_only_what_changed_is_sent_and_what_was_deleted_is_deleted()
    {
        await using var world = await KubeEdgeWorld.StartAsync(NodeName);
        var (cloud, edge) = (world.Cloud, world.Edge);
        await edge.AskAsync("register");
        await cloud.Kubectl.ApplyAsync(Workload.Replace("settings", "other", StringComparison.Ordinal).Replace("name: app,", "name: app2,", StringComparison.Ordinal));
        await ApplyAndWaitAsync(world);
        await edge.WaitAsync("insert", "default/pod/app2");
        await Eventually.HoldsAsync("the records are written", async () => await RecordsAsync(cloud, "objectsyncs") == 5); // two pods, a map of each, and the CA that both mount

        await edge.CutAsync();
        await cloud.Kubectl.RunAsync("patch", "configmap", "settings", "-p", """{"data":{"level":"debug"}}""");
        await cloud.Kubectl.RunAsync("delete", "pod", "app2", "--grace-period=0", "--force");

        // the records outlive the hub
        await cloud.KillAsync();
        await cloud.StartAsync();
        await edge.ConnectAsync();

        var changed = await edge.WaitAsync("update", "default/configmap/settings");
        Assert.Equal("debug", (string?)changed["content"]!["data"]!["level"]);
        var gone = await edge.WaitAsync("delete", "default/pod/app2");
        Assert.NotNull(gone["content"]!["metadata"]!["uid"]);
        await edge.WaitAsync("delete", "default/configmap/other");
        await Eventually.HoldsAsync("the records follow", async () => await RecordsAsync(cloud, "objectsyncs") == 3);
        Assert.DoesNotContain(edge.Received, m => (string?)m["route"]!["resource"] == "default/pod/app");
    }

    [Fact]
    public async Task An_agent_that_moves_to_another_replica_is_sent_what_changed_and_nothing_else()
    {
        await using var api = await ProgramsCloud.StartNewAsync(); // in a cluster's place
        await api.Kubectl.ApplyAsync(await File.ReadAllTextAsync(Path.Combine(ProgramsLocation.Root, "deploy", "cloud", "rbac.yaml")));
        await using var first = await ProgramsCloud.ReplicaOnClusterAsync(api.Kubeconfig, api.Kubeconfig, pki: null);
        await using var second = await ProgramsCloud.ReplicaOnClusterAsync(api.Kubeconfig, api.Kubeconfig, Path.Combine(first.DataFolder, "pki"));
        await first.StartAsync();
        await second.StartAsync();
        await using var edge = new ScriptedEdgeCore(first, NodeName);
        await edge.EnrollAsync();
        await edge.ConnectAsync();
        await edge.AskAsync("register");
        await api.Kubectl.ApplyAsync(Workload);
        await edge.WaitAsync("insert", "default/pod/app");
        await Eventually.HoldsAsync("the records are written", async () => await RecordsAsync(api, "objectsyncs") == 3); // the pod, its map and the CA that it mounts

        // the first replica dies; meanwhile something changes
        await edge.CutAsync();
        await first.KillAsync();
        await api.Kubectl.RunAsync("patch", "configmap", "settings", "-p", """{"data":{"level":"debug"}}""");
        edge.Hub = second;
        await edge.ConnectAsync();
        var changed = await edge.WaitAsync("update", "default/configmap/settings");
        Assert.Equal("debug", (string?)changed["content"]!["data"]!["level"]);
        Assert.DoesNotContain(edge.Received, m => (string?)m["route"]!["resource"] == "default/pod/app");
        await Eventually.HoldsAsync("the change is recorded", async () =>
            (await api.Kubectl.PathAsync("{.items[*].status.objectResourceVersion}", "objectsyncs", "-n", "default")).Split(' ').Contains((string?)changed["header"]!["resourceversion"]));

        // it goes back while the second replica still holds a connection that it takes for the node's
        await first.StartAsync();
        await using var again = await edge.ElsewhereAsync(first);
        await edge.EndedByHubAsync();
        await api.Kubectl.RunAsync("delete", "pod", "app", "--grace-period=0", "--force");
        await again.WaitAsync("delete", "default/pod/app");
        Assert.DoesNotContain(again.Received, m => (string?)m["route"]!["resource"] == "default/configmap/settings" && (string?)m["route"]!["operation"] == "update");
    }

    [Fact]
    public async Task Another_pod_of_the_same_name_comes_after_the_first_has_gone()
    {
        await using var world = await KubeEdgeWorld.StartAsync(NodeName);
        var (cloud, edge) = (world.Cloud, world.Edge);
        await edge.AskAsync("register");
        var first = (string)(await ApplyAndWaitAsync(world))["content"]!["metadata"]!["uid"]!;

        await edge.CutAsync();
        await cloud.Kubectl.RunAsync("delete", "pod", "app", "--grace-period=0", "--force");
        await cloud.Kubectl.ApplyAsync(Workload);
        await edge.ConnectAsync();

        var second = await edge.WaitAsync("insert", "default/pod/app");
        Assert.NotEqual(first, (string?)second["content"]!["metadata"]!["uid"]);
        var messages = edge.Received.Where(m => (string?)m["route"]!["resource"] == "default/pod/app").ToList();
        Assert.Equal("delete", (string?)messages[0]["route"]!["operation"]);
        Assert.Equal(first, (string?)messages[0]["content"]!["metadata"]!["uid"]);
    }

    [Fact]
    public async Task One_message_is_on_its_way_and_comes_again_under_its_id_until_it_is_acknowledged()
    {
        await using var world = await KubeEdgeWorld.StartAsync(NodeName);
        var (cloud, edge) = (world.Cloud, world.Edge);
        await edge.AskAsync("register");
        edge.Silent.Add("default/configmap/settings");
        await cloud.Kubectl.ApplyAsync(Workload);
        await Eventually.HoldsAsync("it is sent again", () => Sent().Count >= 2);

        Assert.Single(Sent().Select(m => (string?)m["header"]!["msg_id"]).Distinct());
        Assert.DoesNotContain(edge.Received, m => (string?)m["route"]!["resource"] == "default/pod/app");
        edge.Silent.Clear();
        await edge.WaitAsync("insert", "default/pod/app");

        List<JsonNode> Sent() => [.. edge.Received.Where(m => (string?)m["route"]!["resource"] == "default/configmap/settings")];
    }

    private static async Task<JsonNode> ApplyAndWaitAsync(KubeEdgeWorld world)
    {
        await world.Cloud.Kubectl.ApplyAsync(Workload);
        return await world.Edge.WaitAsync("insert", "default/pod/app");
    }

    private static async Task<int> RecordsAsync(ProgramsCloud cloud, string kind) =>
        (await cloud.Kubectl.PathAsync("{range .items[*]}{.status.objectResourceVersion}{\"\\n\"}{end}", kind, "-A"))
            .Split('\n').Count(version => version.Length > 0 && version != "0");
}
