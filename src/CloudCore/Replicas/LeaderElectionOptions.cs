namespace EdgeSync.CloudCore.Replicas;

/// <summary>The lease by which several cloudcores on one cluster agree on a leader, and its times, which are client-go's.</summary>
internal sealed record LeaderElectionOptions
{
    /// <summary>The lease's namespace.</summary>
    public required string Namespace { get; init; }

    /// <summary>The lease's name.</summary>
    public required string Name { get; init; }

    /// <summary>Who this process is: not the same for two of them, nor for one before and after its restart.</summary>
    public required string Identity { get; init; }

    /// <summary>So long the others wait after the last renewal that they saw; whole seconds.</summary>
    public TimeSpan LeaseDuration { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>A leader that could not renew for so long leads no longer; shorter than <see cref="LeaseDuration"/>.</summary>
    public TimeSpan RenewDeadline { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Time between two tries.</summary>
    public TimeSpan RetryPeriod { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>A name for this process: the host's, which is the pod's in a cluster, and something that no other start has.</summary>
    public static string NewIdentity() => $"{Environment.MachineName.ToLowerInvariant()}_{Guid.NewGuid():n}"[..(Environment.MachineName.Length + 9)];
}
