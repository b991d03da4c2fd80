using System.Text.Json.Nodes;
using EdgeSync.Protocol.Devices;
using EdgeSync.TestKit;

namespace EdgeSync.EdgeCore.Tests.DeviceTwin;

/// <summary>The twin as apps see it, through the real broker and its own clients.</summary>
public sealed class TwinOverMqttTests
{
    private static readonly string s_result = TwinAgent.Topic("thermo-1", "twin/update/result");
    private static readonly string s_document = TwinAgent.Topic("thermo-1", "twin/update/document");
    private static readonly string s_delta = TwinAgent.Topic("thermo-1", "twin/update/delta");
    private static readonly string s_get = TwinAgent.Topic("thermo-1", "twin/get");
    private static readonly string s_got = TwinAgent.Topic("thermo-1", "twin/get/result");

    [MosquittoFact]
    public async Task An_update_is_answered_with_result_and_document_and_can_be_read_back()
    {
        await using var rig = await TwinRig.StartedAsync();
        using var apps = await rig.Broker.SubscribeAsync(s_result, s_document, s_got);
        await rig.Broker.PublishAsync(TwinAgent.Topic("thermo-1", "twin/update"),
            ["""{"event_id":"e1","timestamp":1,"twin":{"temperature":{"actual":{"value":"21.5","metadata":{"timestamp":1767225600123}},"metadata":{"type":"float"}}}}"""]);

        var result = await TwinRig.NextAsync(apps, s_result);
        Assert.Equal("e1", (string?)result["event_id"]);
        Assert.Equal(
            """{"actual":{"value":"21.5","metadata":{"timestamp":1767225600123}},"optional":true,"metadata":{"type":"float"}}""",
            result["twin"]!["temperature"]!.ToJsonString());
        var document = await TwinRig.NextAsync(apps, s_document);
        Assert.True(document["twin"]!["temperature"]!.AsObject().ContainsKey("last"));
        Assert.Null(document["twin"]!["temperature"]!["last"]);
        Assert.Equal("21.5", (string?)document["twin"]!["temperature"]!["current"]!["actual"]!["value"]);

        await rig.Broker.PublishAsync(s_get, ["""{"event_id":"g1","timestamp":1}"""]);
        var got = await TwinRig.NextAsync(apps, s_got);
        Assert.Equal("g1", (string?)got["event_id"]);
        Assert.Equal("21.5", (string?)got["twin"]!["temperature"]!["actual"]!["value"]);
        Assert.Null(got["twin"]!["temperature"]!["actual_version"]);
    }

    [MosquittoFact]
    public async Task A_desired_value_from_the_cloud_makes_a_delta_and_is_in_twin_get()
    {
        await using var rig = await TwinRig.StartedAsync();
        using var apps = await rig.Broker.SubscribeAsync(s_result, s_delta, s_got);
        await rig.PublishUpdateAsync("setpoint", "20");
        await apps.WaitAsync(s_result);
        await rig.Agent.PutDeviceAsync("thermo-1", "uid-1", ("setpoint", "22"));

        var delta = await TwinRig.NextAsync(apps, s_delta);
        Assert.Equal("""{"setpoint":"22"}""", delta["delta"]!.ToJsonString());
        Assert.Equal("22", (string?)delta["twin"]!["setpoint"]!["expected"]!["value"]);
        await rig.Broker.PublishAsync(s_get, ["""{"event_id":"g"}"""]);
        Assert.Equal("22", (string?)(await TwinRig.NextAsync(apps, s_got))["twin"]!["setpoint"]!["expected"]!["value"]);

        // the one that agrees makes none; a delta comes after its result
        await rig.PublishUpdateAsync("setpoint", "22", "agrees");
        await apps.WaitAsync(s_result, 2);
        await rig.PublishUpdateAsync("setpoint", "23", "differs");
        var second = (await apps.WaitAsync(s_delta, 2))[1];
        Assert.Contains("\"differs\"", second, StringComparison.Ordinal);
    }

    [MosquittoFact]
    public async Task Answers_come_in_KubeEdges_order_result_document_delta()
    {
        await using var rig = await TwinRig.StartedAsync();
        await rig.Agent.PutDeviceAsync("thermo-1", "uid-1", ("setpoint", "22"));
        using var apps = await rig.Broker.SubscribeAsync(s_result, s_document, s_delta);
        await rig.PublishUpdateAsync("setpoint", "20", "e1");
        await apps.WaitAsync(s_delta);
        Assert.Equal([s_result, s_document, s_delta], apps.All.Where(m => m.Payload.Contains("\"e1\"", StringComparison.Ordinal)).Select(m => m.Topic));
    }

