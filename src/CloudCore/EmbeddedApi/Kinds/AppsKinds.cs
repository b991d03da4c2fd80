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
        new()
        {
            Group = "apps", Version = "v1", Plural = "deployments", Singular = "deployment", Kind = "Deployment", ShortNames = ["deploy"],
            Categories = ["all"], Subresources = ["scale", "status"], Schema = schema.Type("Deployment"), TracksGeneration = true,
            CountedMetadata = ["annotations"], StatusMetadata = ["annotations", "finalizers", "ownerReferences"], Scale = ScalePaths.Workload, Columns = WorkloadColumns.Deployments,
            Default = AppsDefaults.Deployment, PrepareCreate = AppsDefaults.EmptyStatus, Validate = AppsRules.CheckDeployment,
        },
        new()
        {
            Group = "apps", Version = "v1", Plural = "replicasets", Singular = "replicaset", Kind = "ReplicaSet", ShortNames = ["rs"],
            Categories = ["all"], Subresources = ["scale", "status"], Schema = schema.Type("ReplicaSet"), TracksGeneration = true,
            Scale = ScalePaths.Workload, Columns = WorkloadColumns.ReplicaSets, SelectableFields = ["status.replicas"],
            FieldsWhereMissing = new Dictionary<string, string> { ["status.replicas"] = "0" },
            Default = AppsDefaults.ReplicaSet, PrepareCreate = AppsDefaults.NoReplicas, Validate = AppsRules.CheckReplicaSet,
        },
        new()
        {
            Group = "apps", Version = "v1", Plural = "statefulsets", Singular = "statefulset", Kind = "StatefulSet", ShortNames = ["sts"],
            Categories = ["all"], Subresources = ["scale", "status"], Schema = schema.Type("StatefulSet"), TracksGeneration = true,
            Scale = ScalePaths.Workload, Columns = WorkloadColumns.StatefulSets, Default = AppsDefaults.StatefulSet,
            PrepareCreate = AppsDefaults.NewStatefulSet, Validate = AppsRules.CheckStatefulSet,
        },
    ];
}
