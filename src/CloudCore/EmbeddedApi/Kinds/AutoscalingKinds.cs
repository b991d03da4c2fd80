using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Tables;
using EdgeSync.CloudCore.EmbeddedApi.Validation;

namespace EdgeSync.CloudCore.EmbeddedApi.Kinds;

/// <summary>The resources of autoscaling/v2 and v1, which show the same objects.</summary>
internal static class AutoscalingKinds
{
    public static ResourceDescriptor[] All(SchemaText schema) =>
    [
        new()
        {
            Group = "autoscaling", Version = "v2", Plural = "horizontalpodautoscalers", Singular = "horizontalpodautoscaler",
            Kind = "HorizontalPodAutoscaler", ShortNames = ["hpa"], Categories = ["all"], Subresources = ["status"],
            Schema = schema.Type("HorizontalPodAutoscaler"), Columns = WorkloadColumns.Autoscalers, Default = AutoscalerForms.Default,
            PrepareCreate = AutoscalerForms.PrepareCreate, Validate = PolicyRules.CheckAutoscaler,
        },
        new()
        {
            Group = "autoscaling", Version = "v1", Plural = "horizontalpodautoscalers", Singular = "horizontalpodautoscaler",
            Kind = "HorizontalPodAutoscaler", ShortNames = ["hpa"], Categories = ["all"], Subresources = ["status"],
            Schema = schema.Type("autoscaling.v1.HorizontalPodAutoscaler"), StoredSchema = schema.Type("HorizontalPodAutoscaler"), Columns = WorkloadColumns.Autoscalers,
            FromStorage = AutoscalerForms.ToV1, ToStorage = AutoscalerForms.FromV1, Default = AutoscalerForms.Default,
            PrepareCreate = AutoscalerForms.PrepareCreate, Validate = PolicyRules.CheckAutoscaler,
        },
    ];
}
