using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Sync;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.CloudCore.Ledger;

/// <summary>How the updates of a time away ended.</summary>
/// <param name="Applied">Objects whose newest version the node has taken.</param>
/// <param name="Superseded">Versions that a newer one took the place of before the node could get them.</param>
internal readonly record struct AwayUpdates(int Applied, int Superseded);

/// <summary>
/// What a node held when its session ended, and how often its objects have changed since. Bounded by the node's objects:
/// a change is counted, not kept. Thread-safe.
/// </summary>
internal sealed class AwayObjects
{
    private readonly Lock _gate = new();
    private readonly Dictionary<ObjectKey, InventoryItem> _held;
    private readonly Dictionary<ObjectKey, (int Changes, string LastVersion)> _changes = []; // guarded by _gate

    /// <param name="held">What the node held at the end.</param>
    /// <param name="pending">What it did not hold as it should even then: an update each, still to come.</param>
    /// <param name="earlier">Of a time away after which the node had not caught up, if so.</param>
    public AwayObjects(IEnumerable<InventoryItem> held, IEnumerable<ObjectKey> pending, AwayObjects? earlier)
    {
        _held = held.ToDictionary(item => item.Key);
        if (earlier is not null)
        {
            lock (earlier._gate)
            {
                _changes = new(earlier._changes);
                _held = earlier._held;
            }
        }

        foreach (var key in pending)
        {
            _changes.TryAdd(key, (1, ""));
        }
    }

    /// <summary>Whether the node held this very version when it was last heard.</summary>
    public bool Holds(ObjectKey key, KubeObject wanted) =>
        _held.TryGetValue(key, out var item) && item.Uid == wanted.Uid && item.ContentHash == wanted.ContentHash;

    /// <summary>UID of what the node held; null where it held nothing.</summary>
    public string? HeldUid(ObjectKey key) => _held.TryGetValue(key, out var item) ? item.Uid : null;

    /// <summary>The addresses of what the node held or should hold since.</summary>
    public IReadOnlyCollection<ObjectKey> Keys()
    {
        lock (_gate)
        {
            return [.. _held.Keys.Union(_changes.Keys)];
        }
    }

    /// <summary>A change of an object in the node's scope; one that asks for nothing else (a status) does not count.</summary>
    public void Note(ObjectKey key, InformerChange? change)
    {
        if (change is { Old: { } old, New: { } now } && old.Uid == now.Uid && old.ContentHash == now.ContentHash)
        {
            return;
        }

        var version = (change?.New ?? change?.Old)?.ResourceVersion ?? "";
        lock (_gate)
        {
            var (changes, last) = _changes.GetValueOrDefault(key, (0, ""));
            if (changes > 0 && version.Length > 0 && version == last)
            {
                return; // the same change, told for two reasons
            }

            _changes[key] = (changes + 1, version);
        }
    }

    /// <summary>What became of the changes, now that the node holds what it should.</summary>
    /// <param name="lookup">The object as the node should hold it; null where it should hold none.</param>
    public AwayUpdates Settle(Func<ObjectKey, KubeObject?> lookup)
    {
        KeyValuePair<ObjectKey, (int Changes, string LastVersion)>[] changes;
        lock (_gate)
        {
            changes = [.. _changes];
        }

        var applied = 0;
        var superseded = 0;
        foreach (var (key, (count, _)) in changes)
        {
            var net = lookup(key) is { } wanted ? !Holds(key, wanted) : _held.ContainsKey(key);
            applied += net ? 1 : 0;
            superseded += net ? count - 1 : count;
        }

        return new AwayUpdates(applied, superseded);
    }
}
