using EdgeSync.CloudCore.Replicas;

namespace EdgeSync.CloudCore.CloudHub;

/// <summary>Who a session belongs to.</summary>
/// <param name="Node">The node's name, proved by its certificate.</param>
/// <param name="Epoch">The session's number; of two sessions of a node the higher one lives.</param>
/// <param name="Extended">Whether the peer speaks EdgeSync's extensions; otherwise KubeEdge's rules hold.</param>
/// <param name="LocalAddress">The hub's address that the node reached.</param>
internal sealed record SessionIdentity(string Node, long Epoch, bool Extended, string LocalAddress)
{
    /// <summary>
    /// Whether this hub had heard the node so shortly before that nobody can have taken it for dead meanwhile: what the caches
    /// say of the node's state is then what the API has.
    /// </summary>
    public bool WasNear { get; init; }

    /// <summary>With several replicas: the claim under which the session writes; null where the hub is alone.</summary>
    public NodeClaim? Claim { get; init; }

    /// <summary>Whether another replica, or this one before its restart, had the node since this hub did; what is remembered of it here is out of date.</summary>
    public bool WasElsewhere { get; init; }

    /// <summary>Where it <see cref="WasElsewhere"/>: when the node was last in contact, by its lease; null where nobody knows.</summary>
    public DateTimeOffset? HeardElsewhere { get; init; }

    /// <summary>The agent's version as it said in the handshake; empty where it said none.</summary>
    public string Agent { get; init; } = "";
}
