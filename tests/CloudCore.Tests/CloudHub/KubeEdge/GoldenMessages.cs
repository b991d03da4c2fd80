using System.Text.Json.Nodes;

namespace EdgeSync.CloudCore.Tests.CloudHub.KubeEdge;

/// <summary>
/// What KubeEdge's edgecore v1.23 sends, as recorded from a run of the real program: one JSON object in each line with a name, a
/// note and the message. Names and UIDs that differ in each run are written <c>$NODE</c>, <c>$POD_UID</c> and so on.
/// </summary>
internal static class GoldenMessages
{
    private static readonly Dictionary<string, string> s_messages = File
        .ReadLines(Path.Combine(AppContext.BaseDirectory, "CloudHub", "KubeEdge", "Golden", "edgecore-1.23.jsonl"))
        .Where(line => line.Length > 0)
        .Select(line => JsonNode.Parse(line)!)
        .ToDictionary(line => line["name"]!.GetValue<string>(), line => line["message"]!.ToJsonString());

    /// <summary>The message of that name under an id of its own, the variables filled in.</summary>
    public static JsonObject Get(string name, params (string Variable, string Value)[] variables)
    {
        var text = s_messages[name];
        foreach (var (variable, value) in variables.OrderByDescending(v => v.Variable.Length))
        {
            text = text.Replace("$" + variable, value, StringComparison.Ordinal);
        }

        var message = JsonNode.Parse(text)!.AsObject();
        message["header"]!["msg_id"] = Guid.NewGuid().ToString();
        return message;
    }
}
