using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Store;

/// <summary>
/// One version of one object: the very bytes that are sent. Immutable and shared by readers, lists and watches; what
/// selectors need is read from the bytes when it is first asked for, and kept.
/// </summary>
internal sealed class StoredObject(NamespacedName key, string uid, long resourceVersion, byte[] json)
{
    private KeyValuePair<string, string>[]? _labels;
    private FieldValues? _fields;
    private Formed? _formed;

    public NamespacedName Key { get; } = key;

    public string Uid { get; } = uid;

    public long ResourceVersion { get; } = resourceVersion;

    /// <summary>UTF-8, with the resourceVersion in it.</summary>
    public byte[] Json { get; } = json;

    /// <summary>metadata.labels.</summary>
    public ReadOnlySpan<KeyValuePair<string, string>> Labels => _labels ??= ReadLabels();

    /// <summary>
    /// The values at <paramref name="paths"/> (dotted), empty where missing. An object is always asked with the same
    /// paths: those of its resource.
    /// </summary>
    public string[] Fields(IReadOnlyList<string> paths)
    {
        var known = _fields;
        if (known is null || !ReferenceEquals(known.Paths, paths))
        {
            _fields = known = new FieldValues(paths, ReadFields(paths));
        }

        return known.Values;
    }

    /// <summary>Whether the object is stored in this form.</summary>
    public bool IsStoredIn(object form) => _formed is { } known && ReferenceEquals(known.Form, form) && ReferenceEquals(known.Json, Json);

    /// <summary>Says that the object was written in this form.</summary>
    public void MarkStoredIn(object form) => _formed = new Formed(form, Json);

    /// <summary>The object in a form, made when it is first asked for. An object is nearly always asked for in one and the same form.</summary>
    public byte[] InForm(object form, Func<StoredObject, byte[]> make)
    {
        var known = _formed;
        if (known is null || !ReferenceEquals(known.Form, form))
        {
            var made = make(this);
            _formed = known = new Formed(form, made.AsSpan().SequenceEqual(Json) ? Json : made);
        }

        return known.Json;
    }

    /// <summary>Whether the text stands anywhere in the object: a first look that costs less than parsing it.</summary>
    public bool Mentions(ReadOnlySpan<byte> text) => Json.AsSpan().IndexOf(text) >= 0;

    /// <summary>A tree of the object, to be changed by its one owner.</summary>
    public JsonObject Parse() => (JsonObject)JsonNode.Parse(Json, null, JsonFormat.StoredReader)!;

    /// <summary>The same content at another version, for whoever is told that it is gone.</summary>
    public StoredObject At(long resourceVersion) => new(Key, Uid, resourceVersion, PreparedObject.From(Parse()).WithVersion(resourceVersion));

    private KeyValuePair<string, string>[] ReadLabels()
    {
        var reader = new Utf8JsonReader(Json, new JsonReaderOptions { MaxDepth = JsonFormat.MaxDepth });
        if (!Enter(ref reader, "metadata") || !Enter(ref reader, "labels") || reader.TokenType != JsonTokenType.StartObject)
        {
            return [];
        }

        var labels = new List<KeyValuePair<string, string>>();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString()!;
            reader.Read();
            labels.Add(new(name, reader.GetString() ?? ""));
        }

        return [.. labels];
    }

    private string[] ReadFields(IReadOnlyList<string> paths)
    {
        var values = new string[paths.Count];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = ReadField(paths[i]);
        }

        return values;
    }

    private string ReadField(string path)
    {
        if (path.IndexOf('|', StringComparison.Ordinal) is > 0 and var or)
        {
            return ReadField(path[..or]) is { Length: > 0 } first ? first : ReadField(path[(or + 1)..]);
        }

        var reader = new Utf8JsonReader(Json, new JsonReaderOptions { MaxDepth = JsonFormat.MaxDepth });
        var start = 0;
        while (true)
        {
            var dot = path.IndexOf('.', start);
            var part = dot < 0 ? path.AsSpan(start) : path.AsSpan(start, dot - start);
            if (!Enter(ref reader, part))
            {
                return "";
            }

            if (dot < 0)
            {
                return reader.TokenType switch
                {
                    JsonTokenType.String => reader.GetString()!,
                    JsonTokenType.True => "true",
                    JsonTokenType.False => "false",
                    JsonTokenType.Number => System.Text.Encoding.UTF8.GetString(reader.ValueSpan),
                    _ => "",
                };
            }

            start = dot + 1;
        }
    }

    /// <summary>Goes to the value of a member of the object that the reader stands at (or is about to read).</summary>
    private static bool Enter(ref Utf8JsonReader reader, ReadOnlySpan<char> member)
    {
        if (reader.TokenType == JsonTokenType.None)
        {
            reader.Read();
        }

        if (reader.TokenType != JsonTokenType.StartObject)
        {
            return false;
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals(member))
            {
                return reader.Read();
            }

            reader.Skip();
        }

        return false;
    }

    private sealed record Formed(object Form, byte[] Json);

    private sealed record FieldValues(IReadOnlyList<string> Paths, string[] Values);
}
