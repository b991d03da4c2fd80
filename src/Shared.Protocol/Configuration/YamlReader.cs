using System.Text;
using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace EdgeSync.Protocol.Configuration;

/// <summary>
/// Builds JSON nodes from the parser's events, one text for each reader. Depth and size are judged as the events come: a few
/// thousand brackets, or aliases that stand for billions of nodes, cost nothing.
/// </summary>
/// <param name="scalars">What plain texts stand for.</param>
/// <param name="refusesDuplicates">Whether a key that stands twice in one map is an error; otherwise the last counts.</param>
internal sealed class YamlReader(YamlScalars scalars, bool refusesDuplicates)
{
    private const int MaxDepth = 128;
    private const int MostDuplicates = 64;
    private const string MergeKey = "<<";

    // no real manifest comes near this
    private const int MaxNodes = 1_000_000;

    private readonly Dictionary<string, Anchored> _anchors = new(StringComparer.Ordinal);
    private readonly List<string> _duplicates = [];
    private int _nodes;

    /// <summary>The keys that stood twice.</summary>
    public IReadOnlyList<string> Duplicates => _duplicates;

    /// <summary>Every document that is not empty.</summary>
    /// <exception cref="YamlException">The text is no YAML.</exception>
    /// <exception cref="FormatException">It is, but no JSON can be made of it.</exception>
    public IReadOnlyList<JsonNode> Read(string text)
    {
        var parser = new Parser(new StringReader(text));
        var documents = new List<JsonNode>();
        parser.Consume<StreamStart>();
        while (parser.TryConsume<DocumentStart>(out _))
        {
            _anchors.Clear();
            if (Value(parser, 0) is { } node)
            {
                documents.Add(node);
            }

            parser.Consume<DocumentEnd>();
        }

        return documents;
    }

    private JsonNode? Value(Parser parser, int depth)
    {
        if (++_nodes > MaxNodes)
        {
            throw new FormatException($"YAML with more than {MaxNodes} nodes, aliases counted as what they stand for");
        }

        if (depth > MaxDepth)
        {
            throw new FormatException($"YAML nested deeper than {MaxDepth} levels at line {parser.Current!.Start.Line}");
        }

        if (parser.TryConsume<AnchorAlias>(out var alias))
        {
            return Aliased(alias, depth);
        }

        if (parser.Current is not NodeEvent start)
        {
            throw new FormatException($"YAML node at line {parser.Current!.Start.Line} is neither map, list nor value");
        }

        var before = _nodes;
        JsonNode? node = start switch
        {
            Scalar => Text(parser.Consume<Scalar>()),
            SequenceStart => List(parser, depth),
            _ => Map(parser, depth),
        };
        if (!start.Anchor.IsEmpty)
        {
            _anchors[start.Anchor.Value] = new Anchored(node, _nodes - before + 1, Depth(node));
        }

        return node;
    }

    private JsonNode? Aliased(AnchorAlias alias, int depth)
    {
        // an alias inside of what it names has nothing to stand for yet
        if (!_anchors.TryGetValue(alias.Value.Value, out var anchored))
        {
            throw new FormatException($"YAML alias *{alias.Value.Value} at line {alias.Start.Line} names nothing that stands before it");
        }

        _nodes += anchored.Nodes;
        if (_nodes > MaxNodes)
        {
            throw new FormatException($"YAML with more than {MaxNodes} nodes, aliases counted as what they stand for");
        }

        if (depth + anchored.Depth > MaxDepth)
        {
            throw new FormatException($"YAML nested deeper than {MaxDepth} levels at line {alias.Start.Line}");
        }

        return anchored.Node?.DeepClone();
    }

    private JsonArray List(Parser parser, int depth)
    {
        parser.Consume<SequenceStart>();
        var list = new JsonArray();
        while (!parser.TryConsume<SequenceEnd>(out _))
        {
            list.Add(Value(parser, depth + 1));
        }

        return list;
    }

    /// <summary>A text in which half of a pair of surrogates stands cannot be written any more.</summary>
    private JsonValue? Text(Scalar scalar)
    {
        CheckUnicode(scalar);
        return scalars.Read(scalar);
    }

    private static void CheckUnicode(Scalar scalar)
    {
        var text = scalar.Value.AsSpan();
        for (var at = text.IndexOfAnyInRange('\ud800', '\udfff'); at >= 0 && at < text.Length;)
        {
            if (Rune.DecodeFromUtf16(text[at..], out _, out var length) != System.Buffers.OperationStatus.Done)
            {
                throw new FormatException($"not valid YAML at line {scalar.Start.Line}: half of a surrogate pair is no Unicode");
            }

            at += length;
        }
    }

    private JsonObject Map(Parser parser, int depth)
    {
        parser.Consume<MappingStart>();
        var map = new JsonObject();
        List<JsonNode?>? merged = null;
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            if (!parser.TryConsume<Scalar>(out var key))
            {
                throw new FormatException($"YAML key at line {parser.Current!.Start.Line} is not a string");
            }

            CheckUnicode(key);
            var value = Value(parser, depth + 1);
            if (scalars.Merges && key is { Value: MergeKey, Style: ScalarStyle.Plain })
            {
                (merged ??= []).Add(value);
                continue;
            }

            var name = scalars.Key(key);
            if (map.ContainsKey(name))
            {
                NoteDuplicate(name, key.Start.Line);
            }

            map[name] = value;
        }

        merged?.ForEach(source => Merge(map, source));
        return map;
    }

    private void NoteDuplicate(string name, long line)
    {
        if (refusesDuplicates)
        {
            throw new FormatException($"YAML key \"{name}\" stands twice at line {line}");
        }

        if (_duplicates.Count < MostDuplicates)
        {
            _duplicates.Add($"line {line}: key \"{name}\" already set in map");
        }
    }

    /// <summary>What the map does not say itself it takes from another, or from several.</summary>
    private static void Merge(JsonObject map, JsonNode? source)
    {
        foreach (var one in source is JsonArray several ? [.. several] : (JsonNode?[])[source])
        {
            foreach (var (name, value) in one as JsonObject ?? throw new FormatException($"YAML key {MergeKey} takes a map, or a list of maps"))
            {
                if (!map.ContainsKey(name))
                {
                    map[name] = value?.DeepClone();
                }
            }
        }
    }

    private static int Depth(JsonNode? node) => node switch
    {
        JsonObject { Count: > 0 } map => 1 + map.Max(m => Depth(m.Value)),
        JsonArray { Count: > 0 } list => 1 + list.Max(Depth),
        _ => 0,
    };

    /// <summary>What an alias stands for.</summary>
    /// <param name="Node">The value; copied for each alias.</param>
    /// <param name="Nodes">How many nodes it has.</param>
    /// <param name="Depth">How many levels lie below it.</param>
    private sealed record Anchored(JsonNode? Node, int Nodes, int Depth);
}
