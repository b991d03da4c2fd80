namespace EdgeSync.Protocol.Devices;

/// <summary>
/// How a twin changes (KubeEdge's devicetwin rules). Requests are carried out whole or not at all. Pure: time is given.
/// </summary>
public static class TwinRules
{
    /// <summary>The states that a device may report, in lower case.</summary>
    public static IReadOnlyList<string> States { get; } = ["online", "offline", "ok", "unknown", "unhealthy"];

    /// <summary>
    /// An update from the edge: an app or mapper. Always newer than what is there, so an equal value moves versions and
    /// timestamps too. A value's own <c>metadata.timestamp</c> is kept; without one it is <paramref name="now"/>.
    /// </summary>
    public static TwinOutcome Update(TwinDocument document, IReadOnlyDictionary<string, MsgTwin?>? twin, long now) =>
        Apply(document, twin, (name, entry, request) => UpdateEntry(document, name, entry, request, now));

    /// <summary>
    /// An update from the cloud with versions (<c>twin/cloud_updated</c>): refused where this side has a newer
    /// version, else versions are taken over.
    /// </summary>
    public static TwinOutcome Synchronize(TwinDocument document, IReadOnlyDictionary<string, MsgTwin?>? twin, long now) =>
        Apply(document, twin, (name, entry, request) => SynchronizeEntry(document, name, entry, request, now));

    /// <summary>The properties that should be other than they are; null where there is none.</summary>
    public static TwinDelta? Delta(TwinDocument document, string eventId, long now)
    {
        Dictionary<string, string>? delta = null;
        foreach (var (name, entry) in document.Properties)
        {
            if (entry.Differs)
            {
                (delta ??= []).Add(name, entry.Expected.Value!);
            }
        }

        return delta is null ? null : new TwinDelta
        {
            EventId = eventId,
            Timestamp = now,
            Delta = delta,
            Twin = document.Properties
                .Where(p => p.Value.Expected.Value is not null)
                .ToDictionary(p => p.Key, p => p.Value.ToMessage(withVersions: false)),
        };
    }

    private static TwinOutcome Apply(
        TwinDocument document, IReadOnlyDictionary<string, MsgTwin?>? twin, Func<string, TwinEntry?, MsgTwin?, Step> step)
    {
        if (twin is null or { Count: 0 })
        {
            return Refuse(document, """member twin is missing or empty; send {"twin":{"PROPERTY":{"actual":{"value":"VALUE"}}}}""");
        }

        var properties = document.Properties;
        var changed = new List<PropertyChange>(twin.Count);
        foreach (var (name, request) in twin)
        {
            if (TwinTypes.CheckName(name) is { } badName)
            {
                return Refuse(document, badName);
            }

            var before = properties.GetValueOrDefault(name);
            var result = step(name, before, request);
            if (result.Error is not null)
            {
                return Refuse(document, result.Error);
            }

            if (result.Entry is null)
            {
                continue;
            }

            properties = properties.SetItem(name, result.Entry);
            changed.Add(new PropertyChange(name, before is { IsDeleted: true } ? null : before, result.Entry));
        }

        return properties.Count > TwinLimits.MaxProperties
            ? Refuse(document, $"the device would have more than {TwinLimits.MaxProperties} properties; use fewer, or one property that holds several values")
            : new TwinOutcome(document with { Properties = properties }, changed, null);
    }

    private static Step UpdateEntry(TwinDocument document, string name, TwinEntry? entry, MsgTwin? request, long now)
    {
        if (request is null || TwinTypes.Parse(request.Metadata?.Type) == TwinTypes.Deleted)
        {
            return DeleteEntry(name, entry, now);
        }

        if (request.Expected?.Value is null && request.Actual?.Value is null && request.Metadata is null && request.Optional is null)
        {
            return new Step(null, $"property \"{name}\" has no value; send it as {{\"actual\":{{\"value\":\"VALUE\"}}}}");
        }

        var error = CheckRequest(document, name, entry, request, out var type);
        if (error is not null)
        {
            return new Step(null, error);
        }

        var next = (entry ?? new TwinEntry { Type = type }) with { Type = type, Optional = request.Optional ?? entry?.Optional ?? true };
        if (request.Expected?.Value is { } expected)
        {
            next = next with { Expected = next.Expected.SetByEdge(expected, TimeOf(request.Expected, now)) };
        }

        if (request.Actual?.Value is not { } actual)
        {
            return new Step(next with { Actual = next.Actual.Touch() }, null);
        }

        var said = next.Actual.SetByEdge(actual, TimeOf(request.Actual, now));
        return new Step(next with { Actual = said, SaidAt = said.Version.Edge }, null);
    }

