using System.Text;
using System.Text.Json.Nodes;

namespace EdgeSync.EdgeCore.Tests.EdgeHub.KubeEdge;

/// <summary>Messages as a real cloudcore (v1.23) sent them, one a file in <c>golden</c>, recorded from the link.</summary>
internal static class GoldenMessages
{
    /// <summary>The message, to be changed where a test needs it.</summary>
    public static JsonObject Read(string name) =>
        JsonNode.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "EdgeHub", "KubeEdge", "golden", name + ".json")))!.AsObject();

    public static string Id(JsonObject message) => message["header"]!["msg_id"]!.GetValue<string>();

    public static string Uid(JsonObject message) => message["content"]!["metadata"]!["uid"]!.GetValue<string>();

    /// <summary>As Go's encoder writes it: compact, with a newline.</summary>
    public static byte[] Frame(JsonObject message) => Encoding.UTF8.GetBytes(message.ToJsonString() + "\n");
}
