using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace EdgeSync.CloudCore.EmbeddedApi.Serving;

/// <summary>How JSON is read and written here, and short ways to read single fields of a node.</summary>
internal static class JsonFormat
{
    /// <summary>Deeper bodies are refused; no Kubernetes object comes near it.</summary>
    public const int MaxDepth = 128;

    /// <summary>Non-ASCII text and HTML characters stay as they are, as Kubernetes' encoder for storage has it.</summary>
    public static readonly JsonWriterOptions Writer = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        SkipValidation = true,
        MaxDepth = MaxDepth + 8,
    };

    /// <summary>A key that stands twice is refused: it would be unclear which one was meant.</summary>
    public static readonly JsonDocumentOptions Reader = new() { MaxDepth = MaxDepth, AllowDuplicateProperties = false };

    /// <summary>Of what this server wrote itself, where no key stands twice and none needs to be looked for.</summary>
    public static readonly JsonDocumentOptions StoredReader = new() { MaxDepth = MaxDepth };

    /// <summary>The bytes of a tree.</summary>
    public static byte[] Render(JsonObject node)
    {
        using var scratch = JsonScratch.Rent();
        node.WriteTo(scratch.Writer);
        return scratch.Written.ToArray();
    }

    /// <summary>The string member, or null where it is missing or something else.</summary>
    public static string? Text(this JsonObject node, string name) => (node[name] as JsonValue).AsText();

    public static string? AsText(this JsonNode? node) =>
        node is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    /// <summary>The whole-number member, or null where it is missing or something else.</summary>
    public static long? Number(this JsonObject node, string name) =>
        node[name] is JsonValue value && value.GetValueKind() == JsonValueKind.Number
            ? value.TryGetValue<long>(out var number) ? number : value.TryGetValue<int>(out var small) ? small : null
            : null;

    public static bool IsTrue(this JsonObject node, string name) =>
        node[name] is JsonValue value && value.GetValueKind() == JsonValueKind.True;

    public static JsonObject? Object(this JsonObject node, string name) => node[name] as JsonObject;

    public static JsonArray? List(this JsonObject node, string name) => node[name] as JsonArray;

    /// <summary>The object member; made where it is missing or not an object.</summary>
    public static JsonObject ObjectOrNew(this JsonObject node, string name)
    {
        if (node[name] is JsonObject present)
        {
            return present;
        }

        var made = new JsonObject();
        node[name] = made;
        return made;
    }

    /// <summary>The list's members that are objects.</summary>
    public static IEnumerable<JsonObject> Objects(this JsonObject node, string name) =>
        node[name] is JsonArray list ? list.OfType<JsonObject>() : [];

    /// <summary>Sets a member that is missing (or null) already.</summary>
    public static void SetDefault(this JsonObject node, string name, string value)
    {
        if (node[name] is null)
        {
            node[name] = value;
        }
    }

    /// <inheritdoc cref="SetDefault(JsonObject, string, string)"/>
    public static void SetDefault(this JsonObject node, string name, long value)
    {
        if (node[name] is null)
        {
            node[name] = value;
        }
    }

    /// <summary>Sets a member, or removes it where the value is null.</summary>
    public static void SetOrRemove(this JsonObject node, string name, JsonNode? value)
    {
        if (value is null)
        {
            node.Remove(name);
        }
        else
        {
            node[name] = value.Parent is null ? value : value.DeepClone();
        }
    }
}
