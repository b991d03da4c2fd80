using System.Text.Json.Nodes;
using EdgeSync.TestKit;

namespace EdgeSync.CloudCore.Tests.CloudHub.KubeEdge;

/// <summary>Devices of a node that runs KubeEdge's edgecore v1.23.</summary>
public sealed class KubeEdgeDeviceTests
{
    private const string NodeName = "ke-devices";

    private const string Thermometer = """
        apiVersion: devices.kubeedge.io/v1beta1
        kind: DeviceModel
        metadata: {name: thermometer, namespace: default}
        spec: {protocol: simulated, properties: [{name: temperature, type: FLOAT, accessMode: ReadWrite}]}
        ---
        apiVersion: devices.kubeedge.io/v1beta1
        kind: Device
        metadata: {name: thermo, namespace: default, labels: {description: kitchen}}
        spec:
          deviceModelRef: {name: thermometer}
          nodeName: ke-devices
          protocol: {protocolName: simulated}
          properties: [{name: temperature, reportToCloud: true}]
        """;

    [Fact]
    public async Task A_device_is_a_member_before_its_object_comes_and_none_before_that_goes()
    {
        await using var world = await KubeEdgeWorld.StartAsync(NodeName);
        await world.Edge.AskAsync("register");
        await world.Cloud.Kubectl.ApplyAsync(Thermometer);
        await world.Edge.WaitAsync("insert", "default/device/thermo");

        var joined = Membership(world).Single();
        Assert.Equal("twin", (string?)joined["route"]!["group"]);
        Assert.Equal("default/thermo", (string?)joined["content"]!["added_devices"]![0]!["id"]);
        Assert.Equal("kitchen", (string?)joined["content"]!["added_devices"]![0]!["description"]);
        Assert.True(joined["content"]!.AsObject().ContainsKey("removed_devices"));
        Assert.Equal(["default/devicemodel/thermometer", "membership", "default/device/thermo"], Resources(world));

        await world.Cloud.Kubectl.RunAsync("delete", "device", "thermo");
        await world.Edge.WaitAsync("delete", "default/device/thermo");
        Assert.Equal("default/thermo", (string?)Membership(world).Last()["content"]!["removed_devices"]![0]!["id"]);
    }

    [Fact]
    public async Task The_list_of_devices_is_told_on_connect_and_confirmed()
    {
        await using var world = await KubeEdgeWorld.StartAsync(NodeName);
        await world.Edge.AskAsync("register");
        await world.Cloud.Kubectl.ApplyAsync(Thermometer);
        await world.Edge.WaitAsync("insert", "default/device/thermo");
        await world.Edge.CutAsync();
        await world.Edge.ConnectAsync();

        // with a parent id the agent would take the list for the confirmation alone
        var list = await world.Edge.WaitAsync("response", "membership/detail");
        Assert.Equal("default/thermo", (string?)list["content"]!["devices"]!.AsArray().Single()!["id"]);
        var confirmed = await world.Edge.AskAsync("membership-detail");
        Assert.Equal("devicecontroller", (string?)confirmed["route"]!["source"]);
        Assert.Equal("twin", (string?)confirmed["route"]!["resource"]);
        Assert.Equal("OK", (string?)confirmed["content"]);
    }

