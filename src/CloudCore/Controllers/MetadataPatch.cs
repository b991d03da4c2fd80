using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers;

/// <summary>
/// Merge patches of metadata. Each carries the object's UID, which the API compares: a patch meant for an object that
/// is gone never hits a new one of the same name.
/// </summary>
internal static class MetadataPatch
{
    public static byte[] Owners(string uid, IEnumerable<OwnerReference> owners) => Bytes(new JsonObject
    {
        ["uid"] = uid,
        ["ownerReferences"] = new JsonArray([.. owners.Select(Write)]),
    });

    /// <summary>Also compares the version: the list of owners is replaced as a whole.</summary>
    public static byte[] Owners(KubeObject value, IEnumerable<OwnerReference> owners) => Bytes(new JsonObject
    {
        ["uid"] = value.Uid,
        ["resourceVersion"] = value.ResourceVersion,
        ["ownerReferences"] = owners.Select(Write).ToArray() is { Length: > 0 } left ? new JsonArray(left) : null,
    });

    /// <summary>Also compares the version: the list of finalizers is replaced as a whole.</summary>
    public static byte[] Finalizers(KubeObject value, IEnumerable<string> finalizers) => Bytes(new JsonObject
    {
        ["uid"] = value.Uid,
        ["resourceVersion"] = value.ResourceVersion,
        ["finalizers"] = new JsonArray([.. finalizers.Select(finalizer => (JsonNode)JsonValue.Create(finalizer))]),
    });

    public static byte[] Annotation(string uid, string name, string value) => Bytes(new JsonObject
    {
        ["uid"] = uid,
        ["annotations"] = new JsonObject { [name] = value },
    });

    public static byte[] Label(string uid, string name, string value) => Bytes(new JsonObject
    {
        ["uid"] = uid,
        ["labels"] = new JsonObject { [name] = value },
    });

    private static byte[] Bytes(JsonObject metadata) =>
        Encoding.UTF8.GetBytes(new JsonObject { ["metadata"] = metadata }.ToJsonString());

    public static JsonNode Write(OwnerReference owner)
    {
        var json = new JsonObject
        {
            ["apiVersion"] = owner.ApiVersion,
            ["kind"] = owner.Kind,
            ["name"] = owner.Name,
            ["uid"] = owner.Uid,
        };
        if (owner.Controller is { } controller)
        {
            json["controller"] = controller;
        }

        if (owner.BlockOwnerDeletion is { } block)
        {
            json["blockOwnerDeletion"] = block;
        }

        return json;
    }
}
