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

    /// <summary>The status to write (its whole <c>twins</c> list), or null where the report holds nothing newer.</summary>
    /// <exception cref="KubeObjectException">The report has members of a wrong type.</exception>
    public static JsonObject? Merge(Device device, JsonObject? report)
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

            var next = Read(property, twin);
            if (twins.TryGetValue(property, out var current) && SequenceOf(current) >= SequenceOf(next))
            {
                continue;
            }

            twins[property] = next;
            changed = true;
        }

        return changed ? new JsonObject { ["twins"] = Write(device, twins) } : null;
    }

    private static DeviceTwinStatus Read(string property, JsonObject twin)
    {
        try
        {
            var type = twin["metadata"]?["type"]?.GetValue<string>() ?? "string";
            var sequence = twin["actual_version"]?["edge"]?.GetValue<long>() ?? 0;
            return new DeviceTwinStatus
            {
                PropertyName = property,
                Reported = Value(twin["actual"], type, sequence),
                ObservedDesired = Value(twin["expected"], type, null),
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
            metadata["timestamp"] = timestamp.ToString(CultureInfo.InvariantCulture);
        }

        if (sequence is { } number)
        {
            metadata[Sequence] = number.ToString(CultureInfo.InvariantCulture);
        }

        return new TwinProperty { Value = text, Metadata = metadata };
    }

    private static long SequenceOf(DeviceTwinStatus twin) =>
        twin.Reported?.Metadata?.GetValueOrDefault(Sequence) is { } text
        && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var sequence) ? sequence : -1;

    private static JsonArray Write(Device device, Dictionary<string, DeviceTwinStatus> twins)
    {
        // in the order of the spec, so that the list reads the same each time
        var order = device.Spec.Properties.Select(p => p.Name).Where(twins.ContainsKey);
        return new JsonArray([.. order.Select(name => JsonSerializer.SerializeToNode(twins[name], KubernetesJson.Default.DeviceTwinStatus))]);
    }
}
