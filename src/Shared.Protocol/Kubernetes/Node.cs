using System.Text.Json;

namespace EdgeSync.Protocol.Kubernetes;

/// <summary>The fields of a core/v1 Node that EdgeSync acts on or writes.</summary>
public sealed record Node
{
    public string? ApiVersion { get; init; }

    public string? Kind { get; init; }

    public ObjectMeta Metadata { get; init; } = new();

    public NodeSpec Spec { get; init; } = new();

    public NodeStatus? Status { get; init; }
}

public sealed record NodeSpec
{
    public bool? Unschedulable { get; init; }

    public IReadOnlyList<Taint>? Taints { get; init; }
}

public sealed record Taint
{
    public string Key { get; init; } = "";

    public string? Value { get; init; }

    /// <summary>NoSchedule, PreferNoSchedule or NoExecute.</summary>
    public string Effect { get; init; } = "";

    public string? TimeAdded { get; init; }
}

public sealed record NodeStatus
{
    public IReadOnlyDictionary<string, JsonElement>? Capacity { get; init; }

    public IReadOnlyDictionary<string, JsonElement>? Allocatable { get; init; }

    public IReadOnlyList<Condition>? Conditions { get; init; }

    public IReadOnlyList<NodeAddress>? Addresses { get; init; }

    public NodeSystemInfo? NodeInfo { get; init; }
}

public sealed record NodeAddress
{
    /// <summary>InternalIP or Hostname.</summary>
    public string Type { get; init; } = "";

    public string Address { get; init; } = "";
}

public sealed record NodeSystemInfo
{
    public string MachineID { get; init; } = "";

    public string SystemUUID { get; init; } = "";

    public string BootID { get; init; } = "";

    public string KernelVersion { get; init; } = "";

    public string OsImage { get; init; } = "";

    public string ContainerRuntimeVersion { get; init; } = "";

    public string KubeletVersion { get; init; } = "";

    public string KubeProxyVersion { get; init; } = "";

    public string OperatingSystem { get; init; } = "";

    public string Architecture { get; init; } = "";
}

/// <summary>coordination.k8s.io/v1 Lease.</summary>
public sealed record Lease
{
    public string? ApiVersion { get; init; }

    public string? Kind { get; init; }

    public ObjectMeta Metadata { get; init; } = new();

    public LeaseSpec Spec { get; init; } = new();
}

public sealed record LeaseSpec
{
    public string? HolderIdentity { get; init; }

    public int? LeaseDurationSeconds { get; init; }

    /// <summary>MicroTime (<see cref="KubeTime.FormatMicro"/>).</summary>
    public string? AcquireTime { get; init; }

    /// <summary>MicroTime (<see cref="KubeTime.FormatMicro"/>).</summary>
    public string? RenewTime { get; init; }

    public int? LeaseTransitions { get; init; }
}
