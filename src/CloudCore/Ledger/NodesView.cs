using EdgeSync.CloudCore.CloudHub;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.CloudCore.Ledger;

/// <summary>Puts together what is known of each node: its session if it has one, else what was remembered of it.</summary>
internal sealed class NodesView(NodeLedger ledger, SessionRegistry sessions, NodeScope scope, HubInformers caches, TimeProvider time)
{
    /// <summary>All nodes of the API and all that ever connected, by name.</summary>
    public NodesAnswer All()
    {
        return new NodesAnswer
        {
            Now = time.GetUtcNow(),
            HubStartedAt = ledger.StartedAt,
            Nodes = [.. Names().Order(StringComparer.Ordinal).Select(Row)],
        };
    }

    /// <summary>One node, known or not.</summary>
    public NodeRow Row(string node)
    {
        var session = sessions.Find(node);
        var record = ledger.Find(node);
        var state = record?.State ?? new NodeState();
        var extended = session?.Identity.Extended ?? state.Extended;
        var lastHeard = session is null ? LastHeardAway(node) : time.GetUtcNow() - session.Silence;
        var row = new NodeRow
        {
            Node = node,
            State = StateOf(node),
            Replica = ReplicaOf(node),
            Since = session?.ConnectedAt ?? lastHeard,
            LastHeard = lastHeard,
            LagP50Seconds = record?.Lag(0.5),
            LagP99Seconds = record?.Lag(0.99),
            BytesSent = state.EndedBytesSent + (session?.BytesSent ?? 0),
            BytesReceived = state.EndedBytesReceived + (session?.BytesReceived ?? 0),
            Dropped = state.Report?.Dropped,
            Peer = extended switch { true => "EdgeSync", false => "KubeEdge", null => null },
            Agent = state.Agent.Length > 0 ? state.Agent : AgentOfNode(node),
            Connects = state.Connects,
            LastDisconnect = state.DisconnectReason.Length > 0 ? state.DisconnectReason : null,
        };
        (row.PendingObjects, row.PendingBytes) = Pending(node, session, state);
        return row;
    }

    /// <summary>The other replica that had the node last; null where it is connected here, or no other has had it.</summary>
    public string? ReplicaOf(string node) => sessions.Find(node) is null ? ledger.ReplicaOf(node) : null;

    /// <summary>The addresses of what the node does not hold as it should; null where the hub cannot know.</summary>
    public IReadOnlyList<ObjectKey>? PendingKeys(string node)
    {
        if (sessions.Find(node) is { } session)
        {
            return session.Holdings().Pending;
        }

        return ledger.Find(node)?.State.Away is { } away
            ? [.. scope.KeysOf(node).Append(new ObjectKey("", ResourceTypes.Node, node)).Union(away.Keys()).Where(key => IsPending(node, key, away))]
            : null;
    }

    /// <summary>Nodes by <see cref="NodeRow.State"/>.</summary>
    public IReadOnlyDictionary<string, int> CountStates() => Names().GroupBy(StateOf).ToDictionary(g => g.Key, g => g.Count());

    /// <summary>For how long each node that is away was not heard.</summary>
    public IEnumerable<(string Node, double Seconds)> AwayFor()
    {
        var now = time.GetUtcNow();
        return Names().Where(n => StateOf(n) == "Away")
            .Select(n => (Node: n, Heard: LastHeardAway(n)))
            .Where(n => n.Heard is not null)
            .Select(n => (n.Node, (now - n.Heard!.Value).TotalSeconds));
    }

    /// <summary>What the agents of connected nodes have counted.</summary>
    public double DroppedByEdges() => sessions.Live.Sum(s => (double)(ledger.Find(s.Node)?.State.Report?.Dropped ?? 0));

    private IEnumerable<string> Names() => caches.Nodes.Snapshot().Select(n => n.Name).Union(ledger.Records.Select(r => r.Node));

    // a node that another replica has is there for as long as the cluster takes it for Ready; where it is away, every replica says so
    private string StateOf(string node) =>
        sessions.Find(node) is not null ? "Connected"
        : ledger.ReplicaOf(node) is not null && IsReady(node) ? "Elsewhere"
        : LastHeardAway(node) is not null ? "Away" : "Never";

    private bool IsReady(string node) => ReadNode(node)?.Status?.Conditions?.Any(c => c is { Type: "Ready", Status: "True" }) == true;

    private DateTimeOffset? LastHeardAway(string node) => ledger.Find(node)?.State.LastHeard ?? Heartbeat(node);

    private bool IsPending(string node, ObjectKey key, AwayObjects away) =>
        scope.Lookup(node, key) is { } wanted ? !away.Holds(key, wanted) : away.HeldUid(key) is not null;

    private (int? Objects, long? Bytes) Pending(string node, EdgeSession? session, NodeState state)
    {
        if (session is not null)
        {
            return session.IsOpen ? (session.PendingCount, session.PendingBytes) : (null, null);
        }

        return state.Away is not null && PendingKeys(node) is { } keys
            ? (keys.Count, keys.Sum(k => (long)(scope.Lookup(node, k)?.Json.Length ?? 0)))
            : (null, null);
    }

    private Node? ReadNode(string node)
    {
        try
        {
            return caches.Nodes.Get(new NamespacedName("", node))?.View(KubernetesJson.Default.Node);
        }
        catch (KubeObjectException)
        {
            return null;
        }
    }

    private string? AgentOfNode(string node) => ReadNode(node)?.Status?.NodeInfo?.KubeletVersion is { Length: > 0 } version ? version : null;

    /// <summary>
    /// When the node last told its status, for one of which there is no lease. An agent's own word only: the control plane writes
    /// Unknown without moving this time.
    /// </summary>
    private DateTimeOffset? Heartbeat(string node) =>
        KubeTime.TryParse(ReadNode(node)?.Status?.Conditions?.FirstOrDefault(c => c.Type == "Ready")?.LastHeartbeatTime, out var at) ? at : null;
}
