using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Tables;
using EdgeSync.CloudCore.EmbeddedApi.Validation;

namespace EdgeSync.CloudCore.EmbeddedApi.Kinds;

/// <summary>The resources of storage.k8s.io/v1.</summary>
internal static class StorageKinds
{
    public static ResourceDescriptor[] All(SchemaText schema) =>
    [
        new()
        {
            Group = "storage.k8s.io", Version = "v1", Plural = "csidrivers", Singular = "csidriver", Kind = "CSIDriver", Namespaced = false,
            Schema = schema.Type("CSIDriver"), TracksGeneration = true, Columns = StorageColumns.Drivers, Default = StorageDefaults.Driver,
            ReturnsDeletedObject = true,
        },
        new()
        {
            Group = "storage.k8s.io", Version = "v1", Plural = "csinodes", Singular = "csinode", Kind = "CSINode", Namespaced = false,
            Schema = schema.Type("CSINode"), Columns = StorageColumns.Nodes, ReturnsDeletedObject = true,
        },
        new()
        {
            Group = "storage.k8s.io", Version = "v1", Plural = "csistoragecapacities", Singular = "csistoragecapacity",
            Kind = "CSIStorageCapacity", Schema = schema.Type("CSIStorageCapacity"), Columns = StorageColumns.Capacities,
        },
        new()
        {
            Group = "storage.k8s.io", Version = "v1", Plural = "storageclasses", Singular = "storageclass", Kind = "StorageClass",
            ShortNames = ["sc"], Namespaced = false, Schema = schema.Type("StorageClass"), Columns = StorageColumns.Classes,
            Default = StorageDefaults.Class, Validate = StorageRules.CheckClass, ReturnsDeletedObject = true,
        },
        new()
        {
            Group = "storage.k8s.io", Version = "v1", Plural = "volumeattachments", Singular = "volumeattachment", Kind = "VolumeAttachment",
            Namespaced = false, Subresources = ["status"], Schema = schema.Type("VolumeAttachment"), Columns = StorageColumns.Attachments,
            ReturnsDeletedObject = true,
        },
    ];
}
