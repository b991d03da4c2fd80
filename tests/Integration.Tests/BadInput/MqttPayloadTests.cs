using System.Text.Json.Nodes;
using EdgeSync.Integration.Tests.World;
using EdgeSync.TestKit;
using Xunit.Abstractions;

namespace EdgeSync.Integration.Tests.BadInput;

/// <summary>What a broken mapper may publish disturbs nobody, and is answered where KubeEdge answers it.</summary>
public sealed class MqttPayloadTests(ITestOutputHelper output)
{
    [EndToEndFact]
    public async Task Malformed_payloads_are_refused_and_the_next_good_one_is_taken()
    {
        await using var world = await EdgeWorld.StartAsync(output);
        await world.Kubectl.ApplyAsync(TestDevice.ModelYaml);
        await world.Kubectl.ApplyAsync(new TestDevice("meter").ToYaml());
        await world.EventuallyAsync("the agent knows the device", async () => await world.Edge.TwinAsync("default", "meter") is not null);
        var topic = ProgramsMqtt.TwinTopic("default", "meter") + "/update";
        string[] payloads =
        [
            "", "no json", "[]", "null", "{}", """{"twin":[]}""", """{"twin":{"p0":7}}""",
            """{"event_id":"e","timestamp":0,"twin":{"p0":{"actual":{"value":"a b"}}}}""",
            """{"event_id":"e","timestamp":0,"twin":{"":{"actual":{"value":"a"}}}}""",
            """{"event_id":"e","timestamp":0,"twin":{"p0":{"actual":{"value":""" + "\"" + new string('x', 100_000) + "\"}}}}",
            string.Concat(Enumerable.Repeat("{\"a\":", 50_000)),
            new string('x', 4 * 1024 * 1024),
        ];

        foreach (var payload in payloads)
        {
            await world.Mqtt.PublishAsync(topic, payload);
            await world.Mqtt.PublishAsync("$hw/events/device/default/meter/state/update", payload);
            await world.Mqtt.PublishAsync("$hw/events/node/" + EdgeWorld.NodeName + "/membership/get", payload);
        }

        await world.Mqtt.ReportAsync("default", "meter", ("p0", "good"));
        await world.EventuallyAsync("the good value is taken", async () => await world.ReportedAsync("meter", "p0") == "good");
        Assert.True(world.Edge.IsRunning);
    }

    [EndToEndFact]
    public async Task A_device_that_nobody_knows_is_answered_with_404()
    {
        await using var world = await EdgeWorld.StartAsync(output);
        var topic = ProgramsMqtt.TwinTopic("default", "unknown") + "/update";

        var answer = JsonNode.Parse("{}")!;
        await world.EventuallyAsync("the agent listens", async () =>
        {
            answer = await world.Mqtt.AskAsync(topic, topic + "/result", ProgramsMqtt.Report(("p0", "1")));
            return true;
        });

        Assert.Equal(404, (int)answer["code"]!);
        var http = await Assert.ThrowsAsync<HttpRequestException>(() => world.Edge.TwinAsync("default", "unknown"));
        Assert.Equal(System.Net.HttpStatusCode.NotFound, http.StatusCode);
    }
}
