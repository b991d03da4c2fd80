using System.Text.Json.Nodes;
using EdgeSync.EdgeCore.EventBus.Mqtt;
using EdgeSync.EdgeCore.Tests.Outboxes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.EdgeCore.Tests.DeviceTwin;

/// <summary>What goes to the cloud, without a broker: messages are handed to DeviceTwin as EventBus does.</summary>
public sealed class TwinReportTests
{
    [Fact]
    public async Task A_report_has_what_the_cloud_lacks_as_it_is_when_it_is_sent()
    {
        await using var rig = await StartedAsync();
        await UpdateAsync(rig, ("a", "1"), ("b", "1"), ("a", "2"));
        var entry = Assert.Single(rig.Agent.Outbox.Next(10));
        Assert.Equal(
            ("twin", "resource", "update", "device/default/thermo-1/twin/edge_updated", Lane.Twins),
            (entry.Message.Source, entry.Message.Group, entry.Message.Operation, entry.Message.Resource, entry.Message.Lane));
        var content = JsonNode.Parse(entry.Message.Content)!;
        Assert.Equal("uid-1", (string?)content["uid"]);
        Assert.Equal("2", (string?)content["twin"]!["a"]!["actual"]!["value"]);
        Assert.Equal("""{"cloud":0,"edge":2}""", content["twin"]!["a"]!["actual_version"]!.ToJsonString());
        Assert.Equal("""{"cloud":0,"edge":1}""", content["twin"]!["b"]!["actual_version"]!.ToJsonString());
    }

    [Fact]
    public async Task A_property_that_changed_after_the_report_was_sent_stays_pending_when_the_report_is_confirmed()
    {
        await using var rig = await StartedAsync();
        await UpdateAsync(rig, ("a", "1"), ("b", "1"));
        var sent = Assert.Single(rig.Agent.Outbox.Next(10));
        await UpdateAsync(rig, ("a", "2"));
        Assert.Empty(rig.Agent.Outbox.Next(10, sent.Message.Key));
        await rig.Agent.Outbox.SettleAsync([new Settlement(sent, SettleReason.Taken)], CancellationToken.None);

        var rest = Assert.Single(rig.Agent.Outbox.Next(10));
        var twin = JsonNode.Parse(rest.Message.Content)!["twin"]!.AsObject();
        Assert.Equal(["a"], twin.Select(p => p.Key));
        await rig.Agent.Outbox.SettleAsync([new Settlement(rest, SettleReason.Taken)], CancellationToken.None);
        Assert.Empty(rig.Agent.Outbox.Next(10));
        Assert.Equal(0L, rig.Agent.Database.Read(s => s.Scalar("SELECT count(*) FROM twin WHERE reported_seq > acked_seq")));
    }

    [Fact]
    public async Task A_property_that_changed_after_the_report_was_sent_stays_pending_when_the_report_is_refused()
    {
        await using var rig = await StartedAsync();
        await UpdateAsync(rig, ("a", "1"), ("b", "1"));
        var sent = Assert.Single(rig.Agent.Outbox.Next(10));
        await UpdateAsync(rig, ("a", "2"));
        await rig.Agent.Outbox.SettleAsync([new Settlement(sent, SettleReason.Rejected)], CancellationToken.None);

        var rest = Assert.Single(rig.Agent.Outbox.Next(10));
        Assert.Equal(["a"], JsonNode.Parse(rest.Message.Content)!["twin"]!.AsObject().Select(p => p.Key));
        await rig.Agent.Outbox.SettleAsync([new Settlement(rest, SettleReason.Rejected)], CancellationToken.None);
        Assert.Empty(rig.Agent.Outbox.Next(10));
    }

    [Fact]
    public async Task A_property_that_changed_after_there_was_nothing_to_say_stays_pending()
    {
        await using var rig = await StartedAsync();
        await UpdateAsync(rig, ("a", "1"));
        var entry = Assert.Single(rig.Agent.Outbox.Next(10));
        await UpdateAsync(rig, ("a", "2"));
        var empty = entry with { Message = entry.Message with { Content = null } };
        await rig.Agent.Outbox.SettleAsync([new Settlement(empty, SettleReason.NothingToSay)], CancellationToken.None);
        Assert.Single(rig.Agent.Outbox.Next(10));
    }