    private static Step DeleteEntry(string name, TwinEntry? entry, long now)
    {
        if (entry is null or { IsDeleted: true })
        {
            return default;
        }

        return entry.Optional
            ? new Step(
                entry with
                {
                    Type = TwinTypes.Deleted,
                    Expected = entry.Expected.SetByEdge(null, now),
                    Actual = entry.Actual.SetByEdge(null, now),
                    SaidAt = entry.Actual.Version.Edge + 1,
                },
                null)
            : new Step(null, $"property \"{name}\" cannot be deleted: it is not optional");
    }

    private static Step SynchronizeEntry(TwinDocument document, string name, TwinEntry? entry, MsgTwin? request, long now)
    {
        if (request is null)
        {
            return new Step(null, $"property \"{name}\" is null; a synchronized property carries its value and version");
        }

        var error = CheckRequest(document, name, entry, request, out var type);
        if (error is not null)
        {
            return new Step(null, error);
        }

        var next = (entry ?? new TwinEntry { Type = type }) with { Type = type, Optional = request.Optional ?? entry?.Optional ?? true };
        var expected = next.Expected;
        var actual = next.Actual;
        error = SynchronizeSide(name, "expected", request.Expected, request.ExpectedVersion, now, ref expected)
            ?? SynchronizeSide(name, "actual", request.Actual, request.ActualVersion, now, ref actual);
        return error is null
            ? new Step(next with { Expected = expected, Actual = actual, SaidAt = request.Actual?.Value is null ? next.SaidAt : actual.Version.Edge }, null)
            : new Step(null, error);
    }

    private static string? SynchronizeSide(
        string name, string side, TwinValue? value, TwinVersion? version, long now, ref TwinSide local)
    {
        if (value?.Value is null)
        {
            return null;
        }

        if (version is not { } given || given.Cloud is < 0 or > TwinLimits.MaxVersion || given.Edge is < 0 or > TwinLimits.MaxVersion)
        {
            return $"property \"{name}\": {side}_version is missing or out of range; send both its cloud and edge number";
        }

        if (local.Version.Cloud > given.Cloud || local.Version.Edge > given.Edge)
        {
            return $"property \"{name}\": {side}_version {given.Cloud}/{given.Edge} is older than {local.Version.Cloud}/{local.Version.Edge} here; read the twin again and repeat the change";
        }

        local = new TwinSide(value.Value, TimeOf(value, now), given);
        return null;
    }

    /// <summary>A property keeps the type of its first report; before that the report's, the model's, or string.</summary>
    private static string? CheckRequest(TwinDocument document, string name, TwinEntry? entry, MsgTwin request, out string type)
    {
        type = entry is { IsDeleted: false } ? entry.Type : "";
        if (type.Length == 0)
        {
            var asked = request.Metadata?.Type;
            var known = TwinTypes.Parse(asked) ?? document.ModelTypes.GetValueOrDefault(name);
            if (known is null && !string.IsNullOrEmpty(asked))
            {
                return $"property \"{name}\": metadata.type \"{asked}\" is unknown; use string, int, float, boolean, or leave it out";
            }

            type = known ?? TwinTypes.Text;
        }

        return (request.Expected?.Value is { } expected ? TwinTypes.CheckValue(name, type, expected) : null)
            ?? (request.Actual?.Value is { } actual ? TwinTypes.CheckValue(name, type, actual) : null);
    }

    private static long TimeOf(TwinValue value, long now) => value.Metadata?.Timestamp is { } timestamp and > 0 ? timestamp : now;

    private static TwinOutcome Refuse(TwinDocument document, string reason) => new(document, [], reason);

    /// <summary>The entry after one property's part of a request (null: nothing to do), or what is wrong with it.</summary>
    private readonly record struct Step(TwinEntry? Entry, string? Error);
}
