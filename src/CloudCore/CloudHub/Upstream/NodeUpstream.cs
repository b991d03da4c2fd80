using System.Text.Json.Nodes;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.CloudCore.Replicas;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.CloudCore.CloudHub.Upstream;

/// <summary>Registration, status and lease of a node (KubeEdge's edgecontroller, upstream).</summary>
internal sealed class NodeUpstream(KubeClient api, KnownNode known, Replies replies)
{
    /// <summary>The annotation that says which hub a node is connected to.</summary>
    public const string HubAnnotation = "cloudcore";

    private const string RestrictedDomain = "node-restriction.kubernetes.io";
    private const string LeaseNamespace = "kube-node-lease";
    private const int MaxConflicts = 8;

    /// <summary>Changes the status that a node sent before it is written; null leaves it.</summary>
    public Action<JsonObject>? AmendStatus { get; init; }

    /// <summary>
    /// Creates the Node. For a Node that is there already, an EdgeSync agent's labels and annotations are merged in; a
    /// KubeEdge agent is told AlreadyExists, as it expects, and gets the Node pushed.
    /// </summary>
    public async Task<Message> RegisterAsync(
        SessionIdentity session, ObjectKey key, Message request, CancellationToken cancellationToken)
    {
        if (key.Name != session.Node)
        {
            return Foreign(session, request);
        }

        var node = ObjectContent.Read(request);
        var metadata = Child(node, "metadata");
        metadata["name"] = session.Node;
        metadata.Remove("resourceVersion");
        metadata.Remove("uid");
        DropRestricted(metadata);
        Child(metadata, "annotations")[HubAnnotation] = session.LocalAddress;
        if (session.Claim is not null)
        {
            Child(metadata, "annotations")[NodeClaim.Annotation] = session.Claim.ToString();
        }

        if (AmendStatus is not null && node["status"] is JsonObject first)
        {
            AmendStatus(first);
        }

        if (known.WithMetadata(session, metadata) is { } same)
        {
            return replies.Written(session, request, same);
        }

        try
        {
            return replies.Written(session, request, await known.WriteAsync(
                session, () => api.CreateAsync(ApiResources.Nodes, "", ObjectContent.Bytes(node), cancellationToken)));
        }
        catch (ApiException e) when (e.IsAlreadyExists && session.Extended)
        {
            return replies.Written(session, request, await MergeMetadataAsync(session, metadata, cancellationToken));
        }
    }

    /// <summary>Merges labels and annotations into the Node.</summary>
    public async Task<Message> UpdateAsync(
        SessionIdentity session, ObjectKey key, Message request, CancellationToken cancellationToken)
    {
        if (key.Name != session.Node)
        {
            return Foreign(session, request);
        }

        var metadata = Child(ObjectContent.Read(request), "metadata");
        DropRestricted(metadata);
        var merged = await MergeMetadataAsync(session, metadata, cancellationToken);
        return replies.Ok(request, merged.ResourceVersion);
    }

    /// <summary>Writes the node's status; the content is a strategic merge patch, of which only the status is taken.</summary>
    public async Task<Message> PatchStatusAsync(
        SessionIdentity session, ObjectKey key, Message request, CancellationToken cancellationToken)
    {
        if (key.Name != session.Node)
        {
            return Foreign(session, request);
        }

        var status = Child(ObjectContent.Read(request), "status");
        AmendStatus?.Invoke(status);
        if (known.WithStatus(session, status) is { } same)
        {
            return replies.Written(session, request, same);
        }

        var patch = new JsonObject { ["status"] = status.DeepClone() };
        try
        {
            return replies.Written(session, request, await known.WriteAsync(
                session, () => WriteAsync(session, patch, PatchType.StrategicMerge, "status", cancellationToken)));
        }
        catch (ApiException e) when (e.IsNotFound && session.Extended)
        {
            // deleted, which the watch may never tell of a Node that was there for a moment only; or the registration before this
            // could not be written. The agent keeps its status and registers anew.
            throw new SessionEndedException("its Node object is not there");
        }
    }