    [Fact]
    public async Task A_confirmation_for_the_devices_last_life_settles_nothing_of_this_one()
    {
        await using var rig = await StartedAsync();
        await UpdateAsync(rig, ("a", "1"));
        var old = Assert.Single(rig.Agent.Outbox.Next(10));
        await rig.Agent.PutDeviceAsync("thermo-1", "uid-2");
        await UpdateAsync(rig, ("a", "9"));
        await rig.Agent.Outbox.SettleAsync([new Settlement(old, SettleReason.Taken)], CancellationToken.None);
        var content = JsonNode.Parse(Assert.Single(rig.Agent.Outbox.Next(10)).Message.Content)!;
        Assert.Equal(("uid-2", "9"), ((string?)content["uid"], (string?)content["twin"]!["a"]!["actual"]!["value"]));
    }

    [Fact]
    public async Task A_confirmation_for_the_devices_last_stay_on_this_node_settles_nothing_of_this_one()
    {
        await using var rig = await StartedAsync();
        await UpdateAsync(rig, ("a", "1"));
        var old = Assert.Single(rig.Agent.Outbox.Next(10));
        await rig.Agent.RemoveDeviceAsync("thermo-1");
        await rig.Agent.Twins.HandleAsync([], null, CancellationToken.None);
        await rig.Agent.PutDeviceAsync("thermo-1", "uid-1");
        await UpdateAsync(rig, ("a", "9"));
        await rig.Agent.Outbox.SettleAsync([new Settlement(old, SettleReason.Taken)], CancellationToken.None);
        var content = JsonNode.Parse(Assert.Single(rig.Agent.Outbox.Next(10)).Message.Content)!;
        Assert.Equal(("uid-1", "9"), ((string?)content["uid"], (string?)content["twin"]!["a"]!["actual"]!["value"]));
    }

    [Fact]
    public async Task A_device_that_was_away_comes_back_with_another_origin()
    {
        await using var rig = await StartedAsync();
        var first = await OriginAsync(rig);
        Assert.Equal(first, await OriginAsync(rig));
        await rig.Agent.RemoveDeviceAsync("thermo-1");
        await rig.Agent.Twins.HandleAsync([], null, CancellationToken.None);
        await rig.Agent.PutDeviceAsync("thermo-1", "uid-1");
        Assert.NotEqual(first, await OriginAsync(rig));

        static async Task<string> OriginAsync(TwinRig rig)
        {
            await UpdateAsync(rig, ("a", "1"));
            var content = JsonNode.Parse(Assert.Single(rig.Agent.Outbox.Next(10)).Message.Content)!;
            return Assert.IsAssignableFrom<JsonValue>(content["origin"]).GetValue<string>();
        }
    }

    [Fact]
    public async Task A_busy_device_keeps_its_place_in_the_queue()
    {
        await using var rig = await StartedAsync();
        await rig.Agent.PutDeviceAsync("thermo-2", "uid-2");
        await UpdateAsync(rig, ("a", "1"));
        await rig.Agent.Twins.HandleAsync([Message("thermo-2", "twin/update", TwinAgent.Update("a", "1"))], null, CancellationToken.None);
        await UpdateAsync(rig, ("a", "2"));
        Assert.Equal(["twin/default/thermo-1", "twin/default/thermo-2"], rig.Agent.Outbox.Next(10).Select(e => e.Message.Key));
    }

    [Fact]
    public async Task A_report_that_is_too_large_is_sent_in_parts()
    {
        await using var rig = await StartedAsync();
        for (var i = 0; i < 100; i++)
        {
            await UpdateAsync(rig, ($"p{i}", new string('x', 4000)));
        }

        var seen = new HashSet<string>();
        var parts = 0;
        while (rig.Agent.Outbox.Next(1) is [var entry])
        {
            Assert.True(entry.Message.Content!.Length < 300 * 1024);
            seen.UnionWith(JsonNode.Parse(entry.Message.Content)!["twin"]!.AsObject().Select(p => p.Key));
            await rig.Agent.Outbox.SettleAsync([new Settlement(entry, SettleReason.Taken)], CancellationToken.None);
            parts++;
        }

        Assert.Equal((100, true), (seen.Count, parts > 1));
    }

    [Fact]
    public async Task A_desired_value_is_confirmed_to_the_cloud_as_observed()
    {
        await using var rig = await StartedAsync();
        await rig.Agent.PutDeviceAsync("thermo-1", "uid-1", ("setpoint", "22"));
        await rig.Agent.Twins.HandleAsync([], null, CancellationToken.None);
        var twin = JsonNode.Parse(Assert.Single(rig.Agent.Outbox.Next(10)).Message.Content)!["twin"]!;
        Assert.Equal("22", (string?)twin["setpoint"]!["expected"]!["value"]);
        Assert.Equal(1, (int?)twin["setpoint"]!["actual_version"]!["edge"]);
    }

