using System.Text.Json;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.CloudCore.CloudHub.Upstream;

/// <summary>
/// A KubeEdge agent's questions for objects and tokens. A node is told of the objects that it should hold, and of no others.
/// (EdgeSync's agent asks for tokens only: what else it needs is sent.)
/// </summary>
internal sealed class QueryUpstream(KubeClient api, NodeScope scope, Replies replies)
{
    /// <summary>
    /// The object; <c>"OK"</c> where there is none. An error in any of its forms would be stored by KubeEdge's agent as an object
    /// without content, and the pod started with it; of the text its kubelet makes an error, and tries again.
    /// </summary>
    public async Task<Message> AnswerAsync(SessionIdentity session, ObjectKey key, Message request, CancellationToken cancellationToken)
    {
        if (key.Type == ResourceTypes.ServiceAccountToken)
        {
            return await TokenAsync(session, key, request, cancellationToken);
        }

        // a pod may have arrived before the cache knows what it needs
        var found = scope.Lookup(session.Node, key)
            ?? (scope.Holds(session.Node, key) && ResourceOf(key.Type) is { } resource
                ? await api.GetAsync(resource, key.Namespace, key.Name, cancellationToken) : null);
        return found is not null ? replies.Found(request, found) : replies.Ok(request);
    }

    /// <summary>A token for a pod of the node; the API makes it, and binds it to the pod.</summary>
    private async Task<Message> TokenAsync(
        SessionIdentity session, ObjectKey key, Message request, CancellationToken cancellationToken)
    {
        if (!IsForOwnPod(session.Node, key, request))
        {
            return session.Extended
                ? replies.Refused(request, Replies.Failure(403, "Forbidden", $"node \"{session.Node}\" has no such pod that runs as service account \"{key.Name}\""))
                : replies.Ok(request);
        }

        try
        {
            var subresource = new ApiResource("", "v1", $"serviceaccounts/{Uri.EscapeDataString(key.Name)}/token", "TokenRequest", true);
            return replies.Found(request, await api.CreateAsync(subresource, key.Namespace, request.ContentAsJson(), cancellationToken));
        }
        catch (ApiException e) when (!e.IsTransient && !session.Extended)
        {
            // of the text its kubelet makes an error, and tries again
            return replies.Ok(request);
        }
    }

    private bool IsForOwnPod(string node, ObjectKey key, Message request)
    {
        try
        {
            using var document = JsonDocument.Parse(request.ContentAsJson());
            var bound = document.RootElement.GetProperty("spec").GetProperty("boundObjectRef");
            return bound.GetProperty("kind").GetString() == "Pod"
                && scope.Lookup(node, new ObjectKey(key.Namespace, ResourceTypes.Pod, bound.GetProperty("name").GetString()!)) is { } pod
                && pod.Uid == bound.GetProperty("uid").GetString()
                && (pod.View(KubernetesJson.Default.Pod).Spec?.ServiceAccountName ?? "default") == key.Name;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new KubeObjectException($"{request.Resource}: the content is not a TokenRequest that is bound to a pod", e);
        }
    }

    private static ApiResource? ResourceOf(string type) => type switch
    {
        ResourceTypes.ConfigMap => ApiResources.ConfigMaps,
        ResourceTypes.Secret => ApiResources.Secrets,
        _ => null,
    };
}
