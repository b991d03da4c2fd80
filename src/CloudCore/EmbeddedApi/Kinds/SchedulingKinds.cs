using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Tables;
using EdgeSync.CloudCore.EmbeddedApi.Validation;

namespace EdgeSync.CloudCore.EmbeddedApi.Kinds;

/// <summary>The resources of scheduling.k8s.io/v1.</summary>
internal static class SchedulingKinds
{
    public static ResourceDescriptor[] All(SchemaText schema) =>
    [
        new()
        {
            Group = "scheduling.k8s.io", Version = "v1", Plural = "priorityclasses", Singular = "priorityclass", Kind = "PriorityClass",
            ShortNames = ["pc"], Namespaced = false, Schema = schema.Type("PriorityClass"), Columns = ClusterColumns.PriorityClasses,
            TracksGeneration = true, Default = OtherDefaults.PriorityClass, Validate = PolicyRules.CheckPriorityClass,
            Undeletable = name => PolicyRules.SystemPriorities.ContainsKey(name) ? "this is a system priority class and cannot be deleted" : null,
        },
    ];
}
