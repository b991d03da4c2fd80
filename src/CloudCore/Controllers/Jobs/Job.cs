using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.Jobs;

/// <summary>The fields of a batch/v1 Job that its controllers act on.</summary>
internal sealed record Job
{
    public ObjectMeta Metadata { get; set; } = new();

    public JobSpec Spec { get; set; } = new();

    public JobStatus? Status { get; set; }
}

internal sealed record JobSpec
{
    public int? Parallelism { get; set; }

    /// <summary>Null: the pods know among themselves when the work is done.</summary>
    public int? Completions { get; set; }

    public int? BackoffLimit { get; set; }

    public int? BackoffLimitPerIndex { get; set; }

    public int? MaxFailedIndexes { get; set; }

    public long? ActiveDeadlineSeconds { get; set; }

    public long? TtlSecondsAfterFinished { get; set; }

    public bool Suspend { get; set; }

    /// <summary>NonIndexed (the default) or Indexed.</summary>
    public string? CompletionMode { get; set; }

    /// <summary>TerminatingOrFailed (the default) or Failed.</summary>
    public string? PodReplacementPolicy { get; set; }

    public string? ManagedBy { get; set; }

    public LabelSelector? Selector { get; set; }

    public PodFailurePolicy? PodFailurePolicy { get; set; }

    public SuccessPolicy? SuccessPolicy { get; set; }

    public JobTemplate? Template { get; set; }

    public bool IsIndexed => CompletionMode == "Indexed";

    /// <summary>Whether a pod is replaced only when it has ended, not already when it is asked to.</summary>
    public bool ReplacesOnlyEnded => PodReplacementPolicy == "Failed";
}

internal sealed record JobTemplate
{
    public JobTemplateSpec? Spec { get; set; }
}

internal sealed record JobTemplateSpec
{
    public string? RestartPolicy { get; set; }
}

internal sealed record PodFailurePolicy
{
    public IReadOnlyList<PodFailureRule>? Rules { get; set; }
}

internal sealed record PodFailureRule
{
    /// <summary>FailJob, FailIndex, Ignore or Count.</summary>
    public string Action { get; set; } = "";

    public ExitCodeRule? OnExitCodes { get; set; }

    public IReadOnlyList<PodConditionRule>? OnPodConditions { get; set; }
}

internal sealed record ExitCodeRule
{
    public string? ContainerName { get; set; }

    public string Operator { get; set; } = "";

    public IReadOnlyList<int>? Values { get; set; }
}

internal sealed record PodConditionRule
{
    public string Type { get; set; } = "";

    public string Status { get; set; } = "";
}

internal sealed record SuccessPolicy
{
    public IReadOnlyList<SuccessRule>? Rules { get; set; }
}

internal sealed record SuccessRule
{
    public string? SucceededIndexes { get; set; }

    public int? SucceededCount { get; set; }
}

internal sealed record JobStatus
{
    public IReadOnlyList<Condition>? Conditions { get; set; }

    public string? StartTime { get; set; }

    public string? CompletionTime { get; set; }

    public int Active { get; set; }

    public int Ready { get; set; }

    public int Terminating { get; set; }

    public int Succeeded { get; set; }

    public int Failed { get; set; }

    public string? CompletedIndexes { get; set; }

    public string? FailedIndexes { get; set; }

    /// <summary>Pods that have ended, are in no count yet, and may still hold the finalizer.</summary>
    public UncountedPods? UncountedTerminatedPods { get; set; }

    /// <summary>Complete or Failed, once it is so.</summary>
    public Condition? Finished => (Conditions ?? []).FirstOrDefault(condition => condition is { Type: "Complete" or "Failed", Status: "True" });
}

internal sealed record UncountedPods
{
    public IReadOnlyList<string>? Succeeded { get; set; }

    public IReadOnlyList<string>? Failed { get; set; }
}

/// <summary>Names that Kubernetes gives to what belongs to Jobs.</summary>
internal static class JobNames
{
    public const string Finalizer = "batch.kubernetes.io/job-tracking";
    public const string Index = "batch.kubernetes.io/job-completion-index";
    public const string IndexFailures = "batch.kubernetes.io/job-index-failure-count";
    public const string IgnoredIndexFailures = "batch.kubernetes.io/job-index-ignored-failure-count";
}