    /// <summary>A KubeEdge agent's own lease: query, insert, update. (An EdgeSync agent's lease is kept by the hub.)</summary>
    public async Task<Message> HandleLeaseAsync(
        SessionIdentity session, ObjectKey key, Message request, CancellationToken cancellationToken)
    {
        if (key.Name != session.Node || key.Namespace != LeaseNamespace)
        {
            return Foreign(session, request);
        }

        switch (request.Operation)
        {
            case Operations.Insert:
                return replies.Written(session, request, await api.CreateAsync(
                    ApiResources.Leases, LeaseNamespace, request.ContentAsJson(), cancellationToken));
            case Operations.Update:
                return replies.Written(session, request, await api.UpdateAsync(
                    ApiResources.Leases, LeaseNamespace, session.Node, request.ContentAsJson(), null, cancellationToken));
            default:
                var lease = await api.GetAsync(ApiResources.Leases, LeaseNamespace, session.Node, cancellationToken);
                return lease is not null
                    ? replies.Written(session, request, lease)
                    : replies.Refused(request, Replies.Failure(404, "NotFound", $"leases.coordination.k8s.io \"{session.Node}\" not found"));
        }
    }

    private async Task<KubeObject> MergeMetadataAsync(SessionIdentity session, JsonObject metadata, CancellationToken cancellationToken)
    {
        var patch = new JsonObject
        {
            ["metadata"] = new JsonObject
            {
                ["labels"] = metadata["labels"]?.DeepClone(),
                ["annotations"] = metadata["annotations"]?.DeepClone(),
            },
        };
        foreach (var member in (string[])["labels", "annotations"])
        {
            if (patch["metadata"]![member] is null)
            {
                // a null in a merge patch would take away what is there
                patch["metadata"]!.AsObject().Remove(member);
            }
        }

        return await known.WriteAsync(session, () => WriteAsync(session, patch, PatchType.Merge, null, cancellationToken));
    }

    /// <summary>Patches the node's Node; with several replicas under a version at which the session held it.</summary>
    private async Task<KubeObject> WriteAsync(
        SessionIdentity session, JsonObject patch, PatchType type, string? subresource, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            if (session.Claim is not null && await NodeClaims.HeldAsync(api, session, cancellationToken) is { } node)
            {
                Child(patch, "metadata")["resourceVersion"] = node.ResourceVersion;
            }

            try
            {
                return await api.PatchAsync(ApiResources.Nodes, "", session.Node, type, ObjectContent.Bytes(patch), subresource, cancellationToken);
            }
            catch (ApiException e) when (session.Claim is not null && e.IsConflict && attempt < MaxConflicts)
            {
                // somebody else wrote the Node meanwhile
            }
        }
    }

    private Message Foreign(SessionIdentity session, Message request) => replies.Refused(request, Replies.Failure(
        403, "Forbidden", $"node \"{session.Node}\" may not write \"{request.Resource}\""));

    /// <summary>
    /// The hub writes for the node, and with more rights: labels by which others keep workloads from a node are not the node's to set, and
    /// neither is the replicas' own mark.
    /// </summary>
    private static void DropRestricted(JsonObject metadata)
    {
        (metadata["annotations"] as JsonObject)?.Remove(NodeClaim.Annotation);
        if (metadata["labels"] is not JsonObject labels)
        {
            return;
        }

        foreach (var label in labels.Select(l => l.Key).Where(IsRestricted).ToList())
        {
            labels.Remove(label);
        }

        static bool IsRestricted(string label) => label.Split('/') is [var domain, _]
            && (domain == RestrictedDomain || domain.EndsWith("." + RestrictedDomain, StringComparison.Ordinal));
    }

    private static JsonObject Child(JsonObject parent, string name)
    {
        if (parent[name] is JsonObject child)
        {
            return child;
        }

        var added = new JsonObject();
        parent[name] = added;
        return added;
    }
}
