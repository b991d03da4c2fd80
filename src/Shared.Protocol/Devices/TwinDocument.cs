using System.Collections.Immutable;

namespace EdgeSync.Protocol.Devices;

/// <summary>What one device should be and what it last said it is. Immutable: a change makes a new document.</summary>
public sealed record TwinDocument
{
    public required DeviceId Id { get; init; }

    /// <summary>The Device object's uid: the incarnation. A device that is created again starts with an empty twin.</summary>
    public required string Uid { get; init; }

    /// <summary>
    /// Made anew whenever a device begins in a node's database, and stored with it: sequences count up within one origin and say
    /// nothing about those of another. Empty in databases of agents that had none.
    /// </summary>
    public string Origin { get; init; } = "";

    public string Description { get; init; } = "";

    /// <summary>What the mapper said last: online, offline, ok, unknown, unhealthy; empty before that.</summary>
    public string State { get; init; } = "";

    /// <summary>When the device last said that it is online or ok; Unix milliseconds, 0 for never.</summary>
    public long LastOnline { get; init; }

    /// <summary>Properties by name; deleted ones too, for their versions.</summary>
    public ImmutableDictionary<string, TwinEntry> Properties { get; init; } = ImmutableDictionary<string, TwinEntry>.Empty;

    /// <summary>Types that the DeviceModel gives to properties (<see cref="TwinTypes"/>), for those that have not reported yet.</summary>
    public IReadOnlyDictionary<string, string> ModelTypes { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>The properties that are there, without versions: the answer to <c>twin/get</c>.</summary>
    public Dictionary<string, MsgTwin?> ToMessage() => Properties
        .Where(p => !p.Value.IsDeleted)
        .ToDictionary(p => p.Key, p => (MsgTwin?)p.Value.ToMessage(withVersions: false));
}

/// <summary>One property of a twin.</summary>
public sealed record TwinEntry
{
    public required string Type { get; init; }

    public bool Optional { get; init; } = true;

    /// <summary>What the property should be.</summary>
    public TwinSide Expected { get; init; }

    /// <summary>
    /// What the device reported. Its edge version is the property's report sequence: it grows with every change that
    /// the cloud has to hear of, so whoever receives reports can tell the newer from the older.
    /// </summary>
    public TwinSide Actual { get; init; }

    /// <summary>
    /// The value in the Device object that <see cref="Expected"/> was last taken from. A change there makes a new
    /// expected value; an expected value that an app sets meanwhile stands until the cloud's changes again.
    /// </summary>
    public string? CloudDesired { get; init; }

    /// <summary>
    /// The sequence of the report that first bore the reported value; later ones say it again. A copy out of the Device's status
    /// has the one that the status gave.
    /// </summary>
    public long SaidAt { get; init; }

    public bool IsDeleted => Type == TwinTypes.Deleted;

    /// <summary>Whether the device is not as it should be.</summary>
    public bool Differs => Expected.Value is not null && Expected.Value != Actual.Value;

    /// <summary>For the cloud.</summary>
    /// <param name="acked">The last sequence that the cloud has confirmed.</param>
    public MsgTwin ToReport(long acked) =>
        ToMessage(withVersions: true) with { ActualKnown = Actual.Value is not null && SaidAt <= acked ? true : null };

    public MsgTwin ToMessage(bool withVersions) => new()
    {
        Expected = Expected.ToMessage(),
        Actual = Actual.ToMessage(),
        Optional = Optional,
        Metadata = new TypeMetadata { Type = Type },
        ExpectedVersion = withVersions && Expected.Version != default ? Expected.Version : null,
        ActualVersion = withVersions && Actual.Version != default ? Actual.Version : null,
    };
}

/// <summary>One side, expected or actual, of a property.</summary>
/// <param name="Value">Null where there is none.</param>
/// <param name="Timestamp">When the value was taken, Unix milliseconds.</param>
/// <param name="Version">Changes so far.</param>
public readonly record struct TwinSide(string? Value, long Timestamp, TwinVersion Version)
{
    public TwinValue? ToMessage() =>
        Value is null ? null : new TwinValue { Value = Value, Metadata = new ValueMetadata { Timestamp = Timestamp } };

    internal TwinSide SetByEdge(string? value, long timestamp) =>
        new(value, timestamp, Version with { Edge = Version.Edge + 1 });

    internal TwinSide SetByCloud(string? value, long timestamp) =>
        new(value, timestamp, Version with { Cloud = Version.Cloud + 1 });

    internal TwinSide Touch() => this with { Version = Version with { Edge = Version.Edge + 1 } };
}

/// <summary>One property that a request changed.</summary>
/// <param name="Name">The property.</param>
/// <param name="Before">Null where it was not there.</param>
/// <param name="After">As it is now.</param>
public sealed record PropertyChange(string Name, TwinEntry? Before, TwinEntry After);

/// <summary>What came of a request: all of it, or nothing and the reason.</summary>
/// <param name="Document">The twin afterwards; the unchanged one where <paramref name="Error"/> is set.</param>
/// <param name="Changed">The properties that the request changed.</param>
/// <param name="Error">What is wrong with the request and how to mend it; null where it was carried out.</param>
public sealed record TwinOutcome(TwinDocument Document, IReadOnlyList<PropertyChange> Changed, string? Error);
