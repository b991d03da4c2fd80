using EdgeSync.Protocol.Wire;

namespace EdgeSync.CloudCore.CloudHub.Upstream;

/// <summary>
/// A KubeEdge agent's questions for objects. A node is told of the objects that it should hold, and of no others. (EdgeSync's
/// agent asks nothing: what it needs is sent.)
/// </summary>
internal sealed class QueryUpstream(NodeScope scope, Replies replies)
{
    public Message Answer(SessionIdentity session, ObjectKey key, Message request)
    {
        var found = scope.Lookup(session.Node, key);
        return found is not null
            ? replies.Found(request, found)
            : replies.NotFound(request, Replies.Failure(404, "NotFound", $"{key.Type}s \"{key.Name}\" not found"));
    }
}
