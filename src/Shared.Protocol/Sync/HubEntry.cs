using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.Protocol.Sync;

/// <summary>What a node is known to hold at an address.</summary>
/// <param name="Uid">The incarnation; empty for any.</param>
/// <param name="ContentHash">Its <see cref="KubeObject.ContentHash"/>.</param>
/// <param name="Certain">
/// False where the node may hold something else or nothing: it answered a message with an error, and the one before may
/// have been stored.
/// </param>
internal readonly record struct HeldVersion(string Uid, ulong ContentHash, bool Certain = true);

/// <summary>One object of a session: small while in sync, since a hub has many sessions of many objects.</summary>
internal sealed class HubEntry(ObjectKey key)
{
    public ObjectKey Key => key;

    /// <summary>What the node should hold; null where it should hold nothing.</summary>
    public KubeObject? Wanted { get; set; }

    /// <summary>What the node is known to hold.</summary>
    public HeldVersion? Held { get; set; }

    /// <summary>When the node said that it holds <see cref="Held"/>.</summary>
    public long HeldUnixMs { get; set; }

    /// <summary>What is on its way; null while nothing is.</summary>
    public Flight? Flight { get; set; }

    /// <summary>Null while the node holds the object as it should.</summary>
    public HubProgress? Progress { get; set; }

    /// <summary>The next in its queue.</summary>
    public HubEntry? NextQueued { get; set; }

    public bool IsQueued { get; set; }

    /// <summary>It is among those that wait for their next try, or was and has not been taken off the list.</summary>
    public bool IsListedFailed { get; set; }

    public bool IsCountedPending { get; set; }

    /// <summary>The inventory's answer waits for it.</summary>
    public bool IsAwaited { get; set; }

    public bool IsDirty => Wanted is null
        ? Held is not null
        : Held is not { Certain: true } held || held.Uid != Wanted.Uid || held.ContentHash != Wanted.ContentHash;
}

/// <summary>A message that waits for its acknowledgement.</summary>
internal sealed class Flight
{
    /// <summary>What follows the session's prefix in the message's id.</summary>
    public required long Number { get; init; }

    /// <summary>What is being sent; null for a delete.</summary>
    public required KubeObject? Object { get; init; }

    public required string Uid { get; init; }

    public required string Operation { get; init; }

    public required int Bytes { get; init; }

    /// <summary>When the change that it carries was seen, by the clock of the deadlines.</summary>
    public required long ChangedMs { get; init; }

    public required long ChangedUnixMs { get; init; }

    /// <summary>When it was first sent.</summary>
    public required long SentUnixMs { get; init; }

    public int Attempts { get; set; }

    /// <summary>When it is sent again, by the clock that never goes back.</summary>
    public long Deadline { get; set; }
}

/// <summary>What is worth knowing of an object only while the node does not hold it as it should.</summary>
internal sealed class HubProgress
{
    /// <summary>When the first change came that is not on its way; null where there is none.</summary>
    public long? ChangedMs { get; set; }

    public long ChangedUnixMs { get; set; }

    /// <summary>ResourceVersion of what the node holds, where it is known.</summary>
    public string HeldVersion { get; set; } = "";

    /// <summary>What the node answered in the place of an acknowledgement.</summary>
    public string? LastError { get; set; }

    /// <summary>Tries in a row that the node could not store.</summary>
    public int Failures { get; set; }

    /// <summary>When it is tried again after a failure, by the clock of the deadlines.</summary>
    public long RetryAt { get; set; } = long.MinValue;
}
