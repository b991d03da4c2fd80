using System.Text.Json;
using System.Text.Json.Serialization;

namespace EdgeSync.CloudCore.Ledger;

/// <summary>What the ledger says of all nodes; the output of <c>cloudcore nodes -o json</c>.</summary>
internal sealed record NodesAnswer
{
    /// <summary>The hub's clock when it answered.</summary>
    public DateTimeOffset Now { get; set; }

    /// <summary>Since when this hub runs: what was before is known from leases only.</summary>
    public DateTimeOffset HubStartedAt { get; set; }

    public IReadOnlyList<NodeRow> Nodes { get; set; } = [];
}

/// <summary>One node. Members that are not known are left out.</summary>
internal sealed record NodeRow
{
    public string Node { get; set; } = "";

    /// <summary>Connected, Elsewhere (at another replica), Away (was heard, and is not connected) or Never.</summary>
    public string State { get; set; } = "";

    /// <summary>Where it is not connected here: the other replica that had it last; left out where there is none.</summary>
    public string? Replica { get; set; }

    /// <summary>Since when it is connected or away.</summary>
    public DateTimeOffset? Since { get; set; }

    public DateTimeOffset? LastHeard { get; set; }

    /// <summary>Objects that it does not hold as it should; left out where the hub cannot know (away since before its start).</summary>
    public int? PendingObjects { get; set; }

    public long? PendingBytes { get; set; }

    /// <summary>From a change being seen by the hub to its acknowledgement, seconds, over the last thousand changes.</summary>
    public double? LagP50Seconds { get; set; }

    public double? LagP99Seconds { get; set; }

    /// <summary>In this hub's life.</summary>
    public long BytesSent { get; set; }

    public long BytesReceived { get; set; }

    /// <summary>Upstream messages that the agent has dropped, by its own count.</summary>
    public long? Dropped { get; set; }

    /// <summary>EdgeSync (extensions) or KubeEdge.</summary>
    public string? Peer { get; set; }

    public string? Agent { get; set; }

    /// <summary>Sessions in this hub's life.</summary>
    public int Connects { get; set; }

    /// <summary>Why the last session ended.</summary>
    public string? LastDisconnect { get; set; }
}

/// <summary>What the ledger says of one object; the output of <c>cloudcore why -o json</c>.</summary>
internal sealed record WhyAnswer
{
    public DateTimeOffset Now { get; set; }

    public string Kind { get; set; } = "";

    public string? Namespace { get; set; }

    public string Name { get; set; } = "";

    /// <summary>Whether the API has the object.</summary>
    public bool Found { get; set; }

    public string? Uid { get; set; }

    public string? Version { get; set; }

    /// <summary>What holds for the object on every node, as that no node should hold it.</summary>
    public string? Note { get; set; }

    public IReadOnlyList<WhyNode> Nodes { get; set; } = [];
}

/// <summary>One object on one node.</summary>
internal sealed record WhyNode
{
    public string Node { get; set; } = "";

    /// <summary>The object, where the question was about others that stand for it (a DaemonSet's pods).</summary>
    public string? Object { get; set; }

    /// <summary>wanted, sent, acknowledged, applied and running, in this order.</summary>
    public IReadOnlyList<WhyStage> Stages { get; set; } = [];

    /// <summary>Why it is not further; left out where all is as it should be.</summary>
    public string? Reason { get; set; }
}

/// <summary>How far one step is.</summary>
internal sealed record WhyStage
{
    public string Stage { get; set; } = "";

    /// <summary>ResourceVersion; left out where it is not known.</summary>
    public string? Version { get; set; }

    public string? Uid { get; set; }

    /// <summary>When the step was reached; left out where it was not, or the time is not known.</summary>
    public DateTimeOffset? At { get; set; }

    /// <summary>In words.</summary>
    public string? Detail { get; set; }
}

/// <summary>Source-generated JSON between the hub and its commands.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(NodesAnswer))]
[JsonSerializable(typeof(WhyAnswer))]
internal sealed partial class LedgerJson : JsonSerializerContext
{
    private static LedgerJson? s_indented;

    /// <summary>For people and their scripts.</summary>
    public static LedgerJson Indented => s_indented ??= new LedgerJson(new JsonSerializerOptions(Default.Options) { WriteIndented = true, TypeInfoResolver = null });
}
