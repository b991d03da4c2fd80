using System.Text.Json;

namespace EdgeSync.Protocol.Kubernetes;

/// <summary>The fields of a devices.kubeedge.io/v1beta1 Device that EdgeSync acts on.</summary>
public sealed record Device
{
    public string? ApiVersion { get; set; }

    public string? Kind { get; set; }

    public ObjectMeta Metadata { get; set; } = new();

    public DeviceSpec Spec { get; set; } = new();

    public DeviceStatus? Status { get; set; }
}

public sealed record DeviceSpec
{
    public LocalObjectReference? DeviceModelRef { get; set; }

    public string? NodeName { get; set; }

    public IReadOnlyList<DeviceProperty> Properties { get; set; } = [];

    public DeviceProtocol? Protocol { get; set; }
}

public sealed record DeviceProperty
{
    public string Name { get; set; } = "";

    public TwinProperty? Desired { get; set; }

    /// <summary>Milliseconds between reports.</summary>
    public long? ReportCycle { get; set; }

    /// <summary>Milliseconds between readings.</summary>
    public long? CollectCycle { get; set; }

    public bool? ReportToCloud { get; set; }
}

public sealed record DeviceProtocol
{
    public string? ProtocolName { get; set; }

    public JsonElement? ConfigData { get; set; }
}

/// <summary>A value and its metadata; KubeEdge writes <c>timestamp</c> (Unix milliseconds) and <c>type</c>.</summary>
public sealed record TwinProperty
{
    public string? Value { get; set; }

    public IReadOnlyDictionary<string, string>? Metadata { get; set; }
}

/// <summary>What the edge reported of a device.</summary>
public sealed record DeviceStatus
{
    public IReadOnlyList<DeviceTwinStatus>? Twins { get; set; }

    public string? State { get; set; }

    public string? LastOnlineTime { get; set; }
}

public sealed record DeviceTwinStatus
{
    public string PropertyName { get; set; } = "";

    public TwinProperty? ObservedDesired { get; set; }

    public TwinProperty? Reported { get; set; }
}

/// <summary>The fields of a devices.kubeedge.io/v1beta1 DeviceModel that EdgeSync acts on.</summary>
public sealed record DeviceModel
{
    public string? ApiVersion { get; set; }

    public string? Kind { get; set; }

    public ObjectMeta Metadata { get; set; } = new();

    public DeviceModelSpec Spec { get; set; } = new();
}

public sealed record DeviceModelSpec
{
    public IReadOnlyList<ModelProperty> Properties { get; set; } = [];

    public string? Protocol { get; set; }
}

public sealed record ModelProperty
{
    public string Name { get; set; } = "";

    public string? Description { get; set; }

    /// <summary>INT, FLOAT, DOUBLE, STRING, BOOLEAN, BYTES or STREAM.</summary>
    public string? Type { get; set; }

    /// <summary>ReadWrite or ReadOnly.</summary>
    public string? AccessMode { get; set; }

    public string? Minimum { get; set; }

    public string? Maximum { get; set; }

    public string? Unit { get; set; }
}
