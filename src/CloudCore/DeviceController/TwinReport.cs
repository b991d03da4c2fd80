using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.DeviceController;

/// <summary>
/// Merges a node's twin report into a Device's status. Raw shapes:
/// <code>
/// report:  {"temperature":{"actual":{"value":"21.5","metadata":{"timestamp":ms}},"expected":{…},
///           "metadata":{"type":"float"},"actual_version":{"cloud":0,"edge":7}}}
/// status:  {"twins":[{"propertyName":"temperature","reported":{"value":"21.5",
///           "metadata":{"timestamp":"ms","type":"float","sequence":"7"}},"observedDesired":{…}}]}
/// </code>
/// </summary>
internal static class TwinReport
{
    private const string Sequence = "sequence";
    private const string Timestamp = "timestamp";

    /// <summary>The status to write (its whole <c>twins</c> list), or null where the report holds nothing newer.</summary>
    /// <param name="device">The device as the API has it.</param>
    /// <param name="report">The report's <c>twin</c>.</param>
    /// <param name="whole">
    /// Whether a property comes with both sides and sequences that never begin again (EdgeSync's agent). KubeEdge's reports the
    /// side that changed, and counts from one again after it has lost its database or the device was away from the node.
    /// </param>
    /// <exception cref="KubeObjectException">The report has members of a wrong type.</exception>
    public static JsonObject? Merge(Device device, JsonObject? report, bool whole)
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
            var next = Read(property, twin, whole);
            if (!whole)
            {
                next = NewerSides(current, next);
            }
            else if (current is not null && SequenceOf(current.Reported) >= SequenceOf(next.Reported))
            {
                continue;
            }

            changed |= next != current;
            twins[property] = next;
        }

        return changed ? new JsonObject { ["twins"] = Write(device, twins) } : null;
    }

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

    private static DeviceTwinStatus Read(string property, JsonObject twin, bool whole)
    {
        try
        {
            var type = twin["metadata"]?["type"]?.GetValue<string>() ?? "string";
            var sequence = twin["actual_version"]?["edge"]?.GetValue<long>() ?? 0;
            return new DeviceTwinStatus
            {
                PropertyName = property,
                Reported = Value(twin["actual"], type, sequence),
                ObservedDesired = Value(twin["expected"], type, whole ? null : twin["expected_version"]?["edge"]?.GetValue<long>() ?? 0),
            };
        }
        catch (Exception e) when (e is InvalidOperationException or FormatException)
        {
            throw new KubeObjectException($"twin property \"{property}\" has a member of a wrong type", e);
        }
    }

    private static TwinProperty? Value(JsonNode? value, string type, long? sequence)
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

        if (sequence is { } number)
        {
            metadata[Sequence] = number.ToString(CultureInfo.InvariantCulture);
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
