using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.Protocol.Sync;

/// <summary>One object that a node holds: address, incarnation and <see cref="Kubernetes.KubeObject.ContentHash"/>.</summary>
public readonly record struct InventoryItem(ObjectKey Key, string Uid, ulong ContentHash);

/// <summary>The objects of one type that a node holds, in brief.</summary>
/// <param name="Type">The type (<see cref="ResourceTypes"/>).</param>
/// <param name="Count">How many.</param>
/// <param name="Hash">32 hex digits: the first half of SHA-256 over the objects' namespace, name, UID and content hash, in the order of their addresses.</param>
public readonly record struct TypeDigest(string Type, int Count, string Hash);

/// <summary>What a node's inventory message says: one of the three is there.</summary>
/// <param name="Digest">A digest of everything; null in an inventory.</param>
/// <param name="Types">The types that <paramref name="Objects"/> are about; null where they are everything.</param>
/// <param name="Objects">The objects.</param>
public sealed record InventoryReport(IReadOnlyList<TypeDigest>? Digest, IReadOnlyList<string>? Types, IReadOnlyList<InventoryItem> Objects);

/// <summary>
/// How a node says what it holds to a hub that knows EdgeSync's extensions, so that the hub sends only what differs and removes
/// what is gone. KubeEdge has no such exchange and relies on the hub's records alone.
/// <code>
/// {"digest":[["pod",12,"32 hex digits"],…],"dropped":{"event":0,"routed":0}}              the edge's first message on a link
/// {"types":["pod"]}                                                                       the hub's question, where one differs
/// {"types":["pod"],"objects":[["default/pod/web-1","UID","16 hex digits"],…]}             the edge's answer
/// {"objects":[…]}                                                                         everything, in place of a digest
/// </code>
/// </summary>
public static class Inventory
{
    private const int MaxTypes = 64;

    private static readonly JsonDocumentOptions s_documentOptions = new() { MaxDepth = 8 };

    /// <summary>The digests of the objects, one for each type that there is, in the order of the types' names.</summary>
    public static IReadOnlyList<TypeDigest> Digest(IEnumerable<InventoryItem> items)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var digests = new List<TypeDigest>();
        foreach (var type in items.GroupBy(i => i.Key.Type).OrderBy(g => g.Key, StringComparer.Ordinal))
        {
            var count = 0;
            foreach (var item in type.OrderBy(i => i.Key.Namespace, StringComparer.Ordinal).ThenBy(i => i.Key.Name, StringComparer.Ordinal))
            {
                count++;
                hash.AppendData(Encoding.UTF8.GetBytes(string.Create(
                    CultureInfo.InvariantCulture, $"{item.Key.Namespace}\0{item.Key.Name}\0{item.Uid}\0{item.ContentHash:x16}\n")));
            }

            digests.Add(new TypeDigest(type.Key, count, Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 16))));
        }

        return digests;
    }

    /// <summary>Writes a digest.</summary>
    public static byte[] WriteDigest(IReadOnlyList<TypeDigest> digests) => Write(json =>
    {
        json.WriteStartArray("digest"u8);
        foreach (var digest in digests)
        {
            json.WriteStartArray();
            json.WriteStringValue(digest.Type);
            json.WriteNumberValue(digest.Count);
            json.WriteStringValue(digest.Hash);
            json.WriteEndArray();
        }

        json.WriteEndArray();
    });

    /// <summary>Writes the hub's question for the objects of some types.</summary>
    public static byte[] WriteAsk(IReadOnlyCollection<string> types) => Write(json => WriteTypes(json, types));

    /// <summary>Writes an inventory: of everything, or of <paramref name="types"/> alone.</summary>
    public static byte[] Write(IEnumerable<InventoryItem> items, IReadOnlyCollection<string>? types = null) => Write(json =>
    {
        if (types is not null)
        {
            WriteTypes(json, types);
        }

        json.WriteStartArray("objects"u8);
        foreach (var item in items)
        {
            json.WriteStartArray();
            json.WriteStringValue(item.Key.ToString());
            json.WriteStringValue(item.Uid);
            json.WriteStringValue(item.ContentHash.ToString("x16", CultureInfo.InvariantCulture));
            json.WriteEndArray();
        }

        json.WriteEndArray();
    });

    /// <summary>Reads any of the forms.</summary>
    /// <exception cref="ProtocolException">The content is none of them.</exception>
    public static InventoryReport Read(ReadOnlyMemory<byte> content)
    {
        try
        {
            using var document = JsonDocument.Parse(content, s_documentOptions);
            var root = document.RootElement;
            var digest = root.TryGetProperty("digest", out var digests) ? ReadDigest(digests) : null;
            var types = root.TryGetProperty("types", out var named) ? ReadTypes(named) : null;
            var objects = root.TryGetProperty("objects", out var listed) ? ReadObjects(listed) : null;
            return digest is null && types is null && objects is null
                ? throw new ProtocolException("inventory: one of digest, types, objects was expected")
                : new InventoryReport(digest, types, objects ?? []);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or IndexOutOfRangeException)
        {
            throw new ProtocolException($"inventory: {e.Message}", e);
        }
    }

    private static List<TypeDigest> ReadDigest(JsonElement digests)
    {
        Limit(digests);
        var read = new List<TypeDigest>();
        foreach (var digest in digests.EnumerateArray())
        {
            var item = new TypeDigest(Text(digest[0]), digest[1].TryGetInt32(out var count) ? count : -1, Text(digest[2]));
            read.Add(item.Count >= 0 ? item : throw new ProtocolException($"inventory: the count of {item.Type} is no number of objects"));
        }

        return read;
    }

    private static List<string> ReadTypes(JsonElement types)
    {
        Limit(types);
        return [.. types.EnumerateArray().Select(Text)];
    }

    private static List<InventoryItem> ReadObjects(JsonElement objects)
    {
        var items = new List<InventoryItem>();
        foreach (var item in objects.EnumerateArray())
        {
            if (!ObjectKey.TryParse(item[0].GetString(), out var key)
                || !ulong.TryParse(item[2].GetString(), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var hash))
            {
                throw new ProtocolException($"inventory: entry {items.Count} has no valid address or hash");
            }

            items.Add(new InventoryItem(key, item[1].GetString() ?? "", hash));
        }

        return items;
    }

    private static void Limit(JsonElement array)
    {
        if (array.GetArrayLength() > MaxTypes)
        {
            throw new ProtocolException($"inventory: more than {MaxTypes} types");
        }
    }

    private static string Text(JsonElement element) => element.GetString() ?? "";

    private static void WriteTypes(Utf8JsonWriter json, IReadOnlyCollection<string> types)
    {
        json.WriteStartArray("types"u8);
        foreach (var type in types)
        {
            json.WriteStringValue(type);
        }

        json.WriteEndArray();
    }

    private static byte[] Write(Action<Utf8JsonWriter> members)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }
}
