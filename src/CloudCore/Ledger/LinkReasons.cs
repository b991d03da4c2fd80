using EdgeSync.Protocol.Sync;

namespace EdgeSync.CloudCore.Ledger;

/// <summary>Why an object is not on its node yet, by the state of the link and of the sync.</summary>
internal static class LinkReasons
{
    /// <summary>A first sending that is younger is simply on its way.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    /// <summary>For a node without a session.</summary>
    public static string Away(NodeRow row, int wanted, DateTimeOffset now)
    {
        if (row is { State: "Elsewhere", Replica: { } replica })
        {
            return $"node {row.Node} is connected to another replica of this hub, {replica}: ask there";
        }

        var heard = row.LastHeard is { } at ? $"node {row.Node} last heard {Ago.Text(now - at)} ago" : $"node {row.Node} has never been heard";
        return row.PendingObjects is { } pending
            ? $"{heard}; {pending} {Objects(pending)} pending"
            : $"{heard}; it should hold {wanted} {Objects(wanted)}, and what it holds is known when it connects";
    }

    /// <summary>For a node with a session; null where the node holds the object as it should.</summary>
    /// <param name="facts">Null where the session knows nothing of the object.</param>
    /// <param name="isOpen">Whether the node has said what it holds.</param>
    /// <param name="now">The time.</param>
    public static string? Connected(ObjectFacts? facts, bool isOpen, DateTimeOffset now)
    {
        if (!isOpen)
        {
            return "the node has connected and has not yet said what it holds";
        }

        if (facts is null || !facts.IsPending)
        {
            return facts is null ? "the session has not seen the object yet" : null;
        }

        if (facts.LastError is { } error)
        {
            return $"the node answers: {PodReasons.OneLine(error)}";
        }

        if (facts.SentAt is not { } sent)
        {
            var queued = facts.QueuedBefore > 0 ? $" and {facts.QueuedBefore} in the queue" : "";
            return $"waits behind {facts.InWindow} {Objects(facts.InWindow)} in the window{queued}";
        }

        var since = now - DateTimeOffset.FromUnixTimeMilliseconds(sent);
        return facts.Attempts > 1 || since > s_patience
            ? $"sent {facts.Attempts} times in {Ago.Text(since)}, and the node has not acknowledged it"
            : $"sent {Ago.Text(since)} ago, on its way";
    }

    private static string Objects(int count) => count == 1 ? "object" : "objects";
}
