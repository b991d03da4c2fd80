using System.Text.Json;

namespace EdgeSync.Protocol.Kubernetes;

/// <summary>The fields of a devices.kubeedge.io/v1beta1 Device that EdgeSync acts on.</summary>
public sealed record Device
{
    public string? ApiVersion { get; init; }

    public string? Kind { get; init; }

    public ObjectMeta Metadata { get; init; } = new();

    public DeviceSpec Spec { get; init; } = new();

    public DeviceStatus? Status { get; init; }
}

public sealed record DeviceSpec
{
    public LocalObjectReference? DeviceModelRef { get; init; }

    public string? NodeName { get; init; }

    public IReadOnlyList<DeviceProperty> Properties { get; init; } = [];

    public DeviceProtocol? Protocol { get; init; }
}

public sealed record DeviceProperty
{
    public string Name { get; init; } = "";

    public TwinProperty? Desired { get; init; }

    /// <summary>Milliseconds between reports.</summary>
    public long? ReportCycle { get; init; }

    /// <summary>Milliseconds between readings.</summary>
    public long? CollectCycle { get; init; }

    public bool? ReportToCloud { get; init; }
}

public sealed record DeviceProtocol
{
    public string? ProtocolName { get; init; }

    public JsonElement? ConfigData { get; init; }
}

/// <summary>A value and its metadata; KubeEdge writes <c>timestamp</c> (Unix milliseconds) and <c>type</c>.</summary>
public sealed record TwinProperty
{
    public string? Value { get; init; }

    public IReadOnlyDictionary<string, string>? Metadata { get; init; }
}

/// <summary>What the edge reported of a device.</summary>
public sealed record DeviceStatus
{
    public IReadOnlyList<DeviceTwinStatus>? Twins { get; init; }

    public string? State { get; init; }

    public string? LastOnlineTime { get; init; }
}

public sealed record DeviceTwinStatus
{
    public string PropertyName { get; init; } = "";

    public TwinProperty? ObservedDesired { get; init; }

    public TwinProperty? Reported { get; init; }
}

/// <summary>The fields of a devices.kubeedge.io/v1beta1 DeviceModel that EdgeSync acts on.</summary>
public sealed record DeviceModel
{
    public string? ApiVersion { get; init; }

    public string? Kind { get; init; }

    public ObjectMeta Metadata { get; init; } = new();

    public DeviceModelSpec Spec { get; init; } = new();
}

public sealed record DeviceModelSpec
{
    public IReadOnlyList<ModelProperty> Properties { get; init; } = [];

    public string? Protocol { get; init; }
}

public sealed record ModelProperty
{
    public string Name { get; init; } = "";

    public string? Description { get; init; }

    /// <summary>INT, FLOAT, DOUBLE, STRING, BOOLEAN, BYTES or STREAM.</summary>
    public string? Type { get; init; }

    /// <summary>ReadWrite or ReadOnly.</summary>
    public string? AccessMode { get; init; }

    public string? Minimum { get; init; }

    public string? Maximum { get; init; }

    public string? Unit { get; init; }
}
