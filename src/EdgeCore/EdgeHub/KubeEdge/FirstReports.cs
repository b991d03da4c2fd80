using EdgeSync.Protocol.Devices;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.EdgeCore.EdgeHub.KubeEdge;

/// <summary>
/// Finds twin reports that have to go out twice: KubeEdge's cloudcore (v1.23) confirms the first report of a property that its
/// DeviceStatus does not list yet, and stores the property without the value. The second report is stored as it is. So the
/// first report of a property on each link is said twice in a row.
/// </summary>
internal sealed class FirstReports
{
    private const string Suffix = "/twin/edge_updated";

    private readonly HashSet<(string Resource, string Property)> _reported = [];

    /// <summary>The extra message to send before <paramref name="message"/>; null where it need not be said twice.</summary>
    public Message? ExtraFor(Message message)
    {
        if (message.Operation != Operations.Update
            || !message.Resource.EndsWith(Suffix, StringComparison.Ordinal)
            || DeviceCodec.TryRead(message.Content.Span, DeviceCodec.Json.TwinMessage, out _) is not { Twin: { } twin })
        {
            return null;
        }

        var isNew = false;
        foreach (var property in twin.Keys)
        {
            isNew |= _reported.Add((message.Resource, property));
        }

        // an id of its own: the confirmation that counts is the second one's
        return isNew ? message with { Id = message.Id + "-first" } : null;
    }
}
