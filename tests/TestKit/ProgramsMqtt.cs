using System.Globalization;
using System.Text.Json.Nodes;

namespace EdgeSync.TestKit;

/// <summary>What a device's mapper, or an app on the box, does with the broker, in KubeEdge's topics and payloads.</summary>
public sealed class ProgramsMqtt(MosquittoBroker broker)
{
    public static string TwinTopic(string @namespace, string device) => $"$hw/events/device/{@namespace}/{device}/twin";

    /// <summary>A twin/update with one report of each property, all strings.</summary>
    public static string Report(params (string Property, string Value)[] values)
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        var twin = new JsonObject();
        foreach (var (property, value) in values)
        {
            twin[property] = new JsonObject
            {
                ["actual"] = new JsonObject { ["value"] = value, ["metadata"] = new JsonObject { ["timestamp"] = now } },
                ["metadata"] = new JsonObject { ["type"] = "string" },
            };
        }

        return new JsonObject { ["event_id"] = "", ["timestamp"] = now, ["twin"] = twin }.ToJsonString();
    }

    /// <summary>Publishes any text with QoS 1: when this returns, the broker has the message.</summary>
    public async Task PublishAsync(string topic, string payload)
    {
        // -n: an empty message, which -s (all of the input) refuses
        string[] arguments = ["-h", "127.0.0.1", "-p", Port, "-q", "1", "-t", topic, payload.Length == 0 ? "-n" : "-s"];
        (await ProgramsCommand.RunAsync("mosquitto_pub", arguments, input: payload, place: broker.Place)).Expect();
    }

    /// <summary>A mapper's report: what the device's properties are.</summary>
    public Task ReportAsync(string @namespace, string device, params (string Property, string Value)[] values) =>
        PublishAsync(TwinTopic(@namespace, device) + "/update", Report(values));

    /// <summary>Asks over MQTT as an app on the box does, and gives the answer.</summary>
    public async Task<JsonNode> AskAsync(string ask, string answer, string payload)
    {
        using var subscriber = await broker.SubscribeAsync(answer);
        await PublishAsync(ask, payload);
        return JsonNode.Parse((await subscriber.WaitAsync(answer))[0])!;
    }

    private string Port => broker.Port.ToString(CultureInfo.InvariantCulture);
}
