using EdgeSync.Protocol.Wire;

namespace EdgeSync.Protocol.Sync;

/// <content>
/// What the node holds. It sends a digest for each type of object; where one differs from what the node should hold, the hub
/// asks for that type's inventory. Nothing else is sent before.
/// <code>
///   edge: digest ──▶ all equal: open                     ──▶ hub sends what is dirty (nothing) ──▶ answers the digest
///                └─▶ some differ: hub asks ──▶ inventory ──▶ open, hub sends what differs      ──▶ answers the digest
/// </code>
/// </content>
public sealed partial class HubSync
{
    private Message? _greeting; // the digest or complete inventory to be answered once everything that it lacked is held
    private IReadOnlyList<TypeDigest>? _digest; // received and not yet compared
    private Message? _ask;
    private long _askDeadline;
    private HashSet<string>? _askedTypes;
    private int _awaited; // objects that the greeting's answer waits for

    /// <summary>
    /// What the node holds: a digest, the inventory of the types that were asked for, or a complete inventory. Everything else of
    /// what was wanted is dirty; what is held and not wanted is removed, by UID. A second one in a session is as good as the first.
    /// Once the node has been brought to hold everything that it should, its first message is answered: from then on it may take what
    /// it was not sent for not wanted.
    /// </summary>
    /// <exception cref="ProtocolException">The content is neither.</exception>
    public void ReceiveInventory(Message message)
    {
        var report = Inventory.Read(message.Content);
        if (report.Digest is not null)
        {
            // compared when the next message is asked for: until then the owner may still be telling what is wanted
            _greeting = message;
            _digest = report.Digest;
            _ask = null;
            _open = false;
        }
        else if (report.Types is null)
        {
            _greeting = message;
            _digest = null;
            Take(report.Objects, null);
        }
        else if (_ask is not null && message.ParentId == _ask.Id && _askedTypes!.SetEquals(report.Types))
        {
            Take(report.Objects, _askedTypes);
        }
        else
        {
            UnknownAnswers++;
        }
    }

    private bool TryTakeInventory(long nowMs, long unixMs, out Message message)
    {
        message = null!;
        if (_digest is { } digest)
        {
            _digest = null;
            Compare(digest, nowMs, unixMs);
        }

        if (_ask is not null && nowMs >= _askDeadline)
        {
            _askDeadline = nowMs + _options.ResendAfterMs;
            message = _ask;
            return true;
        }

        if (_open && _greeting is { } answered && _awaited == 0)
        {
            _greeting = null;
            message = FromHub(answered.Id, Operations.Response, MessageContent.Ok, unixMs);
            return true;
        }

        return false;
    }

    private void Compare(IReadOnlyList<TypeDigest> held, long nowMs, long unixMs)
    {
        var wanted = Inventory.Digest(_entries.Values
            .Where(e => e.Wanted is not null)
            .Select(e => new InventoryItem(e.Key, e.Wanted!.Uid, e.Wanted.ContentHash)));
        var differing = held.Where(h => h.Count > 0 && !wanted.Contains(h)).Select(h => h.Type).ToHashSet();
        var equal = wanted.Intersect(held).Select(w => w.Type).ToHashSet();
        foreach (var entry in _entries.Values)
        {
            entry.Held = entry.Wanted is { } same && equal.Contains(entry.Key.Type) ? new HeldVersion(same.Uid, same.ContentHash) : null;
            entry.HeldUnixMs = entry.Held is null ? 0 : _unixMs;
        }

        if (differing.Count == 0)
        {
            Open();
            return;
        }

        _askedTypes = differing;
        _ask = FromHub(_greeting!.Id, Operations.Inventory, Inventory.WriteAsk(differing), unixMs);
        _askDeadline = nowMs;
    }

    private void Take(IReadOnlyList<InventoryItem> items, HashSet<string>? types)
    {
        foreach (var entry in _entries.Values)
        {
            if (types is null || types.Contains(entry.Key.Type))
            {
                entry.Held = null;
            }
        }

        foreach (var item in items)
        {
            if (types is null || types.Contains(item.Key.Type))
            {
                var entry = _entries.GetValueOrDefault(item.Key) ?? Add(item.Key);
                entry.Held = new HeldVersion(item.Uid, item.ContentHash);
                entry.HeldUnixMs = _unixMs;
            }
        }

        Open();
    }

    private void Open()
    {
        _ask = null;
        _askedTypes = null;
        _open = true;
        _awaited = 0;
        foreach (var entry in _entries.Values.ToArray())
        {
            entry.IsAwaited = entry.IsDirty || entry.Flight is not null;
            _awaited += entry.IsAwaited ? 1 : 0;
        }

        foreach (var entry in _entries.Values.ToArray())
        {
            Review(entry);
        }
    }

    /// <summary>The node holds the object, in the version of when it said what it holds or a later one.</summary>
    private void Answered(HubEntry entry)
    {
        if (entry.IsAwaited)
        {
            entry.IsAwaited = false;
            _awaited--;
        }
    }

    private Message FromHub(string parentId, string operation, ReadOnlyMemory<byte> content, long unixMs) => new()
    {
        Id = $"{_options.IdPrefix}{++_lastId}",
        ParentId = parentId,
        Timestamp = unixMs,
        Source = Sources.CloudHub,
        Group = Groups.Resource,
        Operation = operation,
        Resource = Operations.Inventory,
        Content = content,
    };
}
