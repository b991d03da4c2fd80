using EdgeSync.CloudCore.KubeApi;

namespace EdgeSync.CloudCore.CloudHub.KubeEdge;

/// <summary>
/// The records by node, as the API has them and as they are about to be written. What waits for its write wins over what the
/// API says; of one record only the last wish waits.
/// </summary>
internal sealed class RecordIndex
{
    private readonly Lock _gate = new();

    // both guarded by _gate
    private readonly Dictionary<string, Dictionary<string, SyncRecord>> _records = []; // node → UID → record
    private readonly Dictionary<(string Node, string Uid), Waiting> _waiting = [];

    /// <summary>Records that wait for their write.</summary>
    public int WaitingCount
    {
        get
        {
            lock (_gate)
            {
                return _waiting.Count;
            }
        }
    }

    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _records.Values.Sum(r => r.Count);
            }
        }
    }

    public IReadOnlyList<string> Nodes
    {
        get
        {
            lock (_gate)
            {
                return [.. _records.Keys];
            }
        }
    }

    public IReadOnlyList<SyncRecord> Of(string node)
    {
        lock (_gate)
        {
            return _records.TryGetValue(node, out var records) ? [.. records.Values] : [];
        }
    }

    public bool Has(string node, string uid)
    {
        lock (_gate)
        {
            return _records.TryGetValue(node, out var records) && records.ContainsKey(uid);
        }
    }

    /// <summary>The API's word. Called under the cache's lock.</summary>
    public void OnChange(InformerChange change)
    {
        lock (_gate)
        {
            if (change.New is not null)
            {
                if (SyncRecord.Read(change.New) is { } record && !_waiting.ContainsKey((record.Node, record.Uid)))
                {
                    Put(record);
                }
            }
            else if (SyncRecord.TrySplit(change.Old!.Name, out var node, out var uid) && !_waiting.ContainsKey((node, uid)))
            {
                Remove(node, uid);
            }
        }
    }

    /// <summary>The record has been created in the API.</summary>
    public void Created(SyncRecord record)
    {
        lock (_gate)
        {
            if (!_records.TryGetValue(record.Node, out var records) || !records.ContainsKey(record.Uid))
            {
                Put(record);
            }
        }
    }

    /// <summary>The record is to be written.</summary>
    public void Write(SyncRecord record)
    {
        lock (_gate)
        {
            Put(record);
            _waiting[(record.Node, record.Uid)] = new Waiting(record, IsRemoval: false);
        }
    }

    /// <summary>The record is to be removed; nothing where there is none.</summary>
    public void Drop(string node, string uid)
    {
        lock (_gate)
        {
            if (_records.TryGetValue(node, out var records) && records.TryGetValue(uid, out var record))
            {
                Remove(node, uid);
                _waiting[(node, uid)] = new Waiting(record, IsRemoval: true);
            }
        }
    }

    /// <summary>What waits for its write now.</summary>
    public IReadOnlyList<Waiting> TakeWaiting()
    {
        lock (_gate)
        {
            return [.. _waiting.Values];
        }
    }

    /// <summary>It has been written; a later wish goes on waiting.</summary>
    public void Written(Waiting written)
    {
        lock (_gate)
        {
            var key = (written.Record.Node, written.Record.Uid);
            if (_waiting.GetValueOrDefault(key) == written)
            {
                _waiting.Remove(key);
            }
        }
    }

    private void Put(SyncRecord record)
    {
        if (!_records.TryGetValue(record.Node, out var records))
        {
            _records.Add(record.Node, records = []);
        }

        records[record.Uid] = record;
    }

    private void Remove(string node, string uid)
    {
        if (_records.TryGetValue(node, out var records) && records.Remove(uid) && records.Count == 0)
        {
            _records.Remove(node);
        }
    }

    /// <summary>One write that waits.</summary>
    internal sealed record Waiting(SyncRecord Record, bool IsRemoval);
}
