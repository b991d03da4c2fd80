using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace EdgeSync.CloudCore.EmbeddedApi.Serving;

/// <summary>
/// Reads JSON in which a name stands twice in one object, as Kubernetes does: the last one counts, and the caller is told
/// which they were. Only used where the plain reader has refused the text. It also keeps what a YAML body had twice.
/// </summary>
internal static class DuplicateFields
{
    private const int MostReported = 64;

    private static readonly object s_key = new();

    /// <summary>What stood twice in the body of a request, in words.</summary>
    public static IReadOnlyList<string> Of(HttpContext context) =>
        context.Items.TryGetValue(s_key, out var found) ? (IReadOnlyList<string>)found! : [];

    /// <summary>Keeps what another reader found twice, in words.</summary>
    public static void Note(HttpContext context, IReadOnlyList<string> duplicates)
    {
        if (duplicates.Count > 0)
        {
            context.Items[s_key] = duplicates;
        }
    }

    /// <summary>The tree of a body, and what stood twice in it, which is kept with the request.</summary>
    /// <exception cref="JsonException">The text is no JSON.</exception>
    public static JsonNode? Parse(HttpContext context, byte[] json)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = JsonFormat.MaxDepth });
        var duplicates = new List<string>();
        reader.Read();
        var node = Value(ref reader, "", duplicates);
        if (reader.Read())
        {
            throw new JsonException("something follows the value");
        }

        Note(context, duplicates);
        return node;
    }

    private static JsonNode? Value(ref Utf8JsonReader reader, string path, List<string> duplicates)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.StartObject:
                var map = new JsonObject();
                while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
                {
                    var name = reader.GetString()!;
                    var inner = path.Length == 0 ? name : $"{path}.{name}";
                    reader.Read();
                    var value = Value(ref reader, inner, duplicates);
                    if (map.ContainsKey(name) && duplicates.Count < MostReported)
                    {
                        duplicates.Add($"duplicate field \"{inner}\"");
                    }

                    map[name] = value;
                }

                return map;
            case JsonTokenType.StartArray:
                var list = new JsonArray();
                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                {
                    list.Add(Value(ref reader, string.Create(CultureInfo.InvariantCulture, $"{path}[{list.Count}]"), duplicates));
                }

                return list;
            default:
                return JsonNode.Parse(ref reader);
        }
    }
}