    [Fact]
    public async Task Each_side_of_a_property_is_kept_while_the_other_is_reported_and_no_resend_steps_back()
    {
        await using var world = await KubeEdgeWorld.StartAsync(NodeName);
        await world.Edge.AskAsync("register");
        await world.Cloud.Kubectl.ApplyAsync(Thermometer);
        await world.Edge.WaitAsync("insert", "default/device/thermo");

        Assert.Equal("OK", (string?)(await world.Edge.AskAsync("twin-actual"))["content"]);
        await world.Edge.AskAsync("twin-expected");
        await world.Edge.AskAsync("device-state");
        Assert.Equal("20.5", await StatusAsync(world, "{.status.twins[0].reported.value}"));
        Assert.Equal("23", await StatusAsync(world, "{.status.twins[0].observedDesired.value}"));
        Assert.Equal("online", await StatusAsync(world, "{.status.state}"));

        // where KubeEdge's tools look for it
        await Eventually.HoldsAsync("DeviceStatus follows", async () => await world.Cloud.Kubectl.PathAsync(
            "{.status.twins[0].reported.value} {.metadata.ownerReferences[0].kind}", "devicestatus", "thermo", "--ignore-not-found") == "20.5 Device");

        // the database of the agent is lost: it counts from one again, but later
        await ReportAsync(world, value: "30.5", sequence: 1, later: 10_000);
        Assert.Equal("30.5", await StatusAsync(world, "{.status.twins[0].reported.value}"));

        // what the agent had not seen confirmed, it sends again after a minute
        await world.Edge.AskAsync("twin-actual");
        Assert.Equal("30.5", await StatusAsync(world, "{.status.twins[0].reported.value}"));
    }

    [Fact]
    public async Task A_desired_value_is_published_at_the_node_until_it_has_been_observed()
    {
        await using var world = await KubeEdgeWorld.StartAsync(NodeName);
        await world.Edge.AskAsync("register");
        await world.Cloud.Kubectl.ApplyAsync(Thermometer);
        await world.Edge.WaitAsync("insert", "default/device/thermo");
        await world.Cloud.Kubectl.RunAsync(
            "patch", "device", "thermo", "--type", "merge", "-p",
            """{"spec":{"properties":[{"name":"temperature","reportToCloud":true,"desired":{"value":"23"}}]}}""");

        var told = await world.Edge.WaitAsync("publish", "$hw/events/device/default/thermo/twin/update");
        Assert.Equal("router_eventbus", (string?)told["route"]!["source"]);
        Assert.Equal("user", (string?)told["route"]!["group"]);
        var twin = JsonNode.Parse((string)told["content"]!)!["twin"]!["temperature"]!;
        Assert.Equal("23", (string?)twin["expected"]!["value"]);
        Assert.Equal("float", (string?)twin["metadata"]!["type"]);

        // nobody acknowledged it: it is told again with the next connection, and no more once it was observed
        await world.Edge.CutAsync();
        await world.Edge.ConnectAsync();
        await world.Edge.WaitAsync("publish", "$hw/events/device/default/thermo/twin/update");
        await world.Edge.AskAsync("twin-expected");
        await world.Edge.CutAsync();
        await world.Edge.ConnectAsync();
        await world.Edge.AskAsync("membership-detail");
        await world.Edge.AskAsync("membership-detail");
        Assert.DoesNotContain(world.Edge.Received, m => (string?)m["route"]!["operation"] == "publish");
    }

    private static List<JsonNode> Membership(KubeEdgeWorld world) =>
        [.. world.Edge.Received.Where(m => (string?)m["route"]!["resource"] == "membership")];

    private static List<string?> Resources(KubeEdgeWorld world) => [.. world.Edge.Received
        .Select(m => (string?)m["route"]!["resource"])
        .Where(r => r == "membership" || r!.Contains("/device", StringComparison.Ordinal))];

    private static Task<string> StatusAsync(KubeEdgeWorld world, string path) =>
        world.Cloud.Kubectl.PathAsync(path, "device", "thermo");

    private static async Task ReportAsync(KubeEdgeWorld world, string value, int sequence, long later)
    {
        var message = GoldenMessages.Get("twin-actual");
        var property = message["content"]!["twin"]!["temperature"]!;
        property["actual"]!["value"] = value;
        property["actual"]!["metadata"]!["timestamp"] = (long)property["actual"]!["metadata"]!["timestamp"]! + later;
        property["actual_version"]!["edge"] = sequence;
        var id = (string?)message["header"]!["msg_id"];
        await world.Edge.SendAsync(message);
        await world.Edge.WaitAsync("the confirmation", m => (string?)m["header"]!["parent_msg_id"] == id);
    }
}
