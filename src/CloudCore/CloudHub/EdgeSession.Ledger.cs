using EdgeSync.Protocol.Sync;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.CloudCore.CloudHub;

/// <summary>What the ledger reads of a session.</summary>
internal sealed partial class EdgeSession
{
    /// <summary>Bytes of the pending objects.</summary>
    public long PendingBytes
    {
        get
        {
            lock (_gate)
            {
                return _sync.PendingBytes;
            }
        }
    }

    /// <summary>Messages that were sent more than once.</summary>
    public long ResentCount
    {
        get
        {
            lock (_gate)
            {
                return _sync.ResentCount;
            }
        }
    }

    /// <summary>Whether the node has said what it holds, or is a peer that does not.</summary>
    public bool IsOpen
    {
        get
        {
            lock (_gate)
            {
                return _sync.IsOpen;
            }
        }
    }

    /// <summary>The facts of one object; null where the node neither holds nor should hold it.</summary>
    public ObjectFacts? Find(ObjectKey key)
    {
        lock (_gate)
        {
            return _sync.Find(key);
        }
    }

    /// <summary>What the node holds, and the addresses of what it does not hold as it should.</summary>
    public (IReadOnlyList<InventoryItem> Held, IReadOnlyList<ObjectKey> Pending) Holdings()
    {
        lock (_gate)
        {
            return ([.. _sync.Held()], [.. _sync.Pending()]);
        }
    }
}
