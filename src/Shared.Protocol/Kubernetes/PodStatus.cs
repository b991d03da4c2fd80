namespace EdgeSync.Protocol.Kubernetes;

/// <summary>core/v1 PodStatus, as the agent writes it.</summary>
public sealed record PodStatus
{
    /// <summary>Pending, Running, Succeeded, Failed or Unknown.</summary>
    public string? Phase { get; set; }

    public IReadOnlyList<Condition>? Conditions { get; set; }

    public string? Reason { get; set; }

    public string? Message { get; set; }

    public string? HostIP { get; set; }

    public IReadOnlyList<HostIp>? HostIPs { get; set; }

    public string? PodIP { get; set; }

    public IReadOnlyList<PodIp>? PodIPs { get; set; }

    public string? StartTime { get; set; }

    public string? QosClass { get; set; }

    public IReadOnlyList<ContainerStatus>? InitContainerStatuses { get; set; }

    public IReadOnlyList<ContainerStatus>? ContainerStatuses { get; set; }
}

public sealed record HostIp
{
    public string Ip { get; set; } = "";
}

public sealed record PodIp
{
    public string Ip { get; set; } = "";
}

/// <summary>core/v1 ContainerStatus.</summary>
public sealed record ContainerStatus
{
    public string Name { get; set; } = "";

    public ContainerState State { get; set; } = new();

    public ContainerState LastState { get; set; } = new();

    public bool Ready { get; set; }

    public bool? Started { get; set; }

    public int RestartCount { get; set; }

    public string Image { get; set; } = "";

    public string ImageID { get; set; } = "";

    public string? ContainerID { get; set; }
}

/// <summary>One of the three is set, or none where nothing is known.</summary>
public sealed record ContainerState
{
    public ContainerStateWaiting? Waiting { get; set; }

    public ContainerStateRunning? Running { get; set; }

    public ContainerStateTerminated? Terminated { get; set; }
}

public sealed record ContainerStateWaiting
{
    public string? Reason { get; set; }

    public string? Message { get; set; }
}

public sealed record ContainerStateRunning
{
    public string? StartedAt { get; set; }
}

public sealed record ContainerStateTerminated
{
    public int ExitCode { get; set; }

    public int? Signal { get; set; }

    public string? Reason { get; set; }

    public string? Message { get; set; }

    public string? StartedAt { get; set; }

    public string? FinishedAt { get; set; }

    public string? ContainerID { get; set; }
}
