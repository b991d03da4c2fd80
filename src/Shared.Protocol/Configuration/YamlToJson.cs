using System.Globalization;
using System.Text.Json.Nodes;
using YamlDotNet.Core;

namespace EdgeSync.Protocol.Configuration;

/// <summary>
/// Turns YAML into JSON nodes, so that configuration and manifests are read through one set of JSON types. Configuration is
/// read with YAML 1.2's core types; a body for the Kubernetes API as that reads it (see <see cref="YamlScalars.Kubernetes"/>).
/// </summary>
public static class YamlToJson
{
    /// <summary>Every document of a configuration text; an empty document is left out.</summary>
    /// <exception cref="FormatException">Not valid YAML; the message has line and column.</exception>
    public static IReadOnlyList<JsonNode> ReadAll(string text) => Read(text, new YamlReader(YamlScalars.Core, refusesDuplicates: true));

    /// <summary>The one document of a configuration file; null for an empty one.</summary>
    /// <exception cref="FormatException">Not valid YAML, or more than one document.</exception>
    public static JsonNode? ReadOne(string text) => One(ReadAll(text));

    /// <summary>The one object of a request's body, as Kubernetes reads it; null for an empty text.</summary>
    /// <param name="text">The YAML.</param>
    /// <param name="duplicates">
    /// The keys that stand twice in one map, each as <c>line N: key "K" already set in map</c>, 64 at most; the last of each counts.
    /// </param>
    /// <exception cref="FormatException">Not valid YAML, or more than one document.</exception>
    public static JsonNode? ReadManifest(string text, out IReadOnlyList<string> duplicates)
    {
        var reader = new YamlReader(YamlScalars.Kubernetes, refusesDuplicates: false);
        var documents = Read(text, reader);
        duplicates = reader.Duplicates;
        return One(documents);
    }

    private static JsonNode? One(IReadOnlyList<JsonNode> documents) => documents.Count switch
    {
        0 => null,
        1 => documents[0],
        _ => throw new FormatException($"one YAML document was expected, {documents.Count} were found"),
    };

    private static IReadOnlyList<JsonNode> Read(string text, YamlReader reader)
    {
        try
        {
            return reader.Read(text);
        }
        catch (YamlException e)
        {
            throw new FormatException(
                string.Create(CultureInfo.InvariantCulture, $"not valid YAML at line {e.Start.Line}, column {e.Start.Column}: {e.Message}"), e);
        }
        catch (InvalidOperationException e)
        {
            // what the parser says of a plain text that goes on at a smaller indent
            throw new FormatException("not valid YAML: a line is indented less than the block that it is in", e);
        }
    }
}
