using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Kinds;

/// <summary>The defaults that Kubernetes writes into jobs and cron jobs, and the selector that it makes for a job.</summary>
internal static class BatchDefaults
{
    /// <summary>The label of a job's pods since v1.27; the one without the prefix is written too, for older readers.</summary>
    public const string ControllerUid = "batch.kubernetes.io/controller-uid";

    public const string LegacyControllerUid = "controller-uid";
    public const string JobName = "batch.kubernetes.io/job-name";
    public const string LegacyJobName = "job-name";

    public static void Job(JsonObject job)
    {
        var spec = job.ObjectOrNew("spec");
        if (spec["completions"] is null && spec["parallelism"] is null)
        {
            spec["completions"] = 1;
        }

        spec.SetDefault("parallelism", 1);
        spec.SetDefault("backoffLimit", spec["backoffLimitPerIndex"] is null ? 6 : int.MaxValue);
        spec.SetDefault("completionMode", "NonIndexed");
        if (spec["suspend"] is null)
        {
            spec["suspend"] = false;
        }

        spec.SetDefault("podReplacementPolicy", spec["podFailurePolicy"] is null ? "TerminatingOrFailed" : "Failed");
        foreach (var condition in spec.Object("podFailurePolicy")?.Objects("rules").SelectMany(r => r.Objects("onPodConditions")) ?? [])
        {
            condition.SetDefault("status", "True");
        }

        AppsDefaults.PodTemplate(spec);
        var metadata = job.ObjectOrNew("metadata");
        if (metadata.Object("labels") is null or { Count: 0 } && Labels(spec) is { Count: > 0 } labels)
        {
            metadata["labels"] = labels.DeepClone();
        }
    }

    /// <summary>A job that brings no selector of its own gets one that no other job can have.</summary>
    public static void NewJob(JsonObject job)
    {
        job["status"] = new JsonObject();
        var spec = job.ObjectOrNew("spec");
        if (spec.IsTrue("manualSelector"))
        {
            return;
        }

        var metadata = job.Object("metadata")!;
        var uid = metadata.Text("uid")!;
        var labels = spec.ObjectOrNew("template").ObjectOrNew("metadata").ObjectOrNew("labels");

        // one that is there already must fit, which validation says
        labels.SetDefault(ControllerUid, uid);
        labels.SetDefault(LegacyControllerUid, uid);
        labels.SetDefault(JobName, metadata.Text("name") ?? "");
        labels.SetDefault(LegacyJobName, metadata.Text("name") ?? "");
        spec.ObjectOrNew("selector").ObjectOrNew("matchLabels").SetDefault(ControllerUid, uid);
        if (metadata.Object("labels") is null or { Count: 0 })
        {
            metadata["labels"] = labels.DeepClone();
        }
    }

    public static void CronJob(JsonObject cronJob)
    {
        var spec = cronJob.ObjectOrNew("spec");
        spec.SetDefault("concurrencyPolicy", "Allow");
        if (spec["suspend"] is null)
        {
            spec["suspend"] = false;
        }

        spec.SetDefault("successfulJobsHistoryLimit", 3);
        spec.SetDefault("failedJobsHistoryLimit", 1);
        var template = spec.ObjectOrNew("jobTemplate");
        template.ObjectOrNew("metadata")["creationTimestamp"] = null;
        AppsDefaults.PodTemplate(template.ObjectOrNew("spec"));
    }

    private static JsonObject? Labels(JsonObject spec) => spec.Object("template")?.Object("metadata")?.Object("labels");
}
