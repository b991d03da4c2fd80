using System.Buffers;
using System.Globalization;
using System.Text.Json;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.Protocol.Sync;

/// <summary>One object that a node holds: address, incarnation and <see cref="Kubernetes.KubeObject.ContentHash"/>.</summary>
public readonly record struct InventoryItem(ObjectKey Key, string Uid, ulong ContentHash);

/// <summary>
/// The edge's first message on a link whose hub knows EdgeSync's extensions: what it holds, so that the hub sends only
/// what differs and removes what is gone. KubeEdge has no such exchange and relies on the hub's records alone.
/// <code>{"objects":[["default/pod/web-1","UID","16 hex digits of the content hash"],…]}</code>
/// </summary>
public static class Inventory
{
    /// <summary>Writes the content of an <see cref="Operations.Inventory"/> message.</summary>
    public static byte[] Write(IEnumerable<InventoryItem> items)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
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
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    /// <exception cref="ProtocolException">The content is not an inventory.</exception>
    public static IReadOnlyList<InventoryItem> Read(ReadOnlyMemory<byte> content)
    {
        try
        {
            using var document = JsonDocument.Parse(content);
            var items = new List<InventoryItem>();
            foreach (var item in document.RootElement.GetProperty("objects").EnumerateArray())
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
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or IndexOutOfRangeException)
        {
            throw new ProtocolException($"inventory: {e.Message}", e);
        }
    }
}
