using System.Text.Json.Nodes;
using EdgeSync.CloudCore.CloudHub.Upstream;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.CloudCore.CloudHub.KubeEdge;

/// <summary>
/// Tells a KubeEdge agent which devices it has. Its device twins know a device from these messages alone, not from the Device
/// object; it acknowledges none of them, so it is told the whole list whenever it asks, which it does on every connect.
/// </summary>
internal sealed class Membership(TimeProvider time)
{
    public const string DetailResource = "membership/detail";

    private const string DescriptionLabel = "description";

    /// <summary>The device is now a member; sent before the Device object, as KubeEdge's hub does.</summary>
    public Message Added(KubeObject device) => Update("added_devices", "removed_devices", device.Namespace, device.Name, Describe(device));

    /// <summary>The device is no member any longer.</summary>
    public Message Removed(ObjectKey device) => Update("removed_devices", "added_devices", device.Namespace, device.Name, "");

    /// <summary>
    /// All devices of the node: what the agent has besides goes. Without a parent id: the agent takes an answer that has one for a
    /// bare confirmation.
    /// </summary>
    public Message All(IEnumerable<KubeObject> devices)
    {
        var list = new JsonArray();
        foreach (var device in devices)
        {
            list.Add(Member(device.Namespace, device.Name, Describe(device)));
        }

        var content = Content();
        content["devices"] = list;
        return Message(Operations.Response, DetailResource, content);
    }

    private Message Update(string changed, string other, string ns, string name, string description)
    {
        var content = Content();
        content[changed] = new JsonArray(Member(ns, name, description));
        content[other] = null;
        return Message(Operations.Update, ResourceTypes.Membership, content);
    }

    private JsonObject Content() => new()
    {
        ["event_id"] = Guid.NewGuid().ToString(),
        ["timestamp"] = time.GetUtcNow().ToUnixTimeMilliseconds(),
    };

    private Message Message(string operation, string resource, JsonObject content) => new()
    {
        Id = Guid.NewGuid().ToString(),
        Timestamp = time.GetUtcNow().ToUnixTimeMilliseconds(),
        Source = Sources.DeviceController,
        Group = Groups.Twin,
        Operation = operation,
        Resource = resource,
        Content = ObjectContent.Bytes(content),
    };

    private static JsonObject Member(string ns, string name, string description) => new()
    {
        ["id"] = $"{ns}/{name}",
        ["name"] = name,
        ["description"] = description,
    };

    private static string Describe(KubeObject device) =>
        device.View(KubernetesJson.Default.Device).Metadata.Labels?.GetValueOrDefault(DescriptionLabel) ?? "";
}
