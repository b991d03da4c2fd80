using System.Globalization;
using System.Text.Json;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.EmbeddedApi.Tables;

/// <summary>The columns of the workloads of apps, batch, autoscaling and policy.</summary>
internal static class WorkloadColumns
{
    public static readonly IReadOnlyList<TableColumn> Deployments =
    [
        CommonColumns.Name,
        new("Ready", "string", row => Of(row.Root.At("status", "readyReplicas"), row.Root.At("spec", "replicas"))),
        new("Up-to-date", "string", row => row.Root.At("status", "updatedReplicas").Number()),
        new("Available", "string", row => row.Root.At("status", "availableReplicas").Number()),
        CommonColumns.Age,
        .. Template,
        Selector,
    ];

    public static readonly IReadOnlyList<TableColumn> ReplicaSets =
    [
        CommonColumns.Name,
        new("Desired", "integer", row => row.Root.At("spec", "replicas").Number()),
        new("Current", "integer", row => row.Root.At("status", "replicas").Number()),
        new("Ready", "integer", row => row.Root.At("status", "readyReplicas").Number()),
        CommonColumns.Age,
        .. Template,
        Selector,
    ];

    public static readonly IReadOnlyList<TableColumn> ReplicationControllers =
    [
        .. ReplicaSets.Take(ReplicaSets.Count - 1),
        new("Selector", "string", row => CommonColumns.Labels(row.Root.At("spec", "selector")), Wide: true),
    ];

    public static readonly IReadOnlyList<TableColumn> StatefulSets =
    [
        CommonColumns.Name,
        new("Ready", "string", row => Of(row.Root.At("status", "readyReplicas"), row.Root.At("spec", "replicas"))),
        CommonColumns.Age,
        .. Template,
    ];

    public static readonly IReadOnlyList<TableColumn> PodTemplates =
    [
        CommonColumns.Name,
        new("Containers", "string", row => CommonColumns.Containers(row.Root.At("template", "spec"), "name")),
        new("Images", "string", row => CommonColumns.Containers(row.Root.At("template", "spec"), "image")),
        new("Pod Labels", "string", row => CommonColumns.Labels(row.Root.At("template", "metadata", "labels"))),
    ];

    public static readonly IReadOnlyList<TableColumn> Jobs =
    [
        CommonColumns.Name,
        new("Status", "string", row => JobStatus(row.Root)),
        new("Completions", "string", row => Completions(row.Root)),
        new("Duration", "string", row => JobDuration(row.Root, row.Now)),
        CommonColumns.Age,
        .. Template,
        Selector,
    ];

    public static readonly IReadOnlyList<TableColumn> CronJobs =
    [
        CommonColumns.Name,
        new("Schedule", "string", row => row.Root.At("spec", "schedule").Text()),
        new("Timezone", "string", row => CommonColumns.OrNone(row.Root.At("spec", "timeZone").Text())),
        new("Suspend", "boolean", row => CommonColumns.Truth(row.Root.At("spec", "suspend"))),
        new("Active", "integer", row => (long)row.Root.At("status", "active").Items().Count()),
        new("Last Schedule", "string", row => row.Root.At("status", "lastScheduleTime") is { ValueKind: JsonValueKind.String } last
            ? CommonColumns.Since(last, row.Now)
            : "<none>"),
        CommonColumns.Age,
        new("Containers", "string", row => CommonColumns.Containers(row.Root.At("spec", "jobTemplate", "spec", "template", "spec"), "name"), Wide: true),
        new("Images", "string", row => CommonColumns.Containers(row.Root.At("spec", "jobTemplate", "spec", "template", "spec"), "image"), Wide: true),
        new("Selector", "string", row => CommonColumns.Selector(row.Root.At("spec", "jobTemplate", "spec", "selector")), Wide: true),
    ];

    public static readonly IReadOnlyList<TableColumn> DisruptionBudgets =
    [
        CommonColumns.Name,
        new("Min Available", "string", row => CountOrPercent(row.Root.At("spec", "minAvailable"))),
        new("Max Unavailable", "string", row => CountOrPercent(row.Root.At("spec", "maxUnavailable"))),
        new("Allowed Disruptions", "integer", row => row.Root.At("status", "disruptionsAllowed").Number()),
        CommonColumns.Age,
    ];

    public static readonly IReadOnlyList<TableColumn> Autoscalers =
    [
        CommonColumns.Name,
        new("Reference", "string", row => $"{row.Root.At("spec", "scaleTargetRef", "kind").Text()}/{row.Root.At("spec", "scaleTargetRef", "name").Text()}"),
        new("Targets", "string", row => AutoscalerTargets.Of(row.Root)),
        new("MinPods", "string", row => row.Root.At("spec", "minReplicas") is { ValueKind: JsonValueKind.Number } least
            ? least.Number().ToString(CultureInfo.InvariantCulture)
            : "<unset>"),
        new("MaxPods", "string", row => row.Root.At("spec", "maxReplicas").Number()),
        new("Replicas", "string", row => row.Root.At("status", "currentReplicas").Number()),
        CommonColumns.Age,
    ];

    private static TableColumn[] Template =>
    [
        new("Containers", "string", row => CommonColumns.Containers(row.Root.At("spec", "template", "spec"), "name"), Wide: true),
        new("Images", "string", row => CommonColumns.Containers(row.Root.At("spec", "template", "spec"), "image"), Wide: true),
    ];

    private static TableColumn Selector =>
        new("Selector", "string", row => CommonColumns.Selector(row.Root.At("spec", "selector")), Wide: true);

    private static string Of(JsonElement ready, JsonElement wanted) =>
        string.Create(CultureInfo.InvariantCulture, $"{ready.Number()}/{wanted.Number()}");

    private static string JobStatus(JsonElement job)
    {
        foreach (var (type, word) in ((string, string)[])[("Complete", "Complete"), ("Failed", "Failed")])
        {
            if (HasCondition(job, type))
            {
                return word;
            }
        }

        return job.At("metadata", "deletionTimestamp").ValueKind == JsonValueKind.String ? "Terminating"
            : HasCondition(job, "Suspended") ? "Suspended"
            : HasCondition(job, "FailureTarget") ? "FailureTarget"
            : HasCondition(job, "SuccessCriteriaMet") ? "SuccessCriteriaMet" : "Running";
    }

    private static bool HasCondition(JsonElement job, string type) => job.At("status", "conditions").Items()
        .Any(c => c.At("type").Text() == type && c.At("status").Text() == "True");

    private static string Completions(JsonElement job)
    {
        var succeeded = job.At("status", "succeeded").Number();
        var parallelism = job.At("spec", "parallelism").Number();
        return job.At("spec", "completions") is { ValueKind: JsonValueKind.Number } wanted
            ? string.Create(CultureInfo.InvariantCulture, $"{succeeded}/{wanted.Number()}")
            : parallelism > 1
                ? string.Create(CultureInfo.InvariantCulture, $"{succeeded}/1 of {parallelism}")
                : string.Create(CultureInfo.InvariantCulture, $"{succeeded}/1");
    }

    private static string JobDuration(JsonElement job, DateTimeOffset now)
    {
        if (!KubeTime.TryParse(job.At("status", "startTime").Text(), out var began))
        {
            return "";
        }

        var ended = KubeTime.TryParse(job.At("status", "completionTime").Text(), out var end) ? end : now;
        return CommonColumns.HumanDuration(ended - began);
    }

    private static string CountOrPercent(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Number => value.Number().ToString(CultureInfo.InvariantCulture),
        JsonValueKind.String => value.Text(),
        _ => "N/A",
    };
}
