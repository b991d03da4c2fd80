using System.Text.Json.Nodes;
using EdgeSync.CloudCore.CloudHub.Upstream;
using EdgeSync.Protocol.Devices;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.CloudCore.CloudHub.KubeEdge;

/// <summary>
/// Brings the desired values of Device objects to mappers that speak MQTT. KubeEdge's agent hands them to mappers on its gRPC
/// interface only; but it publishes what the cloud's router tells it to, and its device twin takes a twin/update from whoever
/// publishes one. The agent acknowledges none of it, so a value is told until the device's status says that it was observed:
/// once in each session.
/// </summary>
internal sealed class DesiredValues(TimeProvider time)
{
    private readonly Dictionary<ObjectKey, Dictionary<string, string>> _told = [];

    /// <summary>The message that tells the agent what it has not observed, if anything. Not for two threads at once.</summary>
    /// <param name="key">The device's address.</param>
    /// <param name="found">The device, with its status.</param>
    /// <param name="model">Its model, for the types; null where there is none.</param>
    public Message? Tell(ObjectKey key, KubeObject found, KubeObject? model)
    {
        var device = found.View(KubernetesJson.Default.Device);
        var types = model?.View(KubernetesJson.Default.DeviceModel).Spec.Properties ?? [];
        var told = _told.TryGetValue(key, out var before) ? before : _told[key] = [];
        var twin = new JsonObject();
        foreach (var property in device.Spec.Properties)
        {
            if (property.Desired?.Value is not { Length: > 0 } desired)
            {
                told.Remove(property.Name);
                continue;
            }

            // told in this session, or observed already: a device that sets its wish back itself is not argued with
            var observed = device.Status?.Twins?.FirstOrDefault(t => t.PropertyName == property.Name)?.ObservedDesired?.Value;
            if (told.GetValueOrDefault(property.Name, observed ?? "") == desired)
            {
                told[property.Name] = desired;
                continue;
            }

            told[property.Name] = desired;
            var type = TwinTypes.Parse(types.FirstOrDefault(t => t.Name == property.Name)?.Type) ?? TwinTypes.Text;
            twin[property.Name] = new JsonObject
            {
                ["expected"] = new JsonObject { ["value"] = desired },
                ["metadata"] = new JsonObject { ["type"] = type },
            };
        }

        return twin.Count == 0 ? null : Publish(key, twin);
    }

    /// <summary>The device has left the node.</summary>
    public void Forget(ObjectKey key) => _told.Remove(key);

    private Message Publish(ObjectKey key, JsonObject twin)
    {
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        var update = new JsonObject { ["event_id"] = "", ["timestamp"] = now, ["twin"] = twin };
        return new Message
        {
            Id = Guid.NewGuid().ToString(),
            Timestamp = now,
            Source = Sources.RouterEventBus,
            Group = Groups.User,
            Operation = Operations.Publish,
            Resource = $"$hw/events/device/{key.Namespace}/{key.Name}/twin/update",
            Content = MessageContent.Text(ObjectContent.Bytes(update)),
        };
    }
}
