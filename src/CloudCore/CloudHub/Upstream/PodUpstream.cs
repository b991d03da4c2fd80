using System.Text.Json;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.CloudCore.CloudHub.Upstream;

/// <summary>Status, deletion and events of a node's own pods.</summary>
internal sealed class PodUpstream(KubeClient api, Informer pods, Replies replies)
{
    /// <summary>Writes a pod's status: <c>{"metadata":{"uid"},"status":{…}}</c>, strategic merge. The UID must still hold.</summary>
    public async Task<Message> PatchStatusAsync(
        SessionIdentity session, ObjectKey key, Message request, CancellationToken cancellationToken)
    {
        if (Refusal(session, key, request, await FindAsync(key, cancellationToken)) is { } refusal)
        {
            return refusal;
        }

        return replies.Written(session, request, await api.PatchAsync(
            ApiResources.Pods, key.Namespace, key.Name, PatchType.StrategicMerge, request.ContentAsJson(), "status", cancellationToken));
    }

    /// <summary>
    /// Removes a pod whose containers have ended on the node. The content is DeleteOptions, or (older agents) the UID as a string.
    /// </summary>
    public async Task<Message> DeleteAsync(
        SessionIdentity session, ObjectKey key, Message request, CancellationToken cancellationToken)
    {
        var uid = ReadUid(request);
        var pod = await FindAsync(key, cancellationToken);
        if (!session.Extended && (pod is null || (uid is not null && pod.Uid != uid)))
        {
            // KubeEdge's kubelet asks until it hears OK; the pod that it means is gone
            return replies.Ok(request);
        }

        if (Refusal(session, key, request, pod) is { } refusal)
        {
            return refusal;
        }

        try
        {
            await api.DeleteAsync(
                ApiResources.Pods, key.Namespace, key.Name, new DeleteOptions { GracePeriodSeconds = 0, Uid = uid }, cancellationToken);
        }
        catch (ApiException e) when (!session.Extended && e.IsNotFound)
        {
            // gone meanwhile
        }

        return replies.Ok(request);
    }

    /// <summary>Stores an Event. KubeEdge's agents await no answer; ours keep the event until they have one.</summary>
    public async Task<Message?> RecordEventAsync(
        SessionIdentity session, ObjectKey key, Message request, CancellationToken cancellationToken)
    {
        try
        {
            await api.CreateAsync(ApiResources.Events, key.Namespace, request.ContentAsJson(), cancellationToken);
        }
        catch (ApiException e) when (e.IsAlreadyExists)
        {
            // a resend of one that is there
        }

        return session.Extended ? replies.Ok(request) : null;
    }

    private async Task<KubeObject?> FindAsync(ObjectKey key, CancellationToken cancellationToken) =>
        pods.Get(new NamespacedName(key.Namespace, key.Name))
        ?? await api.GetAsync(ApiResources.Pods, key.Namespace, key.Name, cancellationToken);

    /// <summary>Null where the pod is bound to the node.</summary>
    private Message? Refusal(SessionIdentity session, ObjectKey key, Message request, KubeObject? pod)
    {
        if (pod is null)
        {
            return replies.Refused(request, Replies.Failure(404, "NotFound", $"pods \"{key.Name}\" not found"));
        }

        if (pod.View(KubernetesJson.Default.Pod).Spec?.NodeName != session.Node)
        {
            return replies.Refused(request, Replies.Failure(
                403, "Forbidden", $"pods \"{key.Name}\" is not bound to node \"{session.Node}\""));
        }

        return null;
    }

    private static string? ReadUid(Message request)
    {
        if (request.ContentAsString() is { } text && !text.StartsWith('{'))
        {
            return text.Length > 0 ? text : null;
        }

        try
        {
            using var options = JsonDocument.Parse(request.ContentAsJson());
            return options.RootElement.TryGetProperty("preconditions", out var preconditions)
                && preconditions.TryGetProperty("uid", out var uid) ? uid.GetString() : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new KubeObjectException($"{request.Resource}: the content is not DeleteOptions: {e.Message}", e);
        }
    }
}
