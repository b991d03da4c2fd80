using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Tables;
using EdgeSync.CloudCore.EmbeddedApi.Validation;

namespace EdgeSync.CloudCore.EmbeddedApi.Kinds;

/// <summary>The resources of batch/v1, and of v1beta1 for clients of Kubernetes 1.20.</summary>
internal static class BatchKinds
{
    public static ResourceDescriptor[] All(SchemaText schema)
    {
        var current = Current(schema);
        return [.. current, EarlierVersions.OfCronJobs(current[0])];
    }

    private static ResourceDescriptor[] Current(SchemaText schema) =>
    [
        new()
        {
            Group = "batch", Version = "v1", Plural = "cronjobs", Singular = "cronjob", Kind = "CronJob", ShortNames = ["cj"],
            Categories = ["all"], Subresources = ["status"], Schema = schema.Type("CronJob"), TracksGeneration = true,
            Columns = WorkloadColumns.CronJobs, Default = BatchDefaults.CronJob, PrepareCreate = AppsDefaults.EmptyStatus,
            Validate = BatchRules.CheckCronJob,
        },
        new()
        {
            Group = "batch", Version = "v1", Plural = "jobs", Singular = "job", Kind = "Job", Categories = ["all"],
            Subresources = ["status"], Schema = schema.Type("Job"), TracksGeneration = true, Columns = WorkloadColumns.Jobs,
            SelectableFields = ["status.successful"], SelectorKind = "batchv1.Job", SelectablePaths = ["status.succeeded"],
            FieldsWhereMissing = new Dictionary<string, string> { ["status.successful"] = "0" }, Default = BatchDefaults.Job, PrepareCreate = BatchDefaults.NewJob,
            Validate = BatchRules.CheckJob, DefaultPropagation = "Orphan",
            DeletionWarning = "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning",
        },
    ];
}
