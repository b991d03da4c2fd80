using System.Globalization;
using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace EdgeSync.Protocol.Configuration;

/// <summary>
/// Turns YAML into JSON nodes, with YAML 1.2's core types (as Kubernetes' tools read them). Both programs then
/// read configuration and manifests through one set of JSON types.
/// </summary>
public static class YamlToJson
{
    private const int MaxDepth = 128;

    // aliases let a few lines stand for billions of nodes; no real manifest comes near this
    private const int MaxNodes = 1_000_000;

    /// <summary>Every document of the text; an empty document is left out.</summary>
    /// <exception cref="FormatException">Not valid YAML; the message has line and column.</exception>
    public static IReadOnlyList<JsonNode> ReadAll(string text)
    {
        var stream = new YamlStream();
        try
        {
            CheckDepth(text);
            stream.Load(new StringReader(text));
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

        var documents = new List<JsonNode>();
        var budget = MaxNodes;
        foreach (var document in stream.Documents)
        {
            if (Convert(document.RootNode, 0, ref budget) is { } node)
            {
                documents.Add(node);
            }
        }

        return documents;
    }

    /// <summary>The one document of a configuration file; null for an empty one.</summary>
    /// <exception cref="FormatException">Not valid YAML, or more than one document.</exception>
    public static JsonNode? ReadOne(string text)
    {
        var documents = ReadAll(text);
        return documents.Count switch
        {
            0 => null,
            1 => documents[0],
            _ => throw new FormatException($"one YAML document was expected, {documents.Count} were found"),
        };
    }

    /// <summary>
    /// Before the document is built: in it, the parser's time grows with the square of the depth, and a few thousand brackets
    /// would keep a processor busy for minutes.
    /// </summary>
    private static void CheckDepth(string text)
    {
        var parser = new Parser(new StringReader(text));
        var depth = 0;
        while (parser.MoveNext())
        {
            depth += parser.Current!.NestingIncrease;

            // stream, document and an empty innermost collection are levels of their own; what is nearer the limit the conversion judges
            if (depth > MaxDepth + 3)
            {
                throw new FormatException($"YAML nested deeper than {MaxDepth} levels at line {parser.Current.Start.Line}");
            }
        }
    }

    private static JsonNode? Convert(YamlNode node, int depth, ref int budget)
    {
        if (--budget < 0)
        {
            throw new FormatException($"YAML with more than {MaxNodes} nodes, aliases counted as what they stand for");
        }

        if (depth > MaxDepth)
        {
            throw new FormatException($"YAML nested deeper than {MaxDepth} levels at line {node.Start.Line}");
        }

        return node switch
        {
            YamlMappingNode mapping => ConvertMapping(mapping, depth, ref budget),
            YamlSequenceNode sequence => ConvertSequence(sequence, depth, ref budget),
            YamlScalarNode scalar => ConvertScalar(scalar),
            _ => throw new FormatException($"YAML node at line {node.Start.Line} is neither map, list nor value"),
        };
    }

    private static JsonArray ConvertSequence(YamlSequenceNode sequence, int depth, ref int budget)
    {
        var result = new JsonArray();
        foreach (var item in sequence.Children)
        {
            result.Add(Convert(item, depth + 1, ref budget));
        }

        return result;
    }

    private static JsonObject ConvertMapping(YamlMappingNode mapping, int depth, ref int budget)
    {
        var result = new JsonObject();
        foreach (var (key, value) in mapping.Children)
        {
            if (key is not YamlScalarNode { Value: { } name })
            {
                throw new FormatException($"YAML key at line {key.Start.Line} is not a string");
            }

            if (!result.TryAdd(name, Convert(value, depth + 1, ref budget)))
            {
                throw new FormatException($"YAML key \"{name}\" stands twice at line {key.Start.Line}");
            }
        }

        return result;
    }

    private static JsonValue? ConvertScalar(YamlScalarNode scalar)
    {
        var text = scalar.Value ?? "";
        if (scalar.Style is not (ScalarStyle.Plain or ScalarStyle.Any))
        {
            return JsonValue.Create(text);
        }

        switch (text)
        {
            case "" or "~" or "null" or "Null" or "NULL":
                return null;
            case "true" or "True" or "TRUE":
                return JsonValue.Create(true);
            case "false" or "False" or "FALSE":
                return JsonValue.Create(false);
        }

        if (LooksLikeNumber(text))
        {
            if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole))
            {
                return JsonValue.Create(whole);
            }

            if (text.StartsWith("0x", StringComparison.Ordinal)
                && long.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var hex))
            {
                return JsonValue.Create(hex);
            }

            if (text.StartsWith("0o", StringComparison.Ordinal))
            {
                return JsonValue.Create(System.Convert.ToInt64(text[2..], 8));
            }

            if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var real) && double.IsFinite(real))
            {
                return JsonValue.Create(real);
            }
        }

        return JsonValue.Create(text);
    }

    private static bool LooksLikeNumber(string text)
    {
        var first = text[0] is '-' or '+' && text.Length > 1 ? text[1] : text[0];
        return char.IsAsciiDigit(first) || (first == '.' && text.Length > 1);
    }
}
