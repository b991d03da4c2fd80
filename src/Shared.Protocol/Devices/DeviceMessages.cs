using System.Text.Json.Serialization;

namespace EdgeSync.Protocol.Devices;

/// <summary>What every device message carries (KubeEdge's BaseMessage).</summary>
public abstract record BaseMessage
{
    /// <summary>Chosen by the sender; an answer repeats its question's.</summary>
    [JsonPropertyOrder(-2), JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    [JsonConverter(typeof(TolerantText))]
    public string? EventId { get; init; } = "";

    /// <summary>Unix milliseconds.</summary>
    [JsonPropertyOrder(-1), JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public long Timestamp { get; init; }
}

/// <summary>
/// Properties by name: what <c>twin/update</c> asks for, what its success answers, what <c>twin/get</c> gives, and what
/// goes to the cloud as <c>twin/edge_updated</c>.
/// </summary>
public sealed record TwinMessage : BaseMessage
{
    /// <summary>EdgeSync extension, upstream only: the device's incarnation. Peers that do not know it skip it.</summary>
    public string? Uid { get; init; }

    /// <summary>EdgeSync extension, upstream only: <see cref="TwinDocument.Origin"/>.</summary>
    public string? Origin { get; init; }

    /// <summary>In an update a property that is null asks for its deletion.</summary>
    public IReadOnlyDictionary<string, MsgTwin?>? Twin { get; init; }
}

/// <summary><c>twin/update/delta</c>: what the device should be and is not.</summary>
public sealed record TwinDelta : BaseMessage
{
    /// <summary>All properties with an expected value.</summary>
    public required IReadOnlyDictionary<string, MsgTwin> Twin { get; init; }

    /// <summary>The expected value of each property whose actual value is another.</summary>
    public required IReadOnlyDictionary<string, string> Delta { get; init; }
}

/// <summary><c>twin/update/document</c>: the changed properties before and after.</summary>
public sealed record TwinChanges : BaseMessage
{
    public required IReadOnlyDictionary<string, TwinChangeDocument> Twin { get; init; }
}

/// <summary>One property before (null where it was not there) and after a change.</summary>
public sealed record TwinChangeDocument
{
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public MsgTwin? Last { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public MsgTwin? Current { get; init; }
}

/// <summary>The answer to a request that was not carried out: 400 bad request, 404 unknown device, 500 not stored.</summary>
public sealed record Result : BaseMessage
{
    public int? Code { get; init; }

    /// <summary>What is wrong and how to mend it.</summary>
    public string? Reason { get; init; }
}

/// <summary>One property of a device's twin.</summary>
public sealed record MsgTwin
{
    public TwinValue? Expected { get; init; }

    public TwinValue? Actual { get; init; }

    public bool? Optional { get; init; }

    public TypeMetadata? Metadata { get; init; }

    public TwinVersion? ExpectedVersion { get; init; }

    public TwinVersion? ActualVersion { get; init; }

    /// <summary>
    /// EdgeSync extension, upstream only: the cloud has had the actual value, and may have a newer one of another node by now.
    /// </summary>
    public bool? ActualKnown { get; init; }
}

/// <summary>A value, always text whatever its type; numbers and booleans are read as their text.</summary>
public sealed record TwinValue
{
    [JsonConverter(typeof(TolerantText))]
    public string? Value { get; init; }

    public ValueMetadata? Metadata { get; init; }
}

/// <summary>When a value was taken, Unix milliseconds.</summary>
public sealed record ValueMetadata
{
    public long? Timestamp { get; init; }
}

/// <summary>A property's type (<see cref="TwinTypes"/>).</summary>
public sealed record TypeMetadata
{
    [JsonConverter(typeof(TolerantText))]
    public string? Type { get; init; }
}

/// <summary>How often a value was changed by the cloud and by the edge.</summary>
public readonly record struct TwinVersion(long Cloud, long Edge);

/// <summary><c>state/update</c>.</summary>
public sealed record StateUpdate : BaseMessage
{
    [JsonConverter(typeof(TolerantText))]
    public string? State { get; init; }
}

/// <summary><c>state/update/result</c>, and the same upstream.</summary>
public sealed record StateReport : BaseMessage
{
    public required DeviceState Device { get; init; }
}

/// <summary>A device's state. <see cref="LastOnlineTime"/> is RFC 3339, empty where the state is not online.</summary>
public sealed record DeviceState
{
    public string Name { get; init; } = "";

    public string State { get; init; } = "";

    [JsonPropertyName("lastOnlineTime")]
    public string LastOnlineTime { get; init; } = "";
}

/// <summary><c>membership/get</c> and <c>twin/get</c>: a question without content.</summary>
public sealed record EmptyRequest : BaseMessage;

/// <summary><c>membership/get/result</c>.</summary>
public sealed record MembershipList : BaseMessage
{
    public required IReadOnlyList<MemberDevice> Devices { get; init; }
}

/// <summary><c>membership/updated</c>.</summary>
public sealed record MembershipUpdate : BaseMessage
{
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public IReadOnlyList<MemberDevice>? AddedDevices { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public IReadOnlyList<MemberDevice>? RemovedDevices { get; init; }
}

/// <summary>A device as membership messages show it (KubeEdge's Device without its twin).</summary>
public sealed record MemberDevice
{
    /// <summary><c>namespace/name</c>.</summary>
    public string? Id { get; init; }

    public string? Name { get; init; }

    public string? Description { get; init; }

    public string? State { get; init; }

    /// <summary>RFC 3339.</summary>
    public string? LastOnline { get; init; }
}
