using EdgeSync.Protocol.Wire;

namespace EdgeSync.Protocol.Sync;

/// <summary>What the hub's half of the sync knows of one object and its node, for the ledger. Times are Unix milliseconds.</summary>
public sealed record ObjectFacts
{
    public required ObjectKey Key { get; init; }

    /// <summary>ResourceVersion that the node should hold; null where it should hold nothing.</summary>
    public string? WantedVersion { get; init; }

    /// <summary>Whether the node does not hold the object as it should.</summary>
    public bool IsPending { get; init; }

    /// <summary>When the first change that the node lacks was seen; null where it lacks none.</summary>
    public long? ChangedAt { get; init; }

    /// <summary>When what is on its way was first sent; null where nothing is.</summary>
    public long? SentAt { get; init; }

    /// <summary>ResourceVersion of what is on its way; empty for a delete.</summary>
    public string SentVersion { get; init; } = "";

    /// <summary>How often what is on its way was sent.</summary>
    public int Attempts { get; init; }

    /// <summary>UID of what the node holds; null where it holds nothing.</summary>
    public string? HeldUid { get; init; }

    /// <summary>ResourceVersion whose content the node holds; empty where only its content hash is known (from an inventory).</summary>
    public string HeldVersion { get; init; } = "";

    /// <summary>When the node said that it holds that, by an acknowledgement or its inventory; 0 where it holds nothing.</summary>
    public long HeldAt { get; init; }

    /// <summary>What the node answered in the place of an acknowledgement; null where it did not.</summary>
    public string? LastError { get; init; }

    /// <summary>Objects on their way, which a queued one waits for.</summary>
    public int InWindow { get; init; }

    /// <summary>Objects that are queued before this one.</summary>
    public int QueuedBefore { get; init; }
}

/// <summary>An object that the node has acknowledged.</summary>
/// <param name="Key">Its address.</param>
/// <param name="LagMs">Milliseconds from the change being seen by the hub to its acknowledgement.</param>
public readonly record struct Acknowledged(ObjectKey Key, long LagMs);
