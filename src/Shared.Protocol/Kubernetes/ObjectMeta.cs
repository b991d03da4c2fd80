namespace EdgeSync.Protocol.Kubernetes;

/// <summary>The fields of metav1.ObjectMeta that EdgeSync acts on.</summary>
public sealed record ObjectMeta
{
    public string? Name { get; init; }

    public string? GenerateName { get; init; }

    public string? Namespace { get; init; }

    public string? Uid { get; init; }

    public string? ResourceVersion { get; init; }

    public long? Generation { get; init; }

    public string? CreationTimestamp { get; init; }

    public string? DeletionTimestamp { get; init; }

    public long? DeletionGracePeriodSeconds { get; init; }

    public IReadOnlyDictionary<string, string>? Labels { get; init; }

    public IReadOnlyDictionary<string, string>? Annotations { get; init; }

    public IReadOnlyList<OwnerReference>? OwnerReferences { get; init; }

    public IReadOnlyList<string>? Finalizers { get; init; }
}

/// <summary>metav1.OwnerReference.</summary>
public sealed record OwnerReference
{
    public string ApiVersion { get; init; } = "";

    public string Kind { get; init; } = "";

    public string Name { get; init; } = "";

    public string Uid { get; init; } = "";

    public bool? Controller { get; init; }

    public bool? BlockOwnerDeletion { get; init; }
}

/// <summary>metav1.LabelSelector.</summary>
public sealed record LabelSelector
{
    public IReadOnlyDictionary<string, string>? MatchLabels { get; init; }

    public IReadOnlyList<SelectorRequirement>? MatchExpressions { get; init; }
}

/// <summary>A requirement of a label or node selector: In, NotIn, Exists, DoesNotExist, and for nodes Gt and Lt.</summary>
public sealed record SelectorRequirement
{
    public string Key { get; init; } = "";

    public string Operator { get; init; } = "";

    public IReadOnlyList<string>? Values { get; init; }
}

/// <summary>metav1.Condition, and the older per-kind condition types that have the same members.</summary>
public sealed record Condition
{
    public string Type { get; init; } = "";

    /// <summary><c>True</c>, <c>False</c> or <c>Unknown</c>.</summary>
    public string Status { get; init; } = "";

    public string? Reason { get; init; }

    public string? Message { get; init; }

    public string? LastHeartbeatTime { get; init; }

    public string? LastProbeTime { get; init; }

    public string? LastTransitionTime { get; init; }
}

/// <summary>Any object, by its metadata alone.</summary>
public sealed record AnyObject
{
    public string? ApiVersion { get; init; }

    public string? Kind { get; init; }

    public ObjectMeta Metadata { get; init; } = new();
}

/// <summary>metav1.Status: how the Kubernetes API answers an error (and some deletes).</summary>
public sealed record Status
{
    public string? ApiVersion { get; init; }

    public string? Kind { get; init; }

    /// <summary><c>Success</c> or <c>Failure</c>.</summary>
    [System.Text.Json.Serialization.JsonPropertyName("status")]
    public string? Outcome { get; init; }

    public string? Message { get; init; }

    /// <summary>The machine-readable cause: NotFound, AlreadyExists, Conflict, Invalid, …</summary>
    public string? Reason { get; init; }

    public StatusDetails? Details { get; init; }

    /// <summary>The HTTP status code.</summary>
    public int Code { get; init; }
}

/// <summary>metav1.StatusDetails.</summary>
public sealed record StatusDetails
{
    public string? Name { get; init; }

    public string? Group { get; init; }

    public string? Kind { get; init; }

    public string? Uid { get; init; }

    public IReadOnlyList<StatusCause>? Causes { get; init; }

    public int? RetryAfterSeconds { get; init; }
}

/// <summary>metav1.StatusCause: one field that is wrong.</summary>
public sealed record StatusCause
{
    public string? Reason { get; init; }

    public string? Message { get; init; }

    public string? Field { get; init; }
}
