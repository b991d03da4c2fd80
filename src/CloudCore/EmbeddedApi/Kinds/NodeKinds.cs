using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Tables;
using EdgeSync.CloudCore.EmbeddedApi.Validation;

namespace EdgeSync.CloudCore.EmbeddedApi.Kinds;

/// <summary>The resources of node.k8s.io/v1.</summary>
internal static class NodeKinds
{
    public static ResourceDescriptor[] All(SchemaText schema) =>
    [
        new()
        {
            Group = "node.k8s.io", Version = "v1", Plural = "runtimeclasses", Singular = "runtimeclass", Kind = "RuntimeClass",
            Namespaced = false, Schema = schema.Type("RuntimeClass"), Columns = ClusterColumns.RuntimeClasses,
            Validate = PolicyRules.CheckRuntimeClass, CreatesOnUpdate = true,
        },
    ];
}
