using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Kinds;

/// <summary>
/// Autoscalers are stored as autoscaling/v2; v1 shows the target for the processor in a field of its own, and the rest in
/// annotations, as Kubernetes has it.
/// </summary>
internal static class AutoscalerForms
{
    private const string Metrics = "autoscaling.alpha.kubernetes.io/metrics";
    private const string CurrentMetrics = "autoscaling.alpha.kubernetes.io/current-metrics";
    private const string Conditions = "autoscaling.alpha.kubernetes.io/conditions";
    private const string Behavior = "autoscaling.alpha.kubernetes.io/behavior";
    private const string Cpu = "cpu";
    private const int DefaultUtilization = 80;

    public static void Default(JsonObject autoscaler)
    {
        var spec = autoscaler.ObjectOrNew("spec");
        spec.SetDefault("minReplicas", 1);
        if (spec.List("metrics") is null or { Count: 0 })
        {
            spec["metrics"] = new JsonArray(CpuMetric(DefaultUtilization));
        }
    }

    public static void PrepareCreate(JsonObject autoscaler) =>
        autoscaler["status"] = new JsonObject { ["currentReplicas"] = 0, ["desiredReplicas"] = 0 };

    public static void ToV1(JsonObject autoscaler)
    {
        autoscaler["apiVersion"] = "autoscaling/v1";
        var spec = autoscaler.ObjectOrNew("spec");
        if (TakeCpu(spec, "metrics", "target") is { } wanted)
        {
            spec["targetCPUUtilizationPercentage"] = wanted;
        }

        MoveToAnnotation(autoscaler, spec, "metrics", Metrics);
        MoveToAnnotation(autoscaler, spec, "behavior", Behavior);
        if (autoscaler.Object("status") is not { } status)
        {
            return;
        }

        if (TakeCpu(status, "currentMetrics", "current") is { } now)
        {
            status["currentCPUUtilizationPercentage"] = now;
        }

        MoveToAnnotation(autoscaler, status, "currentMetrics", CurrentMetrics);
        MoveToAnnotation(autoscaler, status, "conditions", Conditions);
    }

    public static void FromV1(JsonObject autoscaler)
    {
        autoscaler["apiVersion"] = "autoscaling/v2";
        var spec = autoscaler.ObjectOrNew("spec");
        MoveFromAnnotation(autoscaler, spec, "metrics", Metrics);
        MoveFromAnnotation(autoscaler, spec, "behavior", Behavior);
        if (spec.Number("targetCPUUtilizationPercentage") is { } wanted)
        {
            spec.Remove("targetCPUUtilizationPercentage");
            var metrics = spec.List("metrics");
            if (metrics is null)
            {
                spec["metrics"] = metrics = [];
            }

            metrics.Insert(0, CpuMetric(wanted));
        }

        if (autoscaler.Object("status") is not { } status)
        {
            return;
        }

        MoveFromAnnotation(autoscaler, status, "currentMetrics", CurrentMetrics);
        MoveFromAnnotation(autoscaler, status, "conditions", Conditions);
        if (status.Number("currentCPUUtilizationPercentage") is { } now)
        {
            status.Remove("currentCPUUtilizationPercentage");
            var metrics = status.List("currentMetrics");
            if (metrics is null)
            {
                status["currentMetrics"] = metrics = [];
            }

            metrics.Insert(0, new JsonObject
            {
                ["type"] = "Resource",
                ["resource"] = new JsonObject { ["name"] = Cpu, ["current"] = new JsonObject { ["averageUtilization"] = now } },
            });
        }
    }

    private static JsonObject CpuMetric(long utilization) => new()
    {
        ["type"] = "Resource",
        ["resource"] = new JsonObject
        {
            ["name"] = Cpu,
            ["target"] = new JsonObject { ["type"] = "Utilization", ["averageUtilization"] = utilization },
        },
    };

    /// <summary>Takes the processor's utilization out of a list of metrics; null where there is none.</summary>
    private static JsonNode? TakeCpu(JsonObject owner, string list, string member)
    {
        var metrics = owner.List(list);
        var metric = owner.Objects(list).FirstOrDefault(
            m => m.Text("type") == "Resource" && m.Object("resource")?.Text("name") == Cpu
                && m.Object("resource")?.Object(member)?["averageUtilization"] is not null);
        if (metrics is null || metric is null)
        {
            return null;
        }

        metrics.Remove(metric);
        return metric.Object("resource")!.Object(member)!["averageUtilization"]!.DeepClone();
    }

    private static void MoveToAnnotation(JsonObject autoscaler, JsonObject owner, string member, string annotation)
    {
        var value = owner[member];
        owner.Remove(member);
        if (value is JsonObject || value is JsonArray { Count: > 0 })
        {
            autoscaler.ObjectOrNew("metadata").ObjectOrNew("annotations")[annotation] = value.ToJsonString();
        }
    }

    private static void MoveFromAnnotation(JsonObject autoscaler, JsonObject owner, string member, string annotation)
    {
        if (autoscaler.Object("metadata")?.Object("annotations") is not { } annotations || annotations.Text(annotation) is not { } text)
        {
            return;
        }

        annotations.Remove(annotation);
        if (annotations.Count == 0)
        {
            autoscaler.Object("metadata")!.Remove("annotations");
        }

        try
        {
            owner[member] = JsonNode.Parse(text, null, JsonFormat.Reader);
        }
        catch (System.Text.Json.JsonException)
        {
            throw ApiException.BadRequest($"the annotation {annotation} is not JSON");
        }
    }
}
