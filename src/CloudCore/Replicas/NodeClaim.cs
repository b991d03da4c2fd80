using System.Globalization;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Replicas;

/// <summary>
/// Which replica holds a node's session, as it stands in the Node: <c>edgesync.io/session: REPLICA/EPOCH</c>. The epoch counts the moves of the node
/// from one replica to another; the sessions at one replica share its claim, since its registry orders them.
/// </summary>
/// <param name="Replica">The process, by its identity.</param>
/// <param name="Epoch">From 1 on; of two claims the later one is higher.</param>
internal sealed record NodeClaim(string Replica, long Epoch)
{
    /// <summary>The annotation. It is the hub's: what a node says of it is dropped.</summary>
    public const string Annotation = "edgesync.io/session";

    /// <summary>The claim that the Node carries; null for none.</summary>
    public static NodeClaim? Of(KubeObject node)
    {
        var text = node.Annotation("edgesync.io/session"u8);
        var slash = text?.LastIndexOf('/') ?? -1;
        return slash > 0 && long.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var epoch)
            ? new NodeClaim(text![..slash], epoch)
            : null;
    }

    /// <summary>
    /// Whether the Node, as a cache has it, says that another replica holds the session. A cache that has not seen this claim yet shows an
    /// earlier one, which means nothing.
    /// </summary>
    public bool IsLostTo(KubeObject node) => Of(node) is { } present && present.Replica != Replica && present.Epoch >= Epoch;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Replica}/{Epoch}");
}
