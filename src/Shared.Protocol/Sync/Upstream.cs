using EdgeSync.Protocol.Wire;

namespace EdgeSync.Protocol.Sync;

/// <summary>The order in which upstream messages leave the edge; lower first.</summary>
public enum Lane
{
    /// <summary>Node registration and status.</summary>
    Control = 0,

    /// <summary>Pod status and pod deletion.</summary>
    Pods = 1,

    /// <summary>Reported twin values and device states.</summary>
    Twins = 2,

    /// <summary>Events and routed application messages.</summary>
    Bulk = 3,
}

/// <summary>A message on its way to the hub.</summary>
/// <param name="Key">
/// What the message is about. A later latest-wins message of the same key replaces an earlier one that has not left.
/// </param>
/// <param name="Lane">Its place in the order of sending.</param>
/// <param name="Each">True where every message must arrive (FIFO); false where only the last of its key matters.</param>
/// <param name="Source">KubeEdge's module name.</param>
/// <param name="Group">KubeEdge's receiver group.</param>
/// <param name="Operation">The verb.</param>
/// <param name="Resource">The wire resource, without the node prefix.</param>
/// <param name="Content">Raw JSON; null where the content is made when the message is sent.</param>
public sealed record UpstreamMessage(
    string Key, Lane Lane, bool Each, string Source, string Group, string Operation, string Resource, byte[]? Content)
{
    /// <summary>What the message is, which says whether it may be lost when too much waits.</summary>
    public OutboxKind Kind => KindOf(Each, Resource);

    /// <inheritdoc cref="Kind"/>
    public static OutboxKind KindOf(bool each, string resource) => !each ? OutboxKind.LastValue
        : ObjectKey.TryParse(resource, out var key) && key.Type == ResourceTypes.Event ? OutboxKind.Event : OutboxKind.Routed;
}

/// <summary>A stored upstream message.</summary>
/// <param name="Seq">Grows with every put; never reused.</param>
/// <param name="Message">The message.</param>
public sealed record OutboxEntry(long Seq, UpstreamMessage Message);
