using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Tables;
using EdgeSync.CloudCore.EmbeddedApi.Validation;

namespace EdgeSync.CloudCore.EmbeddedApi.Kinds;

/// <summary>The resources of apps/v1.</summary>
internal static class AppsKinds
{
    public static ResourceDescriptor[] All(SchemaText schema) =>
    [
        new()
        {
            Group = "apps", Version = "v1", Plural = "controllerrevisions", Singular = "controllerrevision", Kind = "ControllerRevision",
            Schema = schema.Type("ControllerRevision"), Columns = BuiltInColumns.ControllerRevisions,
        },
        new()
        {
            Group = "apps", Version = "v1", Plural = "daemonsets", Singular = "daemonset", Kind = "DaemonSet", ShortNames = ["ds"],
            Categories = ["all"], Subresources = ["status"], Schema = schema.Type("DaemonSet"), TracksGeneration = true,
            Columns = BuiltInColumns.DaemonSets, Default = DaemonSetDefaults.Apply, PrepareCreate = DaemonSetDefaults.PrepareCreate,
            PrepareUpdate = DaemonSetDefaults.PrepareUpdate, Validate = WorkloadRules.CheckDaemonSet,
        },
    ];
}
