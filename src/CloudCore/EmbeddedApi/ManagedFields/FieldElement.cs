using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Resources;

namespace EdgeSync.CloudCore.EmbeddedApi.ManagedFields;

/// <summary>
/// One step of a path in a <see cref="FieldSet"/>: <c>f:name</c>, <c>k:{"name":"a"}</c> for a member that keys tell
/// apart, <c>v:"a"</c> for a plain value.
/// </summary>
internal static class FieldElement
{
    private static readonly JsonSerializerOptions s_compact = new()
    {
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static string OfField(string name) => "f:" + name;

    public static string OfValue(JsonNode? value) => "v:" + Text(value);

    /// <summary>The element of a list's member; null where it has none of the keys.</summary>
    public static string? OfMember(JsonObject member, FieldSchema list)
    {
        if (list.SortedKeys is [var only])
        {
            return KeyText(member, only, list) is { } single ? $$"""k:{"{{only}}":{{single}}}""" : null;
        }

        var text = new StringBuilder("k:{");
        foreach (var key in list.SortedKeys)
        {
            if (KeyText(member, key, list) is { } value)
            {
                text.Append(text.Length > 3 ? "," : "").Append('"').Append(key).Append("\":").Append(value);
            }
        }

        return text.Length == 3 ? null : text.Append('}').ToString();
    }

    private static string? KeyText(JsonObject member, string key, FieldSchema list) =>
        member[key] is { } given ? Text(given) : list.Shape.Element?.Type?.Field(key)?.DefaultText;

    /// <summary>As we write it ourselves: compact, with the keys in order.</summary>
    public static string Canonical(string element)
    {
        if (element.StartsWith("f:", StringComparison.Ordinal) || element.StartsWith("i:", StringComparison.Ordinal))
        {
            return element;
        }

        if (element.Length < 2 || element[1] != ':' || element[0] is not ('k' or 'v'))
        {
            throw new FormatException($"\"{element}\" is no element of a path");
        }

        try
        {
            var node = JsonNode.Parse(element[2..]);
            return element[..2] + (node is JsonObject keys
                ? "{" + string.Join(',', keys.OrderBy(k => k.Key, StringComparer.Ordinal).Select(k => $"\"{k.Key}\":{Text(k.Value)}")) + "}"
                : Text(node));
        }
        catch (JsonException e)
        {
            throw new FormatException($"\"{element}\" is no element of a path: {e.Message}");
        }
    }

    /// <summary>For people: <c>.spec.containers[name="a"].image</c>.</summary>
    public static string Describe(IEnumerable<string> path) => string.Concat(path.Select(element => element[0] switch
    {
        'f' => "." + element[2..],
        'k' => "[" + string.Join(
            ',', ((JsonObject)JsonNode.Parse(element[2..])!).Select(k => string.Create(CultureInfo.InvariantCulture, $"{k.Key}={Text(k.Value)}"))) + "]",
        'v' => $"[={element[2..]}]",
        _ => $"[{element[2..]}]",
    }));

    private static string Text(JsonNode? value) => value is null ? "null" : value.ToJsonString(s_compact);
}
