namespace EdgeSync.Protocol.Kubernetes;

/// <summary>core/v1 PodStatus, as the agent writes it.</summary>
public sealed record PodStatus
{
    /// <summary>Pending, Running, Succeeded, Failed or Unknown.</summary>
    public string? Phase { get; init; }

    public IReadOnlyList<Condition>? Conditions { get; init; }

    public string? Reason { get; init; }

    public string? Message { get; init; }

    public string? HostIP { get; init; }

    public IReadOnlyList<HostIp>? HostIPs { get; init; }

    public string? PodIP { get; init; }

    public IReadOnlyList<PodIp>? PodIPs { get; init; }

    public string? StartTime { get; init; }

    public string? QosClass { get; init; }

    public IReadOnlyList<ContainerStatus>? InitContainerStatuses { get; init; }

    public IReadOnlyList<ContainerStatus>? ContainerStatuses { get; init; }
}

public sealed record HostIp
{
    public string Ip { get; init; } = "";
}

public sealed record PodIp
{
    public string Ip { get; init; } = "";
}

/// <summary>core/v1 ContainerStatus.</summary>
public sealed record ContainerStatus
{
    public string Name { get; init; } = "";

    public ContainerState State { get; init; } = new();

    public ContainerState LastState { get; init; } = new();

    public bool Ready { get; init; }

    public bool? Started { get; init; }

    public int RestartCount { get; init; }

    public string Image { get; init; } = "";

    public string ImageID { get; init; } = "";

    public string? ContainerID { get; init; }
}

/// <summary>One of the three is set, or none where nothing is known.</summary>
public sealed record ContainerState
{
    public ContainerStateWaiting? Waiting { get; init; }

    public ContainerStateRunning? Running { get; init; }

    public ContainerStateTerminated? Terminated { get; init; }
}

public sealed record ContainerStateWaiting
{
    public string? Reason { get; init; }

    public string? Message { get; init; }
}

public sealed record ContainerStateRunning
{
    public string? StartedAt { get; init; }
}

public sealed record ContainerStateTerminated
{
    public int ExitCode { get; init; }

    public int? Signal { get; init; }

    public string? Reason { get; init; }

    public string? Message { get; init; }

    public string? StartedAt { get; init; }

    public string? FinishedAt { get; init; }

    public string? ContainerID { get; init; }
}
