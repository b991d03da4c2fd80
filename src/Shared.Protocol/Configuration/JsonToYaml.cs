using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace EdgeSync.Protocol.Configuration;

/// <summary>Writes JSON nodes as block-style YAML that <see cref="YamlToJson"/> and every YAML reader read back the same.</summary>
public static class JsonToYaml
{
    /// <summary>A map or list as a whole document.</summary>
    public static string Write(JsonNode root)
    {
        var text = new StringBuilder();
        WriteBlock(text, root, 0);
        return text.ToString();
    }

    private static void WriteBlock(StringBuilder text, JsonNode node, int indent)
    {
        if (node is JsonArray list)
        {
            foreach (var item in list)
            {
                text.Append(' ', indent).Append('-');
                WriteValue(text, item, indent + 2);
            }
        }
        else
        {
            foreach (var (name, value) in node.AsObject())
            {
                text.Append(' ', indent).Append(Scalar(name)).Append(':');
                WriteValue(text, value, indent + 2);
            }
        }
    }

    private static void WriteValue(StringBuilder text, JsonNode? node, int indent)
    {
        switch (node)
        {
            case JsonObject { Count: > 0 } or JsonArray { Count: > 0 }:
                text.Append('\n');
                WriteBlock(text, node, indent);
                break;
            case JsonObject:
                text.Append(" {}\n");
                break;
            case JsonArray:
                text.Append(" []\n");
                break;
            case not null when node.GetValueKind() == JsonValueKind.String:
                text.Append(' ').Append(Scalar(node.GetValue<string>())).Append('\n');
                break;
            default:
                text.Append(' ').Append(node?.ToJsonString() ?? "null").Append('\n');
                break;
        }
    }

    /// <summary>Plain where no reader could take it for something else; a JSON string, which is YAML, where one could.</summary>
    private static string Scalar(string value) =>
        value.Length > 0
        && char.IsAsciiLetter(value[0]) | value[0] == '/'
        && !value.AsSpan().ContainsAnyExcept(s_plain)
        && !value.EndsWith(':')
        && !value.Contains(": ", StringComparison.Ordinal)
        && !s_reserved.Contains(value)
            ? value
            : $"\"{JsonEncodedText.Encode(value, System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"";

    private static readonly System.Buffers.SearchValues<char> s_plain =
        System.Buffers.SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/:+=-");

    // what YAML 1.1 or 1.2 readers take for a bool or null
    private static readonly HashSet<string> s_reserved =
        new(["true", "false", "yes", "no", "on", "off", "null", "y", "n"], StringComparer.OrdinalIgnoreCase);
}
