using System.Text.Json.Nodes;
using EdgeSync.CloudCore.CloudHub;
using EdgeSync.CloudCore.CloudHub.Upstream;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.CloudCore.Replicas;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.CloudCore.DeviceController;

/// <summary>
/// Writes what a node reports of its devices into <c>Device.status</c>. Each property carries the edge's growing sequence
/// number and the origin that it counts within; of one origin a value is written only over an older one, so the API never steps back,
/// whatever is resent.
/// </summary>
internal sealed partial class DeviceUpstream(
    KubeClient api, Replies replies, ILogger<DeviceUpstream> logger)
{
    private const int MaxConflicts = 8;

    /// <summary>
    /// <c>device/NS/NAME/twin/edge_updated</c>, <c>device/NS/NAME/state/update</c>, <c>membership/detail</c>.
    /// </summary>
    public async Task<Message?> HandleAsync(SessionIdentity session, Message request, CancellationToken cancellationToken)
    {
        var segments = request.Resource.Split('/');
        if (segments is ["membership", "detail"])
        {
            // the list itself went before this answer (CloudHub/KubeEdge); without a confirmation it is asked for each minute
            return replies.Confirmed(request);
        }

        if (segments is not ["device", var ns, var name, .. var rest])
        {
            return BadRequest(request, $"resource \"{request.Resource}\" is not a device's");
        }

        var content = ObjectContent.Read(request);
        Func<Device, JsonObject?>? change = rest switch
        {
            ["twin", "edge_updated"] => device => TwinReport.Merge(
                device, content["twin"] as JsonObject, session.Extended ? Text(content, "origin") : null),
            ["state", "update"] => device => StateChange(device, content["device"] as JsonObject),
            _ => null,
        };
        if (change is null)
        {
            return BadRequest(request, $"resource \"{request.Resource}\" is not known to this hub");
        }

        return await WriteStatusAsync(session, request, new ObjectKey(ns, ResourceTypes.Device, name), content, change, cancellationToken);
    }

    private async Task<Message> WriteStatusAsync(
        SessionIdentity session, Message request, ObjectKey key, JsonObject content, Func<Device, JsonObject?> change,
        CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            // the API's own state, not the cache: the sequence check must see the last write
            var current = await api.GetAsync(ApiResources.Devices, key.Namespace, key.Name, cancellationToken);
            if (current is null)
            {
                return replies.Refused(request, Replies.Failure(404, "NotFound", $"devices.devices.kubeedge.io \"{key.Name}\" not found"));
            }

            var device = current.View(KubernetesJson.Default.Device);
            if (device.Spec.NodeName != session.Node)
            {
                // may be there again before its node has heard that it was away: the node keeps the report until it is told, and then drops it
                return replies.Refused(request, Replies.Failure(
                    403, "Forbidden", $"devices.devices.kubeedge.io \"{key.Name}\" is not on node \"{session.Node}\""));
            }

            if (Text(content, "uid") is { Length: > 0 } uid && uid != current.Uid)
            {
                // a report of an earlier device of this name: its values are not this one's
                return replies.Refused(request, Replies.Failure(
                    409, "Conflict", $"devices.devices.kubeedge.io \"{key.Name}\" has UID {current.Uid}, the report is of {uid}"));
            }

            if (change(device) is not { } status)
            {
                return replies.Confirmed(request);
            }

            if (session.Claim is not null)
            {
                // after the version was read: what was under way when the node went to another replica is refused, or was first
                await NodeClaims.HeldAsync(api, session, cancellationToken);
            }

            var patch = new JsonObject
            {
                ["metadata"] = new JsonObject { ["resourceVersion"] = current.ResourceVersion },
                ["status"] = status,
            };
            try
            {
                await api.PatchAsync(
                    ApiResources.Devices, key.Namespace, key.Name, PatchType.Merge,
                    ObjectContent.Bytes(patch), "status", cancellationToken);
                return replies.Confirmed(request);
            }
            catch (ApiException e) when (e.IsConflict && attempt < MaxConflicts)
            {
                LogConflict(session.Node, request.Resource, attempt);
            }
        }
    }

    private static JsonObject? StateChange(Device device, JsonObject? reported)
    {
        var state = reported?["state"]?.GetValue<string>();
        if (string.IsNullOrEmpty(state))
        {
            return null;
        }

        var lastOnline = reported?["lastOnlineTime"]?.GetValue<string>() ?? "";
        if (device.Status?.State == state && (lastOnline.Length == 0 || device.Status.LastOnlineTime == lastOnline))
        {
            return null;
        }

        var status = new JsonObject { ["state"] = state };
        if (lastOnline.Length > 0)
        {
            status["lastOnlineTime"] = lastOnline;
        }

        return status;
    }

    private static string Text(JsonObject content, string member) => content[member] switch
    {
        null => "",
        JsonValue value when value.TryGetValue<string>(out var text) => text,
        _ => throw new KubeObjectException($"member \"{member}\" of the report is not a string"),
    };

    private Message BadRequest(Message request, string text) =>
        replies.Refused(request, Replies.Failure(400, "BadRequest", text));

    [LoggerMessage(LogLevel.Debug, "Node {Node}: {Resource} changed meanwhile, try {Attempt} again")]
    private partial void LogConflict(string node, string resource, int attempt);
}
