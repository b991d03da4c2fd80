namespace EdgeSync.CloudCore.EmbeddedApi.Store;

/// <summary>One wish to change one object, checked against the state at its commit.</summary>
internal sealed record Mutation
{
    /// <summary>The resource's name in storage (<see cref="Resources.ResourceDescriptor.StorageName"/>).</summary>
    public required string Resource { get; init; }

    public required NamespacedName Key { get; init; }

    public required string Uid { get; init; }

    /// <summary>The version that this change was made from; 0 where the object must not exist.</summary>
    public required long ExpectedVersion { get; init; }

    /// <summary>The new content; for a removal the last content, which watchers are told.</summary>
    public required PreparedObject Object { get; init; }

    /// <summary>The form that <see cref="Object"/> has (<see cref="Resources.ResourceDescriptor.Form"/>); null where that is not said.</summary>
    public object? Form { get; init; }

    public bool Remove { get; init; }

    /// <summary>Whether the namespace must exist and not be on its way out.</summary>
    public bool NeedsNamespace { get; init; }

    /// <summary>The custom resource definition that must exist and not be on its way out; null where there is none.</summary>
    public string? NeedsDefinition { get; init; }
}

/// <summary>How a <see cref="Mutation"/> ended.</summary>
internal enum CommitOutcome
{
    Committed,

    /// <summary>The object is not at the expected version any more.</summary>
    Stale,

    NamespaceMissing,

    NamespaceTerminating,

    /// <summary>The definition of the custom resource is gone or on its way out.</summary>
    DefinitionTerminating,
}

/// <summary>The outcome and, where it was committed, the version that was stored.</summary>
internal readonly record struct CommitResult(CommitOutcome Outcome, StoredObject? Object);