    [Fact]
    public async Task Of_states_only_the_last_goes_up_as_a_string_that_holds_JSON()
    {
        await using var rig = await StartedAsync();
        foreach (var state in new[] { "online", "offline" })
        {
            await rig.Agent.Twins.HandleAsync([Message("thermo-1", "state/update", $$"""{"state":"{{state}}"}""")], null, CancellationToken.None);
        }

        var entry = Assert.Single(rig.Agent.Outbox.Next(10));
        Assert.Equal(("devicestate/default/thermo-1", "device/default/thermo-1/state/update"), (entry.Message.Key, entry.Message.Resource));
        var inner = JsonNode.Parse((string?)JsonNode.Parse(entry.Message.Content!) ?? "")!;
        Assert.Equal("""{"name":"thermo-1","state":"offline","lastOnlineTime":""}""", inner["device"]!.ToJsonString());
    }

    [Fact]
    public async Task What_a_removed_device_had_to_say_is_not_sent()
    {
        await using var rig = await StartedAsync();
        await UpdateAsync(rig, ("a", "1"));
        await rig.Agent.RemoveDeviceAsync("thermo-1");
        await rig.Agent.Twins.HandleAsync([], null, CancellationToken.None);
        Assert.Empty(rig.Agent.Outbox.Next(10));
        Assert.Equal(0L, rig.Agent.Database.Read(s => s.Scalar("SELECT count(*) FROM twin")));
    }

    [Fact]
    public async Task Reported_values_of_a_lost_database_are_taken_back_and_not_sent_again()
    {
        await using var rig = await TwinRig.WithoutBrokerAsync();
        var device = TwinAgent.Device("thermo-9", "uid-9");
        device["status"] = JsonNode.Parse("""{"twins":[{"propertyName":"t","reported":{"value":"7","metadata":{"timestamp":"5","type":"int","sequence":"40"}}}]}""");
        await rig.Agent.PutAsync(ResourceTypes.Device, device.ToJsonString());
        await rig.Agent.Twins.HandleAsync([], null, CancellationToken.None);
        Assert.Equal("7", rig.Agent.Reported("thermo-9", "t"));
        Assert.Empty(rig.Agent.Outbox.Next(10));
        await rig.Agent.Twins.HandleAsync([Message("thermo-9", "twin/update", TwinAgent.Update("t", "8"))], null, CancellationToken.None);
        var twin = JsonNode.Parse(Assert.Single(rig.Agent.Outbox.Next(10)).Message.Content)!["twin"]!;
        Assert.Equal(41, (int?)twin["t"]!["actual_version"]!["edge"]);
    }

    [Fact]
    public async Task What_cannot_be_stored_is_neither_acknowledged_nor_visible()
    {
        await using var rig = await StartedAsync();
        await UpdateAsync(rig, ("a", "1"));
        await rig.Agent.Database.DisposeAsync();
        await Assert.ThrowsAnyAsync<Exception>(() => UpdateAsync(rig, ("a", "2")));
        Assert.Equal("1", rig.Agent.Reported("thermo-1", "a"));
    }

    [Fact]
    public async Task A_model_that_comes_after_its_device_gives_its_types()
    {
        await using var rig = await StartedAsync();
        await rig.Agent.PutAsync(ResourceTypes.DeviceModel, """
            {"kind":"DeviceModel","metadata":{"namespace":"default","name":"thermo","uid":"m"},"spec":{"properties":[{"name":"a","type":"INT"}]}}
            """);
        await UpdateAsync(rig, ("a", "warm"), ("a", "3"));
        Assert.Equal((1L, "3"), (rig.Agent.Twins.Refused, rig.Agent.Reported("thermo-1", "a")));
    }

    private static async Task<TwinRig> StartedAsync()
    {
        var rig = await TwinRig.WithoutBrokerAsync();
        await rig.Agent.Twins.HandleAsync([], null, CancellationToken.None);
        Assert.NotNull(rig.Agent.Twin("thermo-1"));
        return rig;
    }

    private static Task UpdateAsync(TwinRig rig, params (string Property, string Value)[] updates) => rig.Agent.Twins.HandleAsync(
        [.. updates.Select(u => Message("thermo-1", "twin/update", TwinAgent.Update(u.Property, u.Value)))], null, CancellationToken.None);

    private static MqttMessage Message(string device, string verb, string payload) =>
        new(TwinAgent.Topic(device, verb), System.Text.Encoding.UTF8.GetBytes(payload), 1);
}
