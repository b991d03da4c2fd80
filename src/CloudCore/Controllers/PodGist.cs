using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers;

/// <summary>
/// Of a pod what <see cref="PodFacts"/> are made of: a twentieth of it. Each change of each pod is read, and the reader skips what a
/// view does not have.
/// </summary>
internal sealed record PodGist
{
    public PodGistMetadata? Metadata { get; set; }

    public PodGistSpec? Spec { get; set; }

    public PodGistStatus? Status { get; set; }
}

/// <summary>Of its metadata.</summary>
internal sealed record PodGistMetadata
{
    public IReadOnlyDictionary<string, string>? Labels { get; set; }

    public IReadOnlyDictionary<string, string>? Annotations { get; set; }

    public IReadOnlyList<OwnerReference>? OwnerReferences { get; set; }

    public string? CreationTimestamp { get; set; }

    public long? Generation { get; set; }

    public IReadOnlyList<string>? Finalizers { get; set; }
}

/// <summary>Of its spec.</summary>
internal sealed record PodGistSpec
{
    public string? NodeName { get; set; }

    public Affinity? Affinity { get; set; }
}

/// <summary>Of its status.</summary>
internal sealed record PodGistStatus
{
    public string? Phase { get; set; }

    public string? Reason { get; set; }

    public IReadOnlyList<Condition>? Conditions { get; set; }
}
