using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.CloudHub;
using EdgeSync.CloudCore.CloudHub.Upstream;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Replicas;

/// <summary>
/// Sees to it that of all replicas the one with a node's newest connection writes for it. The claim stands in the Node
/// (<see cref="NodeClaim"/>) and is taken under the Node's version, so of two replicas one wins; every replica's watch of Nodes tells it of its
/// loss at once. A replica that has not heard of that yet is held off by the API itself: <see cref="HeldAsync"/>.
/// </summary>
internal sealed class NodeClaims(KubeClient api, string identity)
{
    private const string LeaseNamespace = "kube-node-lease";
    private const int MaxConflicts = 8;

    // the claims whose nodes this replica has taken over to the end: of another one it may have written the mark and no more
    private readonly ConcurrentDictionary<string, NodeClaim> _settled = new(StringComparer.Ordinal);
    private long _taken;

    /// <summary>This process.</summary>
    public string Identity => identity;

    /// <summary>How many nodes came here from other replicas, or for the first time.</summary>
    public long Taken => Interlocked.Read(ref _taken);

    /// <summary>
    /// Takes the node for a session that is about to begin. A node that comes back to the replica that had it last costs one read. A
    /// node that has no Node yet gets the claim with its registration.
    /// </summary>
    /// <exception cref="ApiException">The API is not available.</exception>
    public async Task<(NodeClaim Claim, bool WasElsewhere)> TakeAsync(string node, CancellationToken ct)
    {
        for (var attempt = 1; ; attempt++)
        {
            // the API's own word, not the cache's, which may not know of a stay elsewhere
            if (await api.GetAsync(ApiResources.Nodes, "", node, ct) is not { } present)
            {
                Interlocked.Increment(ref _taken);
                return (new NodeClaim(identity, 1), true);
            }

            var last = NodeClaim.Of(present);
            if (last?.Replica == identity)
            {
                return (last, !_settled.TryGetValue(node, out var settled) || settled != last);
            }

            var claim = new NodeClaim(identity, (last?.Epoch ?? 0) + 1);
            try
            {
                await api.PatchAsync(ApiResources.Nodes, "", node, PatchType.Merge, Patch(present.ResourceVersion, claim), null, ct);
                Interlocked.Increment(ref _taken);
                return (claim, true);
            }
            catch (ApiException e) when ((e.IsConflict || e.IsNotFound) && attempt < MaxConflicts)
            {
                // somebody wrote the Node meanwhile: look again
            }
        }
    }

    /// <summary>The node that was taken under the claim has been taken over: when it comes back, it was not elsewhere.</summary>
    public void Settle(string node, NodeClaim claim) => _settled[node] = claim;

    /// <summary>When the node was last in contact with any replica, by its lease; null where there is none.</summary>
    public async Task<DateTimeOffset?> LastHeardAsync(string node, CancellationToken ct)
    {
        if (await api.GetAsync(ApiResources.Leases, LeaseNamespace, node, ct) is not { } lease)
        {
            return null;
        }

        try
        {
            return KubeTime.TryParse(lease.View(KubernetesJson.Default.Lease).Spec.RenewTime, out var renewed) ? renewed : null;
        }
        catch (KubeObjectException)
        {
            return null; // somebody else's lease of another form
        }
    }

    /// <summary>
    /// The node's Node as the API has it now, after a check that the session still holds it. What is then written under a version that was read
    /// before this call cannot be later than what the next holder writes: its claim came after this read, its write after its claim, and a
    /// write that finds another version is refused.
    /// </summary>
    /// <returns>Null where there is no Node.</returns>
    /// <exception cref="SessionEndedException">Another replica has the node.</exception>
    public static async Task<KubeObject?> HeldAsync(KubeClient api, SessionIdentity session, CancellationToken ct)
    {
        var node = await api.GetAsync(ApiResources.Nodes, "", session.Node, ct);
        if (node is not null && NodeClaim.Of(node) is var present && present != session.Claim)
        {
            throw new SessionEndedException(present is null ? $"its Node has lost the annotation {NodeClaim.Annotation}" : LostText(present));
        }

        return node;
    }

    /// <summary>Why a session ends, for people.</summary>
    public static string LostText(NodeClaim present) => $"the node is connected to another replica, {present.Replica}";

    private static byte[] Patch(string version, NodeClaim claim) => ObjectContent.Bytes(new JsonObject
    {
        ["metadata"] = new JsonObject
        {
            ["resourceVersion"] = version,
            ["annotations"] = new JsonObject { [NodeClaim.Annotation] = claim.ToString() },
        },
    });
}