    [MosquittoFact]
    public async Task Bursts_of_updates_to_one_property_keep_their_order_and_their_last_value()
    {
        await using var rig = await TwinRig.StartedAsync();
        using var apps = await rig.Broker.SubscribeAsync(s_document);
        var expected = new List<string>();
        for (var burst = 0; burst < 100; burst++)
        {
            var values = Enumerable.Range(0, burst % 2 == 0 ? 10 : 30).Select(i => $"{burst}-{i}").ToList();
            expected.AddRange(values);
            await rig.Broker.PublishAsync(
                TwinAgent.Topic("thermo-1", "twin/update"), values.Select(v => TwinAgent.Update("p", v)), qos: burst % 3 == 0 ? 0 : 1);
            await Eventually.HoldsAsync($"the last value of burst {burst}", () => rig.Agent.Reported("thermo-1", "p") == values[^1]);
        }

        var seen = await apps.WaitAsync(s_document, expected.Count);
        Assert.Equal(expected, seen.Select(d => (string)JsonNode.Parse(d)!["twin"]!["p"]!["current"]!["actual"]!["value"]!));
        Assert.Equal(expected.Count, rig.Agent.Twin("thermo-1")!.Properties["p"].Actual.Version.Edge);
    }

    [MosquittoFact]
    public async Task An_unknown_device_is_answered_with_404_and_what_to_do()
    {
        await using var rig = await TwinRig.StartedAsync();
        using var apps = await rig.Broker.SubscribeAsync(TwinAgent.Topic("nobody", "#"));
        await rig.Broker.PublishAsync(TwinAgent.Topic("nobody", "twin/update"), [TwinAgent.Update("p", "1", "e9")]);
        await rig.Broker.PublishAsync(TwinAgent.Topic("nobody", "twin/get"), ["""{"event_id":"e10"}"""]);
        await rig.Broker.PublishAsync(TwinAgent.Topic("nobody", "state/update"), ["""{"event_id":"e11","state":"online"}"""]);
        foreach (var (verb, id) in new[] { ("twin/update/result", "e9"), ("twin/get/result", "e10"), ("state/update/result", "e11") })
        {
            var result = await TwinRig.NextAsync(apps, TwinAgent.Topic("nobody", verb));
            Assert.Equal((id, 404), ((string?)result["event_id"], (int?)result["code"]));
            Assert.Contains("device default/nobody is not known on node edge-1; create a Device", (string?)result["reason"], StringComparison.Ordinal);
        }
    }

    [MosquittoFact]
    public async Task What_cannot_be_taken_is_answered_with_400_and_leaves_the_connection_working()
    {
        await using var rig = await TwinRig.StartedAsync();
        using var apps = await rig.Broker.SubscribeAsync(s_result);
        (byte[] Payload, string Reason)[] bad =
        [
            ("{not json"u8.ToArray(), "not valid JSON"),
            ([0xff, 0xfe, 0x00], "not valid JSON"),
            ([], "empty"),
            ("[]"u8.ToArray(), "wrong type"),
            ("""{"twin":{"p":{"actual":{"value":{}}}}}"""u8.ToArray(), "$.twin.p.actual.value has a wrong type"),
            ("""{"twin":{}}"""u8.ToArray(), "member twin is missing or empty"),
            ("""{"twin":{"a b":{"actual":{"value":"1"}}}}"""u8.ToArray(), "rename the property"),
            ("""{"twin":{"p":{"actual":{"value":"x"},"metadata":{"type":"int"}}}}"""u8.ToArray(), "not of type int"),
            (Oversized(TwinLimits.MaxPayloadBytes + 1), "more than 262144"),
            (Oversized(3 * 1024 * 1024), "more than 262144"),
        ];
        for (var i = 0; i < bad.Length; i++)
        {
            await rig.Broker.PublishFileAsync(TwinAgent.Topic("thermo-1", "twin/update"), bad[i].Payload);
            var result = await TwinRig.NextAsync(apps, s_result, i + 1);
            Assert.Equal(400, (int?)result["code"]);
            Assert.Contains(bad[i].Reason, (string?)result["reason"], StringComparison.Ordinal);
        }

        Assert.Equal(bad.Length, rig.Agent.Twins.Refused);
        await rig.PublishUpdateAsync("p", "fine");
        Assert.Equal("fine", (string?)(await TwinRig.NextAsync(apps, s_result, bad.Length + 1))["twin"]!["p"]!["actual"]!["value"]);
    }

