using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.EdgeCore.Tests.EdgeHub.KubeEdge;

/// <summary>What a KubeEdge hub pushes, and what it takes: recorded messages against the agent.</summary>
public sealed class KubeEdgePushTests
{
    [Fact]
    public async Task A_pod_comes_is_deleted_gracefully_and_goes()
    {
        await using var agent = await ConnectedAsync();

        await agent.Hub.PushAsync(GoldenMessages.Read("pod-insert"));
        Assert.False(agent.Stored("default/pod/p1")!.IsDeleting);

        await agent.Hub.PushAsync(GoldenMessages.Read("pod-deleting"));
        Assert.True(agent.Stored("default/pod/p1")!.IsDeleting);

        await agent.Outbox.PutAsync(
            new UpstreamMessage(
                "poddelete/default/p1", Lane.Pods, false, Sources.Edged, Groups.Meta, Operations.Delete, "default/pod/p1",
                """{"gracePeriodSeconds":0,"preconditions":{"uid":"33c39882-ecee-4c5b-b483-d6825538267b"}}"""u8.ToArray()),
            CancellationToken.None);
        await agent.HoldsAsync("the deletion is taken", () => agent.Outbox.Count == 0);

        await agent.Hub.PushAsync(GoldenMessages.Read("pod-delete"));
        Assert.Null(agent.Stored("default/pod/p1"));
    }

    [Fact]
    public async Task A_delete_of_an_earlier_pod_spares_the_one_that_has_its_name_now()
    {
        await using var agent = await ConnectedAsync();
        await agent.Hub.PushAsync(GoldenMessages.Read("pod-insert"));
        var old = GoldenMessages.Read("pod-delete");
        old["content"]!["metadata"]!["uid"] = "00000000-0000-0000-0000-000000000001";

        await agent.Hub.PushAsync(old);

        Assert.NotNull(agent.Stored("default/pod/p1"));
    }

    [Fact]
    public async Task A_device_comes_changes_and_is_deleted_by_its_metadata_alone()
    {
        await using var agent = await ConnectedAsync();

        await agent.Hub.SendAsync(GoldenMessages.Read("membership")); // wants no acknowledgement
        await agent.Hub.PushAsync(GoldenMessages.Read("devicemodel-insert"));
        await agent.Hub.PushAsync(GoldenMessages.Read("device-insert"));
        Assert.Equal("497", agent.Stored("default/device/thermo-1")!.ResourceVersion);
        await agent.Hub.PushAsync(GoldenMessages.Read("device-desired"));
        Assert.Equal("508", agent.Stored("default/device/thermo-1")!.ResourceVersion);

        // as the sync controller says it of what went while the node was away: no kind, another source
        await agent.Hub.PushAsync(GoldenMessages.Read("device-away-delete"));
        Assert.Null(agent.Stored("default/device/thermo-1"));
        Assert.NotNull(agent.Stored("default/devicemodel/thermo"));
    }

    [Fact]
    public async Task What_cannot_be_read_does_not_hold_back_what_comes_after_it()
    {
        await using var agent = await ConnectedAsync();
        var broken = GoldenMessages.Read("pod-insert");
        broken["content"] = new JsonArray("not", "an", "object");

        await agent.Hub.PushAsync(broken);
        await agent.Hub.PushAsync(GoldenMessages.Read("device-insert"));

        Assert.Null(agent.Stored("default/pod/p1"));
        Assert.NotNull(agent.Stored("default/device/thermo-1"));
    }

    [Fact]
    public async Task The_first_report_of_a_property_is_said_twice_and_the_later_ones_once()
    {
        await using var agent = await ConnectedAsync();

        await ReportAsync(agent, "21.5");
        Assert.Equal("21.5", agent.Cloud.Reported("temperature"));
        Assert.Equal(2, agent.Hub.Of(Operations.Update, "device/default/thermo-1/").Count);

        await ReportAsync(agent, "22.5");
        Assert.Equal("22.5", agent.Cloud.Reported("temperature"));
        Assert.Equal(3, agent.Hub.Of(Operations.Update, "device/default/thermo-1/").Count);
    }

    [Fact]
    public async Task Routed_messages_leave_the_outbox_though_nobody_confirms_them()
    {
        await using var agent = await ConnectedAsync();
        for (var i = 0; i < 100; i++)
        {
            await agent.Outbox.PutAsync(
                new UpstreamMessage(
                    "bus/default/user/hello", Lane.Bulk, true, Sources.Bus, Groups.User, Operations.Upload, "default/user/hello", Encoding.UTF8.GetBytes($"\"{i}\"")),
                CancellationToken.None);
        }

        await agent.HoldsAsync("all are sent", () => agent.Outbox.Count == 0);
        await agent.HoldsAsync("all have come", () => agent.Hub.Of(Operations.Upload, "default/user/hello").Count == 100);
        Assert.Equal(
            Enumerable.Range(0, 100).Select(i => $"{i}"),
            agent.Hub.Of(Operations.Upload, "default/user/hello").Select(m => m.ContentAsString()));
    }

    [Fact]
    public async Task A_push_that_comes_again_is_acknowledged_again()
    {
        await using var agent = await ConnectedAsync();
        var push = GoldenMessages.Read("pod-insert");

        await agent.Hub.SendAsync(push);
        await agent.HoldsAsync("it is acknowledged", () => Acks(agent, push) == 1);
        await agent.Hub.SendAsync(push);

        await agent.HoldsAsync("it is acknowledged again", () => Acks(agent, push) == 2);
    }

    private static int Acks(HubAgent agent, JsonObject push) =>
        agent.Hub.Received.Count(m => m.Operation == Operations.Response && m.IsContentOk && m.ParentId == GoldenMessages.Id(push));

    private static async Task<HubAgent> ConnectedAsync()
    {
        var agent = await HubAgent.CreateAsync();
        await agent.ConnectAsync();
        await agent.HoldsAsync("all is compared", () => agent.SyncedWith is not null);
        await agent.HoldsAsync("the status is taken", () => agent.Outbox.Count == 0);
        return agent;
    }

    private static async Task ReportAsync(HubAgent agent, string value)
    {
        await agent.Outbox.PutAsync(
            new UpstreamMessage(
                "twinreport/default/thermo-1", Lane.Twins, false, Sources.Twin, Groups.Resource, Operations.Update, "device/default/thermo-1/twin/edge_updated",
                Encoding.UTF8.GetBytes("""{"event_id":"","timestamp":1,"twin":{"temperature":{"actual":{"value":"VALUE"},"metadata":{"type":"float"}}}}""".Replace("VALUE", value, StringComparison.Ordinal))),
            CancellationToken.None);
        await agent.HoldsAsync("the report is confirmed", () => agent.Outbox.Count == 0);
    }
}
