using System.Collections.Concurrent;
using EdgeSync.CloudCore.KubeApi;

namespace EdgeSync.CloudCore.Replicas;

/// <summary>What a session has to know of its node's way here.</summary>
/// <param name="Claim">Under which it writes.</param>
/// <param name="WasElsewhere">Whether another replica had the node since this one did.</param>
/// <param name="LastHeard">Then: when it was last in contact, as far as anybody knows.</param>
/// <param name="Guard">Then: what must be asked before something is sent.</param>
internal sealed record HandedOver(NodeClaim Claim, bool WasElsewhere, DateTimeOffset? LastHeard, StaleGuard? Guard);

/// <summary>Takes nodes for the sessions of this replica: the claim, and what a replica needs that has not had the node until now.</summary>
internal sealed class Handover(KubeClient api, NodeClaims claims, CacheFreshness freshness, TimeProvider time)
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(10);

    // of nodes that came from elsewhere, until the caches are proven: their next session here may begin before that
    private readonly ConcurrentDictionary<string, FreshnessMark> _marks = new(StringComparer.Ordinal);

    /// <exception cref="ApiException">The API is not available.</exception>
    public async Task<HandedOver> TakeAsync(string node, CancellationToken ct)
    {
        using var limit = new CancellationTokenSource(s_limit, time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(ct, limit.Token);
        try
        {
            var (claim, wasElsewhere) = await claims.TakeAsync(node, linked.Token);
            if (!wasElsewhere)
            {
                return new HandedOver(claim, false, null, GuardOf(node));
            }

            // the node has left the other replica by now, so what it was told there is before this mark
            var heard = claims.LastHeardAsync(node, linked.Token);
            _marks[node] = await freshness.MarkAsync(linked.Token);
            var lastHeard = await heard;
            claims.Settle(node, claim);
            return new HandedOver(claim, true, lastHeard, GuardOf(node));
        }
        catch (OperationCanceledException e) when (!ct.IsCancellationRequested)
        {
            throw ApiException.Unreachable($"taking node {node}", $"no answer within {s_limit.TotalSeconds:0} s", e);
        }
    }

    private StaleGuard? GuardOf(string node)
    {
        if (!_marks.TryGetValue(node, out var mark))
        {
            return null;
        }

        if (freshness.IsProven(mark))
        {
            _marks.TryRemove(new KeyValuePair<string, FreshnessMark>(node, mark));
            return null;
        }

        return new StaleGuard(api, freshness, mark, node);
    }
}
