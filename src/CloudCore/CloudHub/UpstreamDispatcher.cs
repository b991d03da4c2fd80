using EdgeSync.CloudCore.CloudHub.Upstream;
using EdgeSync.CloudCore.DeviceController;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;
using EdgeSync.Storage;

namespace EdgeSync.CloudCore.CloudHub;

/// <summary>
/// Carries a node's requests to the API and answers after the API has. A node reaches only its own objects: the node's name
/// comes from its certificate, never from the message.
/// </summary>
internal sealed partial class UpstreamDispatcher(
    NodeUpstream nodes, PodUpstream pods, QueryUpstream queries, DeviceUpstream devices, Replies replies,
    ILogger<UpstreamDispatcher> logger)
{
    /// <summary>The answer to send, or null where the message gets none.</summary>
    public async Task<Message?> HandleAsync(SessionIdentity session, Message request, CancellationToken cancellationToken)
    {
        try
        {
            var reply = await RouteAsync(session, request, cancellationToken);
            if (Failpoint.IsArmed)
            {
                Failpoint.Hit(HubFailpoints.DoneOf(request));
            }

            return reply;
        }
        catch (ApiException e)
        {
            if (e.IsTransient)
            {
                LogUnavailable(session.Node, request.Resource, e.Message);
            }
            else
            {
                LogRefused(session.Node, request.Operation, request.Resource, e.Code, e.Message);
            }

            return replies.Refused(request, e.Code == 0 ? e.Status with { Code = 503 } : e.Status);
        }
        catch (Exception e) when (e is KubeObjectException or ProtocolException)
        {
            LogRefused(session.Node, request.Operation, request.Resource, 400, e.Message);
            return replies.Refused(request, Replies.Failure(400, "BadRequest", e.Message));
        }
    }

    private async Task<Message?> RouteAsync(SessionIdentity session, Message request, CancellationToken cancellationToken)
    {
        if (request.Source == Sources.Twin || request.Resource.StartsWith("device/", StringComparison.Ordinal))
        {
            return await devices.HandleAsync(session, request, cancellationToken);
        }

        if (!ObjectKey.TryParse(request.Resource, out var key))
        {
            LogUnknown(session.Node, request.Operation, request.Resource);
            return session.Extended
                ? replies.Refused(request, Replies.Failure(400, "BadRequest", $"resource \"{request.Resource}\" is not known to this hub"))
                : null;
        }

        return (key.Type, request.Operation) switch
        {
            (ResourceTypes.Node, Operations.Insert) => await nodes.RegisterAsync(session, key, request, cancellationToken),
            (ResourceTypes.Node, Operations.Update) => await nodes.UpdateAsync(session, key, request, cancellationToken),
            (ResourceTypes.NodePatch, Operations.Patch) => await nodes.PatchStatusAsync(session, key, request, cancellationToken),
            (ResourceTypes.Lease, _) => await nodes.HandleLeaseAsync(session, key, request, cancellationToken),
            (ResourceTypes.PodPatch, Operations.Patch) => await pods.PatchStatusAsync(session, key, request, cancellationToken),
            (ResourceTypes.Pod, Operations.Delete) => await pods.DeleteAsync(session, key, request, cancellationToken),
            (ResourceTypes.Event, Operations.Insert) => await pods.RecordEventAsync(session, key, request, cancellationToken),
            (_, Operations.Query) => await queries.AnswerAsync(session, key, request, cancellationToken),
            _ => Unsupported(session, request),
        };
    }

    private Message Unsupported(SessionIdentity session, Message request)
    {
        LogUnknown(session.Node, request.Operation, request.Resource);
        return replies.Refused(request, Replies.Failure(
            400, "BadRequest", $"operation \"{request.Operation}\" on \"{request.Resource}\" is not known to this hub"));
    }

    [LoggerMessage(LogLevel.Warning, "Node {Node}: {Resource} waits, the API is not available: {Text}")]
    private partial void LogUnavailable(string node, string resource, string text);

    [LoggerMessage(LogLevel.Information, "Node {Node}: {Operation} {Resource} refused with {Code}: {Text}")]
    private partial void LogRefused(string node, string operation, string resource, int code, string text);

    [LoggerMessage(LogLevel.Warning, "Node {Node}: {Operation} {Resource} is not known to this hub")]
    private partial void LogUnknown(string node, string operation, string resource);
}
