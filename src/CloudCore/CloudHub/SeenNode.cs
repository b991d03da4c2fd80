using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.CloudHub;

/// <summary>
/// The Node of a session, as far as the session has seen it. One that is gone has to be registered anew, and of one that took its place (the
/// API knows it by another UID) the node has said nothing yet; both it does on its next connection.
/// </summary>
internal struct SeenNode
{
    private string? _uid; // null until there was one

    /// <summary>Looks at the Node as it is now.</summary>
    /// <returns>Why the session has to end; null where it goes on.</returns>
    public string? Look(KubeObject? node)
    {
        if (node is null)
        {
            return _uid is null ? null : "its Node object was deleted";
        }

        var before = _uid;
        _uid = node.Uid;
        return before is null || before == node.Uid ? null : "its Node object is another one";
    }
}
