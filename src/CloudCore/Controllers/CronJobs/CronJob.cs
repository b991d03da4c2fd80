using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.CronJobs;

/// <summary>The fields of a batch/v1 CronJob that its controller acts on.</summary>
internal sealed record CronJob
{
    public ObjectMeta Metadata { get; set; } = new();

    public CronJobSpec Spec { get; set; } = new();

    public CronJobStatus? Status { get; set; }
}

internal sealed record CronJobSpec
{
    public string Schedule { get; set; } = "";

    /// <summary>An IANA name; null: the zone of this process.</summary>
    public string? TimeZone { get; set; }

    /// <summary>How late a run may begin, seconds; null for however late.</summary>
    public long? StartingDeadlineSeconds { get; set; }

    /// <summary>Allow (the default), Forbid or Replace.</summary>
    public string? ConcurrencyPolicy { get; set; }

    public bool Suspend { get; set; }

    public int? SuccessfulJobsHistoryLimit { get; set; }

    public int? FailedJobsHistoryLimit { get; set; }
}

internal sealed record CronJobStatus
{
    public IReadOnlyList<ActiveJob>? Active { get; set; }

    public string? LastScheduleTime { get; set; }

    public string? LastSuccessfulTime { get; set; }
}

/// <summary>core/v1 ObjectReference to a Job.</summary>
internal sealed record ActiveJob
{
    public string Name { get; set; } = "";

    public string Uid { get; set; } = "";

    public string? ResourceVersion { get; set; }
}
