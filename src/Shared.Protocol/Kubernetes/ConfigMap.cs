namespace EdgeSync.Protocol.Kubernetes;

/// <summary>core/v1 ConfigMap.</summary>
public sealed record ConfigMap
{
    public ObjectMeta Metadata { get; init; } = new();

    public IReadOnlyDictionary<string, string>? Data { get; init; }

    /// <summary>Values in base64.</summary>
    public IReadOnlyDictionary<string, string>? BinaryData { get; init; }

    public bool? Immutable { get; init; }
}

/// <summary>core/v1 Secret.</summary>
public sealed record Secret
{
    public ObjectMeta Metadata { get; init; } = new();

    public string? Type { get; init; }

    /// <summary>Values in base64.</summary>
    public IReadOnlyDictionary<string, string>? Data { get; init; }
}
