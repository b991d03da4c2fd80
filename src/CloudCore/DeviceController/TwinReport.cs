using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSync.Protocol.Devices;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.DeviceController;

/// <summary>
/// Merges a node's twin report into a Device's status. Raw shapes:
/// <code>
/// report:  {"temperature":{"actual":{"value":"21.5","metadata":{"timestamp":ms}},"expected":{…},
///           "metadata":{"type":"float"},"actual_version":{"cloud":0,"edge":7}}}
/// status:  {"twins":[{"propertyName":"temperature","reported":{"value":"21.5",
///           "metadata":{"timestamp":"ms","type":"float","sequence":"7","origin":"4f…","before":"a1…:3 09…:12"}},"observedDesired":{…}}]}
/// </code>
/// </summary>
internal static class TwinReport
{
    private const string Sequence = "sequence";
    private const string Origin = "origin";
    private const string Timestamp = "timestamp";

    // the origins before the present one, newest first, each with the last sequence that was here
    private const string Before = "before";
    private const int MostBefore = 8;

    /// <summary>The status to write (its whole <c>twins</c> list), or null where the report holds nothing newer.</summary>
    /// <param name="device">The device as the API has it.</param>
    /// <param name="report">The report's <c>twin</c>.</param>
    /// <param name="origin">
    /// What the sequences count within (EdgeSync's agent; <see cref="TwinDocument.Origin"/>): a report of another origin than
    /// the last one's is of the node that has the device now, or of its new database, and is newer whatever it counts. Its properties
    /// come whole, but for a reported value that has been here already, as the node knows: what is here stays, as another node may have
    /// said it since. What was here under an origin before the present one, as the status knows, is passed over.
    /// Null for KubeEdge's agent, which reports the side that changed, and counts from one again after it has lost its database or the
    /// device was away from the node.
    /// </param>
    /// <exception cref="KubeObjectException">The report has members of a wrong type.</exception>
    public static JsonObject? Merge(Device device, JsonObject? report, string? origin)
    {
        if (report is null)
        {
            return null;
        }

        var declared = device.Spec.Properties.Select(p => p.Name).ToHashSet(StringComparer.Ordinal);
        var twins = (device.Status?.Twins ?? []).ToDictionary(t => t.PropertyName, StringComparer.Ordinal);
        var changed = false;
        foreach (var (property, reported) in report)
        {
            // only properties that the Device declares, as KubeEdge
            if (!declared.Contains(property) || reported is not JsonObject twin)
            {
                continue;
            }

            var current = twins.GetValueOrDefault(property);
            var (next, sequence) = Read(property, twin, origin);
            if (origin is null)
            {
                next = NewerSides(current, next);
            }
            else
            {
                var before = OriginsBefore(current);
                if (IsSaid(current, origin, sequence) || before.Any(b => b.Origin == origin && b.Sequence >= sequence))
                {
                    continue;
                }

                if (current?.Reported is { } kept && (next.Reported is null ? !IsDeletion(twin) : IsKnown(twin)))
                {
                    next = next with { Reported = Stamped(kept, origin, sequence) };
                }

                next = Remembering(next, current, before, origin);
            }

            changed |= next != current;
            twins[property] = next;
        }

        return changed ? new JsonObject { ["twins"] = Write(device, twins) } : null;
    }

    /// <summary>Whether the status has this report of a property already, or a later one of the same origin.</summary>
    private static bool IsSaid(DeviceTwinStatus? current, string origin, long sequence) =>
        Bearer(current) is { } stored
        && (stored.Metadata?.GetValueOrDefault(Origin) ?? "") == origin
        && SequenceOf(stored) >= sequence;

    private static List<(string Origin, long Sequence)> OriginsBefore(DeviceTwinStatus? current)
    {
        var origins = new List<(string, long)>();
        foreach (var word in (Bearer(current)?.Metadata?.GetValueOrDefault(Before) ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (word.Split(':') is [var origin, var number] && long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var sequence))
            {
                origins.Add((origin, sequence));
            }
        }

        return origins;
    }

    /// <summary>
    /// A node may say again what was here under an origin before the present one: it was down while the device was elsewhere and back, and
    /// never heard that its report had been taken.
    /// </summary>
    private static DeviceTwinStatus Remembering(
        DeviceTwinStatus next, DeviceTwinStatus? current, List<(string Origin, long Sequence)> before, string origin)
    {
        if (Bearer(current) is { } last && last.Metadata?.GetValueOrDefault(Origin) is { Length: > 0 } lastOrigin && lastOrigin != origin)
        {
            before.RemoveAll(b => b.Origin == lastOrigin);
            before.Insert(0, (lastOrigin, SequenceOf(last)));
        }

        before.RemoveAll(b => b.Origin == origin);
        if (before.Count == 0 || Bearer(next) is not { } bearer)
        {
            return next;
        }

        var marked = bearer with
        {
            Metadata = new Dictionary<string, string>(bearer.Metadata ?? new Dictionary<string, string>())
            {
                [Before] = string.Join(' ', before.Take(MostBefore).Select(b => $"{b.Origin}:{b.Sequence.ToString(CultureInfo.InvariantCulture)}")),
            },
        };
        return next.Reported is null ? next with { ObservedDesired = marked } : next with { Reported = marked };
    }

