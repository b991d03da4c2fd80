using System.Globalization;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace EdgeSync.Protocol.Configuration;

/// <summary>Where each value of a YAML text stands, so that an error can name the line. Paths read <c>modules.edgeHub.heartbeat</c>, <c>list[0]</c>.</summary>
internal sealed class YamlLines
{
    private const int MaxDepth = 64;

    private readonly Dictionary<string, long> _lines = new(StringComparer.Ordinal);

    private YamlLines()
    {
    }

    /// <summary>Empty for a text that is no YAML: whoever reads the values reports that.</summary>
    public static YamlLines Of(string text)
    {
        var lines = new YamlLines();
        var stream = new YamlStream();
        try
        {
            stream.Load(new StringReader(text));
        }
        catch (YamlException)
        {
            return lines;
        }

        if (stream.Documents.Count > 0)
        {
            lines.Note(stream.Documents[0].RootNode, "", 0);
        }

        return lines;
    }

    /// <summary>The line, from 1; 0 when unknown.</summary>
    public long At(string path) => _lines.GetValueOrDefault(path);

    private void Note(YamlNode node, string path, int depth)
    {
        // aliases may name one node many times; the first place is the one that a person looks for
        if (depth > MaxDepth || !_lines.TryAdd(path, node.Start.Line))
        {
            return;
        }

        switch (node)
        {
            case YamlMappingNode mapping:
                foreach (var (key, value) in mapping.Children)
                {
                    if (key is YamlScalarNode { Value: { } name })
                    {
                        var child = path.Length == 0 ? name : $"{path}.{name}";
                        Note(value, child, depth + 1);
                        _lines[child] = key.Start.Line;
                    }
                }

                break;
            case YamlSequenceNode sequence:
                for (var i = 0; i < sequence.Children.Count; i++)
                {
                    Note(sequence.Children[i], string.Create(CultureInfo.InvariantCulture, $"{path}[{i}]"), depth + 1);
                }

                break;
        }
    }
}
