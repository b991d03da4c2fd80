using EdgeSync.Protocol.Wire;

namespace EdgeSync.Protocol.Sync;

/// <summary>A received object on its way to the disk.</summary>
/// <param name="Change">What to store.</param>
/// <param name="Received">The message that brought it.</param>
/// <param name="Session">The session that it came by; its acknowledgement goes to no other.</param>
public sealed record PendingStore(ObjectChange Change, Message Received, long Session);

/// <summary>What became of a received message.</summary>
public enum Receipt
{
    /// <summary>An object, on its way to the disk.</summary>
    Object,

    /// <summary>A resend of one that is on its way to the disk.</summary>
    Duplicate,

    /// <summary>The hub has taken an upload.</summary>
    Answer,

    /// <summary>The hub wants to know what the node holds of some types.</summary>
    Asked,

    /// <summary>The hub has sent everything that this node should hold: what it did not send is not wanted.</summary>
    Synced,

    /// <summary>The hub will never take an upload (its object is gone, or it is invalid).</summary>
    Rejected,

    /// <summary>The hub could not take an upload now.</summary>
    Retry,

    /// <summary>An answer to nothing that is on its way.</summary>
    LateAnswer,

    /// <summary>An object that cannot be read; the hub has been told.</summary>
    Malformed,

    /// <summary>A message that this agent has no use for.</summary>
    Ignored,
}

/// <summary>Why an outbox entry is done.</summary>
public enum SettleReason
{
    /// <summary>The API has it.</summary>
    Taken,

    /// <summary>The API will never take it.</summary>
    Rejected,

    /// <summary>Its content had nothing left to say.</summary>
    NothingToSay,
}

/// <summary>An outbox entry that is done, as it was sent.</summary>
public sealed record Settlement(OutboxEntry Entry, SettleReason Reason);
