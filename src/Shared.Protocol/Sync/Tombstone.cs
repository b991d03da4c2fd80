using System.Buffers;
using System.Text.Json;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.Protocol.Sync;

/// <summary>
/// The content of a delete: the object's metadata alone, as KubeEdge's sync controller sends it. The UID says which
/// incarnation is meant.
/// </summary>
internal static class Tombstone
{
    public static byte[] Write(ObjectKey key, string uid)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(buffer))
        {
            var (apiVersion, kind) = KindOf(key.Type);
            json.WriteStartObject();
            json.WriteString("apiVersion"u8, apiVersion);
            json.WriteString("kind"u8, kind);
            json.WriteStartObject("metadata"u8);
            json.WriteString("name"u8, key.Name);
            if (key.Namespace.Length > 0)
            {
                json.WriteString("namespace"u8, key.Namespace);
            }

            json.WriteString("uid"u8, uid);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    private static (string ApiVersion, string Kind) KindOf(string type) => type switch
    {
        ResourceTypes.Node => ("v1", "Node"),
        ResourceTypes.Pod => ("v1", "Pod"),
        ResourceTypes.ConfigMap => ("v1", "ConfigMap"),
        ResourceTypes.Secret => ("v1", "Secret"),
        ResourceTypes.Device => ("devices.kubeedge.io/v1beta1", "Device"),
        ResourceTypes.DeviceModel => ("devices.kubeedge.io/v1beta1", "DeviceModel"),
        // something that another version of the hub sent; the address and the UID say enough
        _ => ("v1", type),
    };
}
