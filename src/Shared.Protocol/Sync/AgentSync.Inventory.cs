using EdgeSync.Protocol.Wire;

namespace EdgeSync.Protocol.Sync;

/// <content>
/// What the node holds, told to a hub that knows the extension: a digest first, then the objects of the types that the hub asks
/// for. Said only while nothing is on its way to the disk: what an earlier session brought may still be written, and would otherwise be
/// held without the hub's knowing.
/// </content>
public sealed partial class AgentSync
{
    private Func<IEnumerable<InventoryItem>>? _held;
    private long _digestDue = long.MaxValue; // when the digest is to be sent (again); never once the hub has reacted
    private string? _digestId; // until it is answered
    private Message? _ask; // the hub's question, until it is answered
    private IReadOnlyList<string> _askedTypes = [];

    private Receipt ReceiveAsk(Message message)
    {
        if (_digestId is null || message.ParentId != _digestId)
        {
            LateAnswers++;
            return Receipt.LateAnswer;
        }

        IReadOnlyList<string>? types;
        try
        {
            types = Inventory.Read(message.Content).Types;
        }
        catch (ProtocolException)
        {
            types = null;
        }

        if (types is null)
        {
            return Receipt.Malformed;
        }

        _digestDue = long.MaxValue;
        _ask = message;
        _askedTypes = types;
        return Receipt.Asked;
    }

    private bool TryTakeInventory(long nowMs, long unixMs, out Message message)
    {
        message = null!;
        if (_held is null || _storing > 0 || _toStore.Count > 0)
        {
            return false;
        }

        if (_ask is { } ask)
        {
            _ask = null;
            var asked = _askedTypes.ToHashSet();
            message = Tell(NextId(), ask.Id, Inventory.Write(_held().Where(h => asked.Contains(h.Key.Type)), asked), unixMs);
            return true;
        }

        if (nowMs >= _digestDue)
        {
            _digestDue = nowMs + options.AnswerTimeoutMs;
            _digestId ??= NextId();
            message = Tell(_digestId, "", Inventory.WriteDigest(Inventory.Digest(_held())), unixMs);
            return true;
        }

        return false;
    }

    private void ForgetInventory()
    {
        _held = null;
        _digestDue = long.MaxValue;
        _digestId = null;
        _ask = null;
    }

    private static Message Tell(string id, string parentId, byte[] content, long unixMs) => new()
    {
        Id = id,
        ParentId = parentId,
        Timestamp = unixMs,
        Source = Sources.MetaManager,
        Group = Groups.Resource,
        Operation = Operations.Inventory,
        Resource = Operations.Inventory,
        Content = content,
    };
}
