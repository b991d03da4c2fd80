using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.CloudCore.CloudHub.KubeEdge;

/// <summary>
/// What a KubeEdge agent holds of one object: KubeEdge's ObjectSync, or ClusterObjectSync for a cluster-scoped object.
/// <code>
/// metadata: { name: edge-1.0b6c5f2e-…, namespace: default }    NODE.UID; node names may hold dots, a UID never does
/// spec:     { objectAPIVersion: v1, objectKind: ConfigMap, objectName: app }
/// status:   { objectResourceVersion: "48213" }                 "0": sent perhaps, acknowledged never
/// </code>
/// </summary>
/// <param name="Node">The node.</param>
/// <param name="Namespace">The object's namespace; empty for cluster-scoped objects.</param>
/// <param name="ApiVersion">The object's.</param>
/// <param name="Kind">The object's.</param>
/// <param name="Name">The object's.</param>
/// <param name="Uid">The object's.</param>
/// <param name="Version">The resourceVersion that the agent has stored.</param>
internal sealed record SyncRecord(
    string Node, string Namespace, string ApiVersion, string Kind, string Name, string Uid, string Version)
{
    /// <summary>The version of an object that was never acknowledged.</summary>
    public const string NeverStored = "0";

    /// <summary>Its own name in the API.</summary>
    public string RecordName => $"{Node}.{Uid}";

    /// <summary>The object's wire address; KubeEdge's types are the kinds in lower case.</summary>
    public ObjectKey Key => new(Namespace, Kind.ToLowerInvariant(), Name);

    public ApiResource Resource => Namespace.Length == 0 ? ApiResources.ClusterObjectSyncs : ApiResources.ObjectSyncs;

    public static SyncRecord Of(string node, KubeObject held) =>
        new(node, held.Namespace, held.ApiVersion, held.Kind, held.Name, held.Uid, NeverStored);

    /// <summary>Null for an object that is no record: its name has no dot, or a member is missing.</summary>
    public static SyncRecord? Read(KubeObject record)
    {
        if (!TrySplit(record.Name, out var node, out var uid))
        {
            return null;
        }

        try
        {
            using var document = JsonDocument.Parse(record.Json);
            var spec = document.RootElement.GetProperty("spec");
            var version = document.RootElement.TryGetProperty("status", out var status)
                && status.TryGetProperty("objectResourceVersion", out var text) ? text.GetString() : null;
            return new SyncRecord(
                node, record.Namespace, spec.GetProperty("objectAPIVersion").GetString()!, spec.GetProperty("objectKind").GetString()!,
                spec.GetProperty("objectName").GetString()!, uid, version ?? NeverStored);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>Splits <c>NODE.UID</c>.</summary>
    public static bool TrySplit(string name, out string node, out string uid)
    {
        var dot = name.LastIndexOf('.');
        node = dot > 0 ? name[..dot] : "";
        uid = dot > 0 ? name[(dot + 1)..] : "";
        return uid.Length > 0;
    }

    /// <summary>The object to create; the API leaves its status out.</summary>
    public byte[] ToJson()
    {
        var metadata = new JsonObject { ["name"] = RecordName };
        if (Namespace.Length > 0)
        {
            metadata["namespace"] = Namespace;
        }

        return Bytes(new JsonObject
        {
            ["apiVersion"] = Resource.ApiVersion,
            ["kind"] = Resource.Kind,
            ["metadata"] = metadata,
            ["spec"] = new JsonObject { ["objectAPIVersion"] = ApiVersion, ["objectKind"] = Kind, ["objectName"] = Name },
        });
    }

    /// <summary>The merge patch of its status.</summary>
    public byte[] StatusPatch() =>
        Bytes(new JsonObject { ["status"] = new JsonObject { ["objectResourceVersion"] = Version } });

    private static byte[] Bytes(JsonObject node) => Encoding.UTF8.GetBytes(node.ToJsonString());
}
