using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Tables;

namespace EdgeSync.CloudCore.EmbeddedApi.Kinds;

/// <summary>The resources of KubeEdge's reliablesyncs.kubeedge.io/v1alpha1.</summary>
internal static class ReliableSyncsKinds
{
    public static ResourceDescriptor[] All(SchemaText schema) =>
    [
        new()
        {
            Group = "reliablesyncs.kubeedge.io", Version = "v1alpha1", Plural = "objectsyncs", Singular = "objectsync", Kind = "ObjectSync",
            Schema = schema.Type("ObjectSync"), Subresources = ["status"], StrategicMerge = false, UpdateNeedsVersion = true,
            Columns = BuiltInColumns.ObjectSyncs,
        },
        new()
        {
            Group = "reliablesyncs.kubeedge.io", Version = "v1alpha1", Plural = "clusterobjectsyncs", Singular = "clusterobjectsync",
            Kind = "ClusterObjectSync", Namespaced = false, Schema = schema.Type("ObjectSync"), Subresources = ["status"],
            StrategicMerge = false, UpdateNeedsVersion = true, Columns = BuiltInColumns.ObjectSyncs,
        },
    ];
}
