namespace EdgeSync.Protocol.Kubernetes;

/// <summary>core/v1 ConfigMap.</summary>
public sealed record ConfigMap
{
    public ObjectMeta Metadata { get; set; } = new();

    public IReadOnlyDictionary<string, string>? Data { get; set; }

    /// <summary>Values in base64.</summary>
    public IReadOnlyDictionary<string, string>? BinaryData { get; set; }

    public bool? Immutable { get; set; }
}

/// <summary>core/v1 Secret.</summary>
public sealed record Secret
{
    public ObjectMeta Metadata { get; set; } = new();

    public string? Type { get; set; }

    /// <summary>Values in base64.</summary>
    public IReadOnlyDictionary<string, string>? Data { get; set; }
}
