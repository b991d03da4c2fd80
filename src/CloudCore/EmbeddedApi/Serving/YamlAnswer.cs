using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.Protocol.Configuration;

namespace EdgeSync.CloudCore.EmbeddedApi.Serving;

/// <summary>Turns the JSON of an answer into YAML, for callers that ask for it.</summary>
internal static class YamlAnswer
{
    /// <summary>The same as YAML: an object, or a list's items as they stand below its key.</summary>
    public static ReadOnlyMemory<byte> Of(ReadOnlyMemory<byte> json) => Encoding.UTF8.GetBytes(
        JsonToYaml.Write(JsonNode.Parse(json.Span, null, JsonFormat.StoredReader)!));
}
