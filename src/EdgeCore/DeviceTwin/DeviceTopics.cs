using EdgeSync.Protocol.Devices;

namespace EdgeSync.EdgeCore.DeviceTwin;

/// <summary>
/// KubeEdge's MQTT topics of devices, <c>$hw/events/device/NAMESPACE/NAME/VERB</c>, and of the node,
/// <c>$hw/events/node/NODE/VERB</c>. Levels are counted, so a namespace may have any name.
/// </summary>
internal static class DeviceTopics
{
    public const string DevicePrefix = "$hw/events/device/";
    public const string NodePrefix = "$hw/events/node/";

    public const string StateUpdate = "state/update";
    public const string TwinUpdate = "twin/update";
    public const string TwinGet = "twin/get";
    public const string TwinCloudUpdated = "twin/cloud_updated";
    public const string MembershipGet = "membership/get";

    /// <summary>What DeviceTwin answers.</summary>
    public static IReadOnlyList<string> Subscriptions { get; } =
    [
        DevicePrefix + "+/+/" + StateUpdate,
        DevicePrefix + "+/+/twin/+",
        NodePrefix + "+/" + MembershipGet,
    ];

    /// <summary>Whether DeviceTwin answers the topic.</summary>
    public static bool IsOwn(string topic) =>
        topic.StartsWith(DevicePrefix, StringComparison.Ordinal) || topic.StartsWith(NodePrefix, StringComparison.Ordinal);

    /// <summary>The device and the verb of a device topic.</summary>
    public static bool TryReadDevice(string topic, out DeviceId id, out string verb)
    {
        id = default;
        verb = "";
        if (!topic.StartsWith(DevicePrefix, StringComparison.Ordinal))
        {
            return false;
        }

        var parts = topic[DevicePrefix.Length..].Split('/', 3);
        if (parts.Length != 3 || parts[0].Length == 0 || parts[1].Length == 0)
        {
            return false;
        }

        id = new DeviceId(parts[0], parts[1]);
        verb = parts[2];
        return true;
    }

    public static string Device(DeviceId id, string verb) => $"{DevicePrefix}{id.Namespace}/{id.Name}/{verb}";

    public static string Node(string node, string verb) => $"{NodePrefix}{node}/{verb}";
}
