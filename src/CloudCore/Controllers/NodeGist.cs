using System.Text.Json;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers;

/// <summary>Of a node what <see cref="NodeFacts"/> are made of; as <see cref="PodGist"/>.</summary>
internal sealed record NodeGist
{
    public NodeGistMetadata? Metadata { get; set; }

    public NodeSpec? Spec { get; set; }

    public NodeGistStatus? Status { get; set; }
}

/// <summary>Of its metadata.</summary>
internal sealed record NodeGistMetadata
{
    public IReadOnlyDictionary<string, string>? Labels { get; set; }

    public IReadOnlyDictionary<string, string>? Annotations { get; set; }
}

/// <summary>Of its status.</summary>
internal sealed record NodeGistStatus
{
    public IReadOnlyList<NodeGistCondition>? Conditions { get; set; }

    public IReadOnlyDictionary<string, JsonElement>? Allocatable { get; set; }
}

/// <summary>Of one of its conditions.</summary>
internal sealed record NodeGistCondition
{
    public string? Type { get; set; }

    public string? Status { get; set; }

    public string? LastHeartbeatTime { get; set; }
}