    /// <summary>The side that bears origin and sequence; either may be absent.</summary>
    private static TwinProperty? Bearer(DeviceTwinStatus? twin) => twin?.Reported ?? twin?.ObservedDesired;

    private static bool IsKnown(JsonObject twin) => twin["actual_known"] is JsonValue known && known.TryGetValue<bool>(out var yes) && yes;

    private static bool IsDeletion(JsonObject twin) => twin["metadata"]?["type"]?.GetValue<string>() == TwinTypes.Deleted;

    /// <summary>The value that is there, in the order of the report that leaves it as it is.</summary>
    private static TwinProperty Stamped(TwinProperty kept, string origin, long sequence) => kept with
    {
        Metadata = new Dictionary<string, string>(kept.Metadata ?? new Dictionary<string, string>())
        {
            [Sequence] = sequence.ToString(CultureInfo.InvariantCulture),
            [Origin] = origin,
        },
    };

    private static DeviceTwinStatus NewerSides(DeviceTwinStatus? current, DeviceTwinStatus next)
    {
        if (current is null)
        {
            return next;
        }

        var reported = IsNewer(next.Reported, current.Reported);
        var desired = IsNewer(next.ObservedDesired, current.ObservedDesired);
        return !reported && !desired ? current : current with
        {
            Reported = reported ? next.Reported : current.Reported,
            ObservedDesired = desired ? next.ObservedDesired : current.ObservedDesired,
        };
    }

    /// <summary>A resend has neither a higher sequence nor a later time; a count that began anew has at least the time.</summary>
    private static bool IsNewer(TwinProperty? next, TwinProperty? current) =>
        next is not null && (current is null || SequenceOf(next) > SequenceOf(current) || TimeOf(next) > TimeOf(current));

    /// <summary>What is said of a property, and the number of the report.</summary>
    private static (DeviceTwinStatus Twin, long Sequence) Read(string property, JsonObject twin, string? origin)
    {
        try
        {
            var type = twin["metadata"]?["type"]?.GetValue<string>() ?? "string";
            var sequence = EdgeVersion(twin["actual_version"]);
            return (new DeviceTwinStatus
            {
                PropertyName = property,
                Reported = Value(twin["actual"], type, origin, sequence),
                ObservedDesired = Value(twin["expected"], type, origin, origin is null ? EdgeVersion(twin["expected_version"]) : sequence),
            }, sequence);
        }
        catch (Exception e) when (e is InvalidOperationException or FormatException)
        {
            throw new KubeObjectException($"twin property \"{property}\" has a member of a wrong type", e);
        }
    }

    private static long EdgeVersion(JsonNode? version) => version?["edge"]?.GetValue<long>() ?? 0;

    private static TwinProperty? Value(JsonNode? value, string type, string? origin, long sequence)
    {
        if (value?["value"]?.GetValue<string>() is not { } text)
        {
            return null;
        }

        var metadata = new Dictionary<string, string> { ["type"] = type };
        if (value["metadata"]?["timestamp"]?.GetValue<long>() is { } timestamp)
        {
            metadata[Timestamp] = timestamp.ToString(CultureInfo.InvariantCulture);
        }

        metadata[Sequence] = sequence.ToString(CultureInfo.InvariantCulture);
        if (!string.IsNullOrEmpty(origin))
        {
            metadata[Origin] = origin;
        }

        return new TwinProperty { Value = text, Metadata = metadata };
    }

    private static long SequenceOf(TwinProperty? value) => Number(value, Sequence);

    private static long TimeOf(TwinProperty? value) => Number(value, Timestamp);

    private static long Number(TwinProperty? value, string member) =>
        value?.Metadata?.GetValueOrDefault(member) is { } text
        && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : -1;

    private static JsonArray Write(Device device, Dictionary<string, DeviceTwinStatus> twins)
    {
        // in the order of the spec, so that the list reads the same each time
        var order = device.Spec.Properties.Select(p => p.Name).Where(twins.ContainsKey);
        return new JsonArray([.. order.Select(name => JsonSerializer.SerializeToNode(twins[name], KubernetesJson.Default.DeviceTwinStatus))]);
    }
}
