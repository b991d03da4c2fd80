using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers;

/// <summary>What the controllers need to know of a node.</summary>
internal sealed record NodeFacts
{
    public required string Name { get; init; }

    public string Uid { get; init; } = "";

    public IReadOnlyDictionary<string, string> Labels { get; init; } = LabelSelectors.NoLabels;

    public IReadOnlyList<Taint> Taints { get; init; } = [];

    public bool Unschedulable { get; init; }

    /// <summary>Differs where what the node can take (<c>status.allocatable</c>) does; means nothing outside this process.</summary>
    public int RoomMark { get; init; }

    /// <summary>The annotation that says when pods leave a node without contact (<see cref="Nodes.OfflineEviction"/>); null for none.</summary>
    public string? EvictOfflineAfter { get; init; }

    /// <summary>Whether it is a box at the edge, by the label that agents register with.</summary>
    public bool IsEdge => Labels.ContainsKey("node-role.kubernetes.io/edge");

    /// <summary>Ready, and what else is True, each by type and status alone, Ready with its heartbeat: of thousands of nodes no words are kept.</summary>
    public IReadOnlyList<Condition> Conditions { get; init; } = [];

    /// <summary>The Ready condition's status: True, False, Unknown, or empty where the node has not told yet.</summary>
    public string Ready => Conditions.FirstOrDefault(condition => condition.Type == "Ready")?.Status ?? "";

    public bool IsReady => Ready == "True";

    /// <exception cref="KubeObjectException">A field has a wrong type.</exception>
    public static NodeFacts Read(KubeObject value)
    {
        var node = value.View(ControllersJson.Default.NodeGist);
        return new NodeFacts
        {
            Name = value.Name,
            Uid = value.Uid,
            Labels = node.Metadata?.Labels ?? LabelSelectors.NoLabels,
            Taints = node.Spec?.Taints ?? [],
            Unschedulable = node.Spec?.Unschedulable == true,
            RoomMark = Mark(node.Status?.Allocatable),
            EvictOfflineAfter = node.Metadata?.Annotations?.GetValueOrDefault(Nodes.OfflineEviction.Annotation),
            Conditions = [.. (node.Status?.Conditions ?? []).Where(c => c.Type == "Ready" || c.Status == "True").Select(Gist)],
        };
    }

    private static int Mark(IReadOnlyDictionary<string, System.Text.Json.JsonElement>? room)
    {
        var mark = 0;
        foreach (var (resource, quantity) in room ?? new Dictionary<string, System.Text.Json.JsonElement>())
        {
            mark ^= HashCode.Combine(resource, quantity.GetRawText()); // in whatever order
        }

        return mark;
    }

    // of the words that every node has, one copy for all
    private static Condition Gist(NodeGistCondition condition) => new()
    {
        Type = condition.Type is "Ready" ? "Ready" : condition.Type ?? "",
        Status = condition.Status switch
        {
            "True" => "True",
            "False" => "False",
            "Unknown" => "Unknown",
            var other => other ?? "",
        },
        LastHeartbeatTime = condition.Type is "Ready" ? condition.LastHeartbeatTime : null,
    };

    /// <summary>Whether pods may have to come or go because of what differs; a heartbeat alone does not count.</summary>
    public bool PlacesLike(NodeFacts other) =>
        Uid == other.Uid && Unschedulable == other.Unschedulable && Ready == other.Ready
        && Taints.SequenceEqual(other.Taints)
        && Labels.Count == other.Labels.Count
        && Labels.All(label => other.Labels.TryGetValue(label.Key, out var value) && value == label.Value);
}
