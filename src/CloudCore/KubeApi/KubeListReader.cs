using System.Text;
using System.Text.Json;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.KubeApi;

/// <summary>
/// Takes list pages and watch lines apart; an object's bytes stay as they are, but for who owns its fields:
/// <code>
/// {"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"9","continue":"…"},"items":[{…},{…}]}
/// {"type":"ADDED","object":{…}}
/// </code>
/// </summary>
internal static class KubeListReader
{
    private static readonly JsonReaderOptions s_options = new() { MaxDepth = 128 };

    /// <summary>One page: adds its objects to <paramref name="items"/>.</summary>
    /// <exception cref="KubeObjectException">Not a list.</exception>
    public static (string ResourceVersion, string? Continue) ReadPage(
        ReadOnlySpan<byte> page, ApiResource resource, List<KubeObject> items)
    {
        try
        {
            return ReadPageCore(page, resource, items);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new KubeObjectException($"not a list of {resource}: {e.Message}", e);
        }
    }

    /// <summary>One watch line; the type is returned as it stands (ADDED, MODIFIED, DELETED, BOOKMARK, ERROR).</summary>
    /// <exception cref="KubeObjectException">Not a watch event.</exception>
    public static (string Type, byte[] Object) ReadWatchLine(ReadOnlySpan<byte> line)
    {
        try
        {
            var reader = new Utf8JsonReader(line, s_options);
            Expect(ref reader, JsonTokenType.StartObject);
            string? type = null;
            byte[]? value = null;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                if (reader.ValueTextEquals("type"u8))
                {
                    reader.Read();
                    type = reader.GetString();
                }
                else if (reader.ValueTextEquals("object"u8))
                {
                    value = OwnersCut.Copy(ReadRaw(ref reader, line));
                }
                else
                {
                    reader.Skip();
                }
            }

            return type is null || value is null
                ? throw new KubeObjectException("not a watch event: type or object is missing")
                : (type, value);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new KubeObjectException($"not a watch event: {e.Message}", e);
        }
    }

    private static (string ResourceVersion, string? Continue) ReadPageCore(
        ReadOnlySpan<byte> page, ApiResource resource, List<KubeObject> items)
    {
        var reader = new Utf8JsonReader(page, s_options);
        Expect(ref reader, JsonTokenType.StartObject);
        string? version = null;
        string? next = null;
        var header = Encoding.UTF8.GetBytes($"{{\"kind\":\"{resource.Kind}\",\"apiVersion\":\"{resource.ApiVersion}\",");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("metadata"u8))
            {
                (version, next) = ReadListMetadata(ref reader);
            }
            else if (reader.ValueTextEquals("items"u8))
            {
                ReadItems(ref reader, page, header, items);
            }
            else
            {
                reader.Skip();
            }
        }

        return version is null
            ? throw new KubeObjectException($"not a list of {resource}: metadata.resourceVersion is missing")
            : (version, string.IsNullOrEmpty(next) ? null : next);
    }

    private static (string? ResourceVersion, string? Continue) ReadListMetadata(ref Utf8JsonReader reader)
    {
        Expect(ref reader, JsonTokenType.StartObject);
        string? version = null;
        string? next = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("resourceVersion"u8))
            {
                reader.Read();
                version = reader.GetString();
            }
            else if (reader.ValueTextEquals("continue"u8))
            {
                reader.Read();
                next = reader.GetString();
            }
            else
            {
                reader.Skip();
            }
        }

        return (version, next);
    }

    private static void ReadItems(ref Utf8JsonReader reader, ReadOnlySpan<byte> page, byte[] header, List<KubeObject> items)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.Null)
        {
            return;
        }

        if (reader.TokenType != JsonTokenType.StartArray)
        {
            throw new KubeObjectException("not a list: items must be an array");
        }

        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            var start = (int)reader.TokenStartIndex;
            reader.Skip();
            // a copy of its own: a slice would keep the whole page in memory for as long as one object of it lives
            var item = KubeObject.Parse(OwnersCut.Copy(page[start..(int)reader.BytesConsumed]));
            items.Add(item.Kind.Length == 0 ? WithHeader(item, header) : item);
        }
    }

    // the API server leaves kind and apiVersion out of the items of typed lists; an object on its own needs them, in the order in which the server
    // writes them there: what was listed and what was watched are one content, with one hash
    private static KubeObject WithHeader(KubeObject item, byte[] header)
    {
        var body = item.Json.Span[1..];
        var whole = new byte[header.Length + body.Length];
        header.CopyTo(whole, 0);
        body.CopyTo(whole.AsSpan(header.Length));
        return KubeObject.Parse(whole);
    }

    private static ReadOnlySpan<byte> ReadRaw(ref Utf8JsonReader reader, ReadOnlySpan<byte> text)
    {
        reader.Read();
        var start = (int)reader.TokenStartIndex;
        reader.Skip();
        return text[start..(int)reader.BytesConsumed];
    }

    private static void Expect(ref Utf8JsonReader reader, JsonTokenType type)
    {
        if (!reader.Read() || reader.TokenType != type)
        {
            throw new JsonException($"{type} was expected");
        }
    }
}
