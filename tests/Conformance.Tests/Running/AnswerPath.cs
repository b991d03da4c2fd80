using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace EdgeSync.Conformance.Tests.Running;

/// <summary>Finds a value in an answer: <c>body.metadata.annotations["a.b/c"]</c>, <c>events[0].type</c>, <c>conditions[Ready].status</c>.</summary>
internal static partial class AnswerPath
{
    public static JsonNode? Find(JsonNode? node, string path)
    {
        foreach (Match part in PartRegex().Matches(path))
        {
            if (part.Groups[1].Success)
            {
                var index = int.Parse(part.Groups[1].Value, CultureInfo.InvariantCulture);
                node = node is JsonArray items && index < items.Count ? items[index] : null;
            }
            else if (part.Groups[3].Success)
            {
                // the item of that type
                node = (node as JsonArray)?.FirstOrDefault(item => (item as JsonObject)?["type"]?.ToString() == part.Groups[3].Value);
            }
            else
            {
                node = (node as JsonObject)?[part.Groups[2].Success ? part.Groups[2].Value : part.Groups[4].Value];
            }
        }

        return node;
    }

    [GeneratedRegex(@"\[(\d+)\]|\[""([^""]*)""\]|\[([A-Z]\w*)\]|([^.\[\]]+)")]
    private static partial Regex PartRegex();
}

/// <summary>Takes a command line apart, with ' and " around words that have blanks; there is no shell.</summary>
internal static class CommandLine
{
    public static List<string> Split(string line)
    {
        var words = new List<string>();
        var word = new System.Text.StringBuilder();
        var quote = '\0';
        var inWord = false;
        foreach (var c in line)
        {
            if (quote != '\0' ? c == quote : c is '\'' or '"')
            {
                quote = quote == '\0' ? c : '\0';
                inWord = true;
            }
            else if (c == ' ' && quote == '\0')
            {
                if (inWord)
                {
                    words.Add(word.ToString());
                }

                word.Clear();
                inWord = false;
            }
            else
            {
                word.Append(c);
                inWord = true;
            }
        }

        if (inWord)
        {
            words.Add(word.ToString());
        }

        return words;
    }
}