    [MosquittoFact]
    public async Task Values_with_spaces_units_and_text_beyond_ASCII_are_taken_and_numbers_too()
    {
        await using var rig = await TwinRig.StartedAsync();
        await rig.PublishUpdateAsync("label", "21.5 °C, küche + 50%");
        await rig.Broker.PublishAsync(TwinAgent.Topic("thermo-1", "twin/update"), ["""{"TWIN":{"n":{"Actual":{"value":21.50}}}}"""]);
        await Eventually.HoldsAsync("both values", () => rig.Agent.Reported("thermo-1", "label") == "21.5 °C, küche + 50%" && rig.Agent.Reported("thermo-1", "n") == "21.50");
    }

    [MosquittoFact]
    public async Task States_are_kept_and_answered_and_wrong_ones_refused()
    {
        await using var rig = await TwinRig.StartedAsync();
        var topic = TwinAgent.Topic("thermo-1", "state/update");
        using var apps = await rig.Broker.SubscribeAsync(topic + "/result");
        await rig.Broker.PublishAsync(topic, ["""{"event_id":"s1","state":"online"}""", """{"event_id":"s2","state":"gone"}""", """{"event_id":"s3","state":"offline"}"""]);
        var online = await TwinRig.NextAsync(apps, topic + "/result");
        Assert.Equal("online", (string?)online["device"]!["state"]);
        Assert.EndsWith("Z", (string?)online["device"]!["lastOnlineTime"], StringComparison.Ordinal);
        Assert.Contains("online, offline, ok, unknown, unhealthy", (string?)(await TwinRig.NextAsync(apps, topic + "/result", 2))["reason"], StringComparison.Ordinal);
        Assert.Equal("", (string?)(await TwinRig.NextAsync(apps, topic + "/result", 3))["device"]!["lastOnlineTime"]);
        Assert.Equal("offline", rig.Agent.Twin("thermo-1")!.State);
        Assert.True(rig.Agent.Twin("thermo-1")!.LastOnline > 0);
    }

    [MosquittoFact]
    public async Task Membership_is_answered_and_its_changes_are_announced()
    {
        await using var rig = await TwinRig.StartedAsync();
        using var apps = await rig.Broker.SubscribeAsync("$hw/events/node/edge-1/#");
        await rig.Broker.PublishAsync("$hw/events/node/edge-1/membership/get", ["""{"event_id":"m1"}"""]);
        await rig.Broker.PublishAsync("$hw/events/node/edge-2/membership/get", ["""{"event_id":"m2"}"""]);
        var list = await TwinRig.NextAsync(apps, "$hw/events/node/edge-1/membership/get/result");
        Assert.Equal("""[{"id":"default/thermo-1","name":"thermo-1","description":"kitchen"}]""", list["devices"]!.ToJsonString());

        await rig.Agent.PutDeviceAsync("thermo-2", "uid-2");
        var added = await UpdatedAsync("thermo-2");
        Assert.Equal("thermo-2", (string?)added["added_devices"]![0]!["name"]);
        Assert.True(added.AsObject().ContainsKey("removed_devices"));
        Assert.Null(added["removed_devices"]);
        await rig.Agent.RemoveDeviceAsync("thermo-1");
        Assert.Equal("default/thermo-1", (string?)(await UpdatedAsync("\"removed_devices\":[{"))["removed_devices"]![0]!["id"]);
        Assert.Null(rig.Agent.Twin("thermo-1"));

        async Task<JsonNode> UpdatedAsync(string about)
        {
            string? found = null;
            await Eventually.HoldsAsync($"membership/updated about {about}", () =>
            {
                found = apps.On("$hw/events/node/edge-1/membership/updated").FirstOrDefault(m => m.Contains(about, StringComparison.Ordinal));
                return found is not null;
            });
            return JsonNode.Parse(found!)!;
        }
    }

    private static byte[] Oversized(int length)
    {
        var payload = new byte[length];
        Array.Fill(payload, (byte)' ');
        "{}"u8.CopyTo(payload);
        return payload;
    }
}
