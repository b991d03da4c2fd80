namespace EdgeSync.CloudCore.Controllers.Jobs;

/// <summary>Everything that the decision on a Job depends on.</summary>
internal sealed record JobState
{
    public required Job Job { get; init; }

    /// <summary>Its pods, with those in flight.</summary>
    public required IReadOnlyList<JobPod> Pods { get; init; }

    public required DateTimeOffset Now { get; init; }
}

/// <summary>A pod that is to be made.</summary>
/// <param name="Index">Its completion index; null for a Job without.</param>
/// <param name="FailuresBefore">How often pods of its index have failed.</param>
internal readonly record struct NewJobPod(int? Index, int FailuresBefore);

/// <summary>What is to be done for a Job, and its status.</summary>
internal sealed record JobPlan
{
    public IReadOnlyList<NewJobPod> Create { get; init; } = [];

    /// <summary>Pods that go and are nobody's failure: too many, or the Job is suspended.</summary>
    public IReadOnlyList<JobPod> Spare { get; init; } = [];

    /// <summary>Pods that go because the Job has ended without them.</summary>
    public IReadOnlyList<JobPod> Stop { get; init; } = [];

    /// <summary>Pods that are counted, or noted in the status, once that is written: their finalizer goes then.</summary>
    public IReadOnlyList<JobPod> Release { get; init; } = [];

    /// <summary>Without the pods of <see cref="Create"/>, which may fail.</summary>
    public required JobStatus Status { get; init; }

    public TimeSpan? LookAgainAfter { get; init; }
}
