using System.Text.Json;

namespace EdgeSync.CloudCore.EmbeddedApi.Tables;

/// <summary>The columns of volumes, claims and what describes storage.</summary>
internal static class StorageColumns
{
    private const string Unset = "<unset>";

    private static readonly (string Name, string Short)[] s_accessModes =
        [("ReadWriteOnce", "RWO"), ("ReadOnlyMany", "ROX"), ("ReadWriteMany", "RWX"), ("ReadWriteOncePod", "RWOP")];

    public static readonly IReadOnlyList<TableColumn> Volumes =
    [
        CommonColumns.Name,
        new("Capacity", "string", row => row.Root.At("spec", "capacity", "storage").Text()),
        new("Access Modes", "string", row => AccessModes(row.Root.At("spec", "accessModes"))),
        new("Reclaim Policy", "string", row => row.Root.At("spec", "persistentVolumeReclaimPolicy").Text()),
        new("Status", "string", row => Phase(row.Root)),
        new("Claim", "string", row => Claim(row.Root.At("spec", "claimRef"))),
        new("StorageClass", "string", row => ClassOf(row.Root)),
        new("VolumeAttributesClass", "string", row => OrUnset(row.Root.At("spec", "volumeAttributesClassName"))),
        new("Reason", "string", row => row.Root.At("status", "reason").Text()),
        CommonColumns.Age,
        new("VolumeMode", "string", row => OrUnset(row.Root.At("spec", "volumeMode")), Wide: true),
    ];

    public static readonly IReadOnlyList<TableColumn> Claims =
    [
        CommonColumns.Name,
        new("Status", "string", row => Phase(row.Root)),
        new("Volume", "string", row => row.Root.At("spec", "volumeName").Text()),
        new("Capacity", "string", row => IsBound(row.Root) ? row.Root.At("status", "capacity", "storage").Text() : ""),
        new("Access Modes", "string", row => IsBound(row.Root) ? AccessModes(row.Root.At("status", "accessModes")) : ""),
        new("StorageClass", "string", row => ClassOf(row.Root)),
        new("VolumeAttributesClass", "string", row => OrUnset(row.Root.At("spec", "volumeAttributesClassName"))),
        CommonColumns.Age,
        new("VolumeMode", "string", row => OrUnset(row.Root.At("spec", "volumeMode")), Wide: true),
    ];

    public static readonly IReadOnlyList<TableColumn> Classes =
    [
        new("Name", "string", row => ClassName(row.Root), Format: "name"),
        new("Provisioner", "string", row => row.Root.At("provisioner").Text()),
        new("ReclaimPolicy", "string", row => row.Root.At("reclaimPolicy").Text() is { Length: > 0 } policy ? policy : "Delete"),
        new("VolumeBindingMode", "string", row => row.Root.At("volumeBindingMode").Text() is { Length: > 0 } mode ? mode : "Immediate"),
        new("AllowVolumeExpansion", "string", row => row.Root.At("allowVolumeExpansion").ValueKind == JsonValueKind.True),
        CommonColumns.Age,
    ];

    public static readonly IReadOnlyList<TableColumn> Nodes =
        [CommonColumns.Name, new("Drivers", "integer", row => (long)row.Root.At("spec", "drivers").Items().Count()), CommonColumns.Age];

    public static readonly IReadOnlyList<TableColumn> Drivers =
    [
        CommonColumns.Name,
        new("AttachRequired", "boolean", row => row.Root.At("spec", "attachRequired").ValueKind != JsonValueKind.False),
        new("PodInfoOnMount", "boolean", row => row.Root.At("spec", "podInfoOnMount").ValueKind == JsonValueKind.True),
        new("StorageCapacity", "boolean", row => row.Root.At("spec", "storageCapacity").ValueKind == JsonValueKind.True),
        new("TokenRequests", "string", row => string.Join(',', row.Root.At("spec", "tokenRequests").Items().Select(t => t.At("audience").Text())) is { Length: > 0 } audiences ? audiences : Unset),
        new("RequiresRepublish", "boolean", row => row.Root.At("spec", "requiresRepublish").ValueKind == JsonValueKind.True),
        new("Modes", "string", row => string.Join(',', row.Root.At("spec", "volumeLifecycleModes").Items().Select(m => m.Text())) is { Length: > 0 } modes ? modes : "<none>"),
        CommonColumns.Age,
    ];

    public static readonly IReadOnlyList<TableColumn> Capacities =
    [
        CommonColumns.Name,
        new("StorageClassName", "string", row => row.Root.At("storageClassName").Text()),
        new("Capacity", "string", row => OrUnset(row.Root.At("capacity"))),
    ];

    public static readonly IReadOnlyList<TableColumn> Attachments =
    [
        CommonColumns.Name,
        new("Attacher", "string", row => row.Root.At("spec", "attacher").Text(), Format: "name"),
        new("PV", "string", row => row.Root.At("spec", "source", "persistentVolumeName").Text()),
        new("Node", "string", row => row.Root.At("spec", "nodeName").Text()),
        new("Attached", "boolean", row => row.Root.At("status", "attached").ValueKind == JsonValueKind.True),
        CommonColumns.Age,
    ];

    private static string Phase(JsonElement item) => item.At("metadata", "deletionTimestamp").ValueKind == JsonValueKind.String
        ? "Terminating"
        : item.At("status", "phase").Text();

    private static string Claim(JsonElement reference) => reference.ValueKind == JsonValueKind.Object
        ? $"{reference.At("namespace").Text()}/{reference.At("name").Text()}"
        : "";

    private static bool IsBound(JsonElement claim) => claim.At("spec", "volumeName").Text().Length > 0;

    private static string ClassOf(JsonElement item) =>
        item.At("metadata", "annotations", "volume.beta.kubernetes.io/storage-class") is { ValueKind: JsonValueKind.String } older
            ? older.Text()
            : item.At("spec", "storageClassName").Text();

    private static string ClassName(JsonElement storageClass)
    {
        var name = storageClass.At("metadata", "name").Text();
        return storageClass.At("metadata", "annotations", "storageclass.kubernetes.io/is-default-class").Text() == "true" ? name + " (default)" : name;
    }

    /// <summary>In this order, whatever order they stand in.</summary>
    private static string AccessModes(JsonElement modes)
    {
        var given = modes.Items().Select(m => m.Text()).ToHashSet();
        return string.Join(',', s_accessModes.Where(m => given.Contains(m.Name)).Select(m => m.Short));
    }

    private static string OrUnset(JsonElement text) => text.Text() is { Length: > 0 } given ? given : Unset;
}
