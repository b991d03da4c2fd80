using EdgeSync.CloudCore.EmbeddedApi.Resources;

namespace EdgeSync.CloudCore.EmbeddedApi.Kinds;

/// <summary>The resources of metrics.k8s.io/v1beta1: nothing of them is stored.</summary>
internal static class MetricsKinds
{
    private static readonly IReadOnlyList<string> s_verbs = ["get", "list"];

    public static ResourceDescriptor[] All(SchemaText schema) =>
    [
        new()
        {
            Group = "metrics.k8s.io", Version = "v1beta1", Plural = "nodes", Singular = "", Kind = "NodeMetrics", Namespaced = false,
            Verbs = s_verbs, IsComputed = true, StrategicMerge = false, Schema = schema.Type("NodeMetrics"),
        },
        new()
        {
            Group = "metrics.k8s.io", Version = "v1beta1", Plural = "pods", Singular = "", Kind = "PodMetrics",
            Verbs = s_verbs, IsComputed = true, StrategicMerge = false, Schema = schema.Type("PodMetrics"),
        },
    ];
}
