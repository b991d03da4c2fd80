namespace EdgeSync.Protocol.Kubernetes;

/// <summary>The fields of metav1.ObjectMeta that EdgeSync acts on.</summary>
public sealed record ObjectMeta
{
    public string? Name { get; set; }

    public string? GenerateName { get; set; }

    public string? Namespace { get; set; }

    public string? Uid { get; set; }

    public string? ResourceVersion { get; set; }

    public long? Generation { get; set; }

    public string? CreationTimestamp { get; set; }

    public string? DeletionTimestamp { get; set; }

    public long? DeletionGracePeriodSeconds { get; set; }

    public IReadOnlyDictionary<string, string>? Labels { get; set; }

    public IReadOnlyDictionary<string, string>? Annotations { get; set; }

    public IReadOnlyList<OwnerReference>? OwnerReferences { get; set; }

    public IReadOnlyList<string>? Finalizers { get; set; }
}

/// <summary>metav1.OwnerReference.</summary>
public sealed record OwnerReference
{
    public string ApiVersion { get; set; } = "";

    public string Kind { get; set; } = "";

    public string Name { get; set; } = "";

    public string Uid { get; set; } = "";

    public bool? Controller { get; set; }

    public bool? BlockOwnerDeletion { get; set; }
}

/// <summary>metav1.LabelSelector.</summary>
public sealed record LabelSelector
{
    public IReadOnlyDictionary<string, string>? MatchLabels { get; set; }

    public IReadOnlyList<SelectorRequirement>? MatchExpressions { get; set; }
}

/// <summary>A requirement of a label or node selector: In, NotIn, Exists, DoesNotExist, and for nodes Gt and Lt.</summary>
public sealed record SelectorRequirement
{
    public string Key { get; set; } = "";

    public string Operator { get; set; } = "";

    public IReadOnlyList<string>? Values { get; set; }
}

/// <summary>metav1.Condition, and the older per-kind condition types that have the same members.</summary>
public sealed record Condition
{
    public string Type { get; set; } = "";

    /// <summary><c>True</c>, <c>False</c> or <c>Unknown</c>.</summary>
    public string Status { get; set; } = "";

    public string? Reason { get; set; }

    public string? Message { get; set; }

    public string? LastHeartbeatTime { get; set; }

    public string? LastProbeTime { get; set; }

    public string? LastTransitionTime { get; set; }
}

/// <summary>Any object, by its metadata alone.</summary>
public sealed record AnyObject
{
    public string? ApiVersion { get; set; }

    public string? Kind { get; set; }

    public ObjectMeta Metadata { get; set; } = new();
}

/// <summary>metav1.Status: how the Kubernetes API answers an error (and some deletes).</summary>
public sealed record Status
{
    public string? ApiVersion { get; set; }

    public string? Kind { get; set; }

    /// <summary><c>Success</c> or <c>Failure</c>.</summary>
    [System.Text.Json.Serialization.JsonPropertyName("status")]
    public string? Outcome { get; set; }

    public string? Message { get; set; }

    /// <summary>The machine-readable cause: NotFound, AlreadyExists, Conflict, Invalid, …</summary>
    public string? Reason { get; set; }

    public StatusDetails? Details { get; set; }

    /// <summary>The HTTP status code.</summary>
    public int Code { get; set; }
}

/// <summary>metav1.StatusDetails.</summary>
public sealed record StatusDetails
{
    public string? Name { get; set; }

    public string? Group { get; set; }

    public string? Kind { get; set; }

    public string? Uid { get; set; }

    public IReadOnlyList<StatusCause>? Causes { get; set; }

    public int? RetryAfterSeconds { get; set; }
}

/// <summary>metav1.StatusCause: one field that is wrong.</summary>
public sealed record StatusCause
{
    public string? Reason { get; set; }

    public string? Message { get; set; }

    public string? Field { get; set; }
}
