using System.Text.Json;

namespace EdgeSync.Protocol.Kubernetes;

/// <summary>The fields of a core/v1 Node that EdgeSync acts on or writes.</summary>
public sealed record Node
{
    public string? ApiVersion { get; set; }

    public string? Kind { get; set; }

    public ObjectMeta Metadata { get; set; } = new();

    public NodeSpec Spec { get; set; } = new();

    public NodeStatus? Status { get; set; }
}

public sealed record NodeSpec
{
    public bool? Unschedulable { get; set; }

    public IReadOnlyList<Taint>? Taints { get; set; }
}

public sealed record Taint
{
    public string Key { get; set; } = "";

    public string? Value { get; set; }

    /// <summary>NoSchedule, PreferNoSchedule or NoExecute.</summary>
    public string Effect { get; set; } = "";

    public string? TimeAdded { get; set; }
}

public sealed record NodeStatus
{
    public IReadOnlyDictionary<string, JsonElement>? Capacity { get; set; }

    public IReadOnlyDictionary<string, JsonElement>? Allocatable { get; set; }

    public IReadOnlyList<Condition>? Conditions { get; set; }

    public IReadOnlyList<NodeAddress>? Addresses { get; set; }

    public NodeSystemInfo? NodeInfo { get; set; }
}

public sealed record NodeAddress
{
    /// <summary>InternalIP or Hostname.</summary>
    public string Type { get; set; } = "";

    public string Address { get; set; } = "";
}

public sealed record NodeSystemInfo
{
    public string MachineID { get; set; } = "";

    public string SystemUUID { get; set; } = "";

    public string BootID { get; set; } = "";

    public string KernelVersion { get; set; } = "";

    public string OsImage { get; set; } = "";

    public string ContainerRuntimeVersion { get; set; } = "";

    public string KubeletVersion { get; set; } = "";

    public string KubeProxyVersion { get; set; } = "";

    public string OperatingSystem { get; set; } = "";

    public string Architecture { get; set; } = "";
}

/// <summary>coordination.k8s.io/v1 Lease.</summary>
public sealed record Lease
{
    public string? ApiVersion { get; set; }

    public string? Kind { get; set; }

    public ObjectMeta Metadata { get; set; } = new();

    public LeaseSpec Spec { get; set; } = new();
}

public sealed record LeaseSpec
{
    public string? HolderIdentity { get; set; }

    public int? LeaseDurationSeconds { get; set; }

    /// <summary>MicroTime (<see cref="KubeTime.FormatMicro"/>).</summary>
    public string? AcquireTime { get; set; }

    /// <summary>MicroTime (<see cref="KubeTime.FormatMicro"/>).</summary>
    public string? RenewTime { get; set; }

    public int? LeaseTransitions { get; set; }
}
