using System.Text.Json.Nodes;
using EdgeSync.EdgeCore.Edged.Pods;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.EdgeCore.Tests.EdgeHub.KubeEdge;

/// <summary>The agent's dialogue with a hub that has no extensions, as a real cloudcore leads it.</summary>
public sealed class KubeEdgeSessionTests
{
    private const string Pod = "default/pod/web-1";
    private const string Missing = "default/configmap/app-cfg";

    [Fact]
    public async Task The_node_is_registered_before_anything_else_is_said_and_then_ready_and_leased()
    {
        await using var agent = await HubAgent.CreateAsync();
        await agent.ConnectAsync();

        await agent.HoldsAsync("the status is taken", () => agent.Outbox.Count == 0 && agent.Hub.Of(Operations.Patch, "null/nodepatch/").Count == 1);
        await agent.HoldsAsync("the lease is made", () => agent.Hub.Of(Operations.Insert, "kube-node-lease/lease/edge-1").Count == 1);
        var said = agent.Hub.Received.Where(m => m.Operation != Operations.Keepalive).ToList();
        Assert.Equal((Operations.Insert, "null/node/edge-1"), (said[0].Operation, said[0].Resource));
        Assert.Equal(0, agent.Service.RejectedCount);
        var status = agent.Hub.Of(Operations.Patch, "null/nodepatch/edge-1")[0];
        Assert.Equal("""{"status":{}}""", status.ContentAsString());
        Assert.Equal(Operations.Query, agent.Hub.Received.First(m => m.Resource == "kube-node-lease/lease/edge-1").Operation);
        var lease = JsonNode.Parse(agent.Hub.Of(Operations.Insert, "kube-node-lease/")[0].Content.Span)!;
        Assert.Equal("edge-1", lease["spec"]!["holderIdentity"]!.GetValue<string>());
        Assert.Equal(40, lease["spec"]!["leaseDurationSeconds"]!.GetValue<int>());
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$", lease["spec"]!["renewTime"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_lease_that_is_there_is_updated_with_all_that_the_API_gave()
    {
        await using var agent = await HubAgent.CreateAsync();
        agent.Cloud.HasLease = true;
        await agent.ConnectAsync();

        await agent.HoldsAsync("the lease is renewed", () => agent.Hub.Of(Operations.Update, "kube-node-lease/lease/edge-1").Count > 0);
        var lease = JsonNode.Parse(agent.Hub.Of(Operations.Update, "kube-node-lease/")[0].Content.Span)!;
        Assert.Equal("437", lease["metadata"]!["resourceVersion"]!.GetValue<string>());
        Assert.Equal("d4324c35-ac5a-4af2-9c36-9368ca90c64b", lease["metadata"]!["uid"]!.GetValue<string>());
        Assert.NotEqual("2026-01-01T00:00:10.000000Z", lease["spec"]!["renewTime"]!.GetValue<string>());
        Assert.Empty(agent.Hub.Of(Operations.Insert, "kube-node-lease/"));
    }

    [Fact]
    public async Task A_node_that_is_there_already_is_no_failure()
    {
        await using var agent = await HubAgent.CreateAsync();
        agent.Cloud.HasNode = true;
        await agent.ConnectAsync();

        await agent.HoldsAsync("the status is sent", () => agent.Hub.Of(Operations.Patch, "null/nodepatch/").Count == 1);
        await agent.HoldsAsync("all is compared", () => agent.SyncedWith is not null);
        Assert.Single(agent.Hub.Of(Operations.Insert, "null/node/edge-1"));
        Assert.DoesNotContain("not registered", agent.Log, StringComparison.Ordinal);
        Assert.Equal(0, agent.Service.RejectedCount);
    }

    [Fact]
    public async Task What_a_pod_mentions_is_asked_for_stored_and_acknowledged()
    {
        await using var agent = await HubAgent.CreateAsync();
        agent.Cloud.Objects[Missing] = "configmap-answer";
        agent.Cloud.Objects["default/secret/app-secret"] = "secret-answer";
        await agent.ConnectAsync();
        await agent.HoldsAsync("all is compared", () => agent.SyncedWith is not null);

        await agent.Hub.PushAsync(PodMessage());
        await agent.HoldsAsync("both are stored", () => agent.Stored(Missing) is not null && agent.Stored("default/secret/app-secret") is not null);

        Assert.Equal("413", agent.Stored(Missing)!.ResourceVersion);
        // both answers hold the hub's one place until they are acknowledged: that another push arrives proves it
        await agent.Hub.PushAsync(GoldenMessages.Read("node-push"));
        Assert.NotNull(agent.Stored("null/node/edge-1"));
        Assert.Single(agent.Hub.Of(Operations.Query, Missing));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_failed_query_stores_nothing_and_is_tried_again(bool apiAnswers)
    {
        await using var agent = await HubAgent.CreateAsync();
        await agent.ConnectAsync();
        await agent.HoldsAsync("all is compared", () => agent.SyncedWith is not null);
        agent.Cloud.HasApi = apiAnswers;

        await agent.Hub.PushAsync(PodMessage());
        await agent.HoldsAsync("it was asked for", () => agent.Log.Contains($"does not give {Missing}", StringComparison.Ordinal));
        Assert.Null(agent.Stored(Missing));

        agent.Cloud.HasApi = true;
        agent.Cloud.Objects[Missing] = "configmap-answer";
        await agent.HoldsAsync("it is stored", () => agent.Stored(Missing) is not null);
        Assert.True(agent.Hub.Of(Operations.Query, Missing).Count > 1);
    }

    [Fact]
    public async Task A_pod_that_went_while_the_link_was_down_is_removed()
    {
        await using var agent = await HubAgent.CreateAsync();
        await agent.StoreAsync(ResourceTypes.Pod, PodMessage()["content"]!);
        agent.Cloud.HasPod = false;
        await agent.ConnectAsync();

        await agent.HoldsAsync("all is compared", () => agent.SyncedWith is not null);
        await agent.HoldsAsync("the pod is gone", () => agent.Stored(Pod) is null);
    }

    [Fact]
    public async Task A_pod_that_was_made_anew_under_its_name_leaves_no_old_one()
    {
        await using var agent = await HubAgent.CreateAsync();
        var old = PodMessage()["content"]!;
        old["metadata"]!["uid"] = "00000000-0000-0000-0000-000000000001";
        await agent.StoreAsync(ResourceTypes.Pod, old);
        await agent.ConnectAsync();

        await agent.HoldsAsync("the old one is gone", () => agent.Stored(Pod) is null);
        await agent.Hub.PushAsync(PodMessage());
        Assert.Equal(PodUid, agent.Stored(Pod)!.Uid);
    }

    [Fact]
    public async Task A_pod_that_runs_and_is_not_stored_is_taken_over_before_the_store_counts_as_whole()
    {
        await using var agent = await HubAgent.CreateAsync();
        agent.Running[PodUid] = new RelistedPod("default", "web-1", 0);
        agent.Running["00000000-0000-0000-0000-000000000002"] = new RelistedPod("default", "other", 0);
        await agent.ConnectAsync();

        await agent.HoldsAsync("all is compared", () => agent.SyncedWith is not null);
        Assert.Equal([PodUid], agent.SyncedWith);
        Assert.Equal("Pod", agent.Stored(Pod)!.Kind);
        Assert.Single(agent.Stored(Pod)!.View(Protocol.Kubernetes.KubernetesJson.Default.Pod).Spec.Containers);
    }

    [Fact]
    public async Task While_the_API_is_away_no_pod_is_removed_and_the_store_does_not_count_as_whole()
    {
        await using var agent = await HubAgent.CreateAsync();
        await agent.StoreAsync(ResourceTypes.Pod, PodMessage()["content"]!);
        agent.Cloud.HasApi = false;
        agent.Cloud.HasPod = false;
        await agent.ConnectAsync();

        await agent.HoldsAsync("it was asked for twice", () => agent.Hub.Of(Operations.Patch, "default/podpatch/web-1").Count >= 2);
        Assert.NotNull(agent.Stored(Pod));
        Assert.Null(agent.SyncedWith);

        agent.Cloud.HasApi = true;
        await agent.HoldsAsync("the pod is gone", () => agent.Stored(Pod) is null);
        await agent.HoldsAsync("all is compared", () => agent.SyncedWith is not null);
    }

    [Fact]
    public async Task A_hub_that_answers_nothing_is_left_and_tried_again()
    {
        await using var agent = await HubAgent.CreateAsync(heartbeat: 1);
        agent.Hub.Refuses = true;
        await agent.ConnectAsync();

        await agent.HoldsAsync("a second connection", () => agent.Hub.Connections >= 2);
        Assert.False(agent.Service.IsConnected);
        Assert.Contains("may have refused the node without saying so", agent.Log, StringComparison.Ordinal);

        agent.Hub.Refuses = false;
        await agent.HoldsAsync("the agent is connected", () => agent.Service.IsConnected);
    }

    [Fact]
    public async Task After_a_cut_the_node_is_registered_again_and_what_pods_mention_is_asked_for_again()
    {
        await using var agent = await HubAgent.CreateAsync();
        agent.Cloud.Objects[Missing] = "configmap-answer";
        await agent.StoreAsync(ResourceTypes.Pod, PodMessage()["content"]!);
        await agent.ConnectAsync();
        await agent.HoldsAsync("the ConfigMap is stored", () => agent.Stored(Missing) is not null);

        agent.Hub.Cut();

        await agent.HoldsAsync("it is asked for again", () => agent.Hub.Of(Operations.Query, Missing).Count == 2);
        Assert.Equal(2, agent.Hub.Of(Operations.Insert, "null/node/edge-1").Count);
    }

    /// <summary>The one that runs on both sides of the recording: bound to this node.</summary>
    private static JsonObject PodMessage()
    {
        var message = GoldenMessages.Read("pod-insert");
        var pod = GoldenMessages.Read("pod-patch-answer")["content"]!["Object"]!.DeepClone().AsObject();
        pod["kind"] = "Pod";
        pod["apiVersion"] = "v1";
        message["route"]!["resource"] = Pod;
        message["header"]!["resourceversion"] = pod["metadata"]!["resourceVersion"]!.GetValue<string>();
        message["content"] = pod;
        return message;
    }

    private static string PodUid => GoldenMessages.Uid(PodMessage());
}
