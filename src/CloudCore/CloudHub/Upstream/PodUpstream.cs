using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.CloudCore.Replicas;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.CloudCore.CloudHub.Upstream;

/// <summary>Status, deletion and events of a node's own pods.</summary>
internal sealed class PodUpstream(KubeClient api, Informer pods, Replies replies)
{
    private const int MaxConflicts = 8;

    /// <summary>Writes a pod's status: <c>{"metadata":{"uid"},"status":{…}}</c>, strategic merge. The UID must still hold.</summary>
    public async Task<Message> PatchStatusAsync(
        SessionIdentity session, ObjectKey key, Message request, CancellationToken cancellationToken)
    {
        var pod = await FindAsync(session, key, null, cancellationToken);
        if (Refusal(session, key, request, pod) is { } refusal)
        {
            return refusal;
        }

        return session.Claim is null
            ? replies.Written(session, request, await api.PatchAsync(
                ApiResources.Pods, key.Namespace, key.Name, PatchType.StrategicMerge, request.ContentAsJson(), "status", cancellationToken))
            : await PatchHeldAsync(session, key, request, pod, cancellationToken);
    }

    /// <summary>With several replicas: a status that was under way when the node went to another one must not land after what is written there.</summary>
    private async Task<Message> PatchHeldAsync(
        SessionIdentity session, ObjectKey key, Message request, KubeObject? pod, CancellationToken cancellationToken)
    {
        var patch = ObjectContent.Read(request);
        if (patch["metadata"] is not JsonObject metadata)
        {
            patch["metadata"] = metadata = [];
        }

        for (var attempt = 1; ; attempt++)
        {
            if (Refusal(session, key, request, pod) is { } refusal)
            {
                return refusal;
            }

            // in this order: the version, then the check (NodeClaims.HeldAsync)
            metadata["resourceVersion"] = pod!.ResourceVersion;
            await NodeClaims.HeldAsync(api, session, cancellationToken);
            try
            {
                return replies.Written(session, request, await api.PatchAsync(
                    ApiResources.Pods, key.Namespace, key.Name, PatchType.StrategicMerge, ObjectContent.Bytes(patch), "status", cancellationToken));
            }
            catch (ApiException e) when (e.IsConflict && attempt < MaxConflicts)
            {
                pod = await api.GetAsync(ApiResources.Pods, key.Namespace, key.Name, cancellationToken);
                if (pod is not null && (string?)metadata["uid"] is { } uid && uid != pod.Uid)
                {
                    throw; // the status is of an earlier pod of this name
                }
            }
        }
    }

    /// <summary>
    /// Removes a pod whose containers have ended on the node. The content is DeleteOptions, or (older agents) the UID as a string.
    /// </summary>
    public async Task<Message> DeleteAsync(
        SessionIdentity session, ObjectKey key, Message request, CancellationToken cancellationToken)
    {
        var uid = ReadUid(request);
        var pod = await FindAsync(session, key, uid, cancellationToken);
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

    /// <summary>The pod: from the cache where that says yes, else from the API, since a cache may be behind.</summary>
    private async Task<KubeObject?> FindAsync(SessionIdentity session, ObjectKey key, string? uid, CancellationToken cancellationToken)
    {
        var cached = pods.Get(new NamespacedName(key.Namespace, key.Name));
        return IsBoundTo(session.Node, cached) && (uid is null || cached!.Uid == uid)
            ? cached
            : await api.GetAsync(ApiResources.Pods, key.Namespace, key.Name, cancellationToken);
    }

    /// <summary>
    /// Null where the pod is bound to the node. One that is not is not found, for good: a pod never changes its node, so what is
    /// there is a later pod of the same name, and the sender need not try again.
    /// </summary>
    private Message? Refusal(SessionIdentity session, ObjectKey key, Message request, KubeObject? pod)
    {
        if (IsBoundTo(session.Node, pod))
        {
            return null;
        }

        return replies.Refused(request, Replies.Failure(404, "NotFound", $"pods \"{key.Name}\" not found on node \"{session.Node}\""));
    }

    private static bool IsBoundTo(string node, KubeObject? pod) => pod?.Text("spec"u8, "nodeName"u8) == node;

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
