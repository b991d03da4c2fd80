using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.CloudCore.CloudHub;

/// <summary>
/// Which objects each node should hold: its Node, the pods bound to it, the ConfigMaps and Secrets that those pods name,
/// its Devices and their DeviceModels. Nothing else ever reaches a node. Kept up to date from the informers' caches; sessions are
/// told by key and look the object up.
/// </summary>
internal sealed class NodeScope : IDisposable
{
    private readonly IReadOnlyDictionary<string, ObjectCache> _caches; // by wire type
    private readonly Lock _gate = new();

    // all guarded by _gate
    private readonly Dictionary<string, Dictionary<ObjectKey, int>> _uses = []; // node → key → how many reasons
    private readonly Dictionary<ObjectKey, Contribution> _contributions = []; // pod or device → what it makes its node hold
    private readonly Dictionary<ObjectKey, HashSet<string>> _holders = []; // key → nodes
    private readonly Dictionary<string, Action<ObjectKey, InformerChange?>> _listeners = []; // node → its session, or the ledger while it is away
    private readonly List<IDisposable> _subscriptions = [];

    public NodeScope(IReadOnlyDictionary<string, ObjectCache> caches)
    {
        _caches = caches;
        foreach (var (type, cache) in caches)
        {
            _subscriptions.Add(cache.Subscribe(change => OnChange(type, change)));
        }
    }

    /// <summary>
    /// Tells <paramref name="changed"/> the key of everything that the node should hold, and of every later change of it.
    /// One listener for each node: a later one takes the earlier one's place.
    /// </summary>
    public IDisposable Listen(string node, Action<ObjectKey> changed)
    {
        var listener = Observe(node, (key, _) => changed(key));
        changed(new ObjectKey("", ResourceTypes.Node, node));
        foreach (var key in KeysOf(node))
        {
            changed(key);
        }

        return listener;
    }

    /// <summary>
    /// Tells <paramref name="changed"/> every later change only, and where it was the object itself that changed, how: null where
    /// the node has begun or ceased to need it. Takes the place of a listener, and the next listener its.
    /// </summary>
    public IDisposable Observe(string node, Action<ObjectKey, InformerChange?> changed)
    {
        lock (_gate)
        {
            _listeners[node] = changed;
        }

        return new Listener(this, node, changed);
    }

    /// <summary>Everything that the node should hold besides its Node.</summary>
    public IReadOnlyList<ObjectKey> KeysOf(string node)
    {
        lock (_gate)
        {
            return _uses.TryGetValue(node, out var uses) ? [.. uses.Keys] : [];
        }
    }

    /// <summary>The nodes that should hold the object.</summary>
    public IReadOnlyList<string> HoldersOf(ObjectKey key)
    {
        if (key.Type == ResourceTypes.Node)
        {
            return [key.Name];
        }

        lock (_gate)
        {
            return _holders.TryGetValue(key, out var nodes) ? [.. nodes] : [];
        }
    }

    /// <summary>What a pod or device makes its node hold besides itself; null for one that is bound to no node.</summary>
    public Contribution? ContributionOf(ObjectKey owner)
    {
        lock (_gate)
        {
            return _contributions.GetValueOrDefault(owner);
        }
    }

    /// <summary>The object, whoever should hold it; null where the API has none.</summary>
    public KubeObject? Find(ObjectKey key) => _caches.GetValueOrDefault(key.Type)?.Get(new NamespacedName(key.Namespace, key.Name));

    /// <summary>The object as the node should hold it now; null where it should not hold it.</summary>
    public KubeObject? Lookup(string node, ObjectKey key)
    {
        if (!_caches.TryGetValue(key.Type, out var cache) || !Holds(node, key))
        {
            return null;
        }

        return cache.Get(new NamespacedName(key.Namespace, key.Name));
    }

    /// <summary>Every device that is a member of the node.</summary>
    public IReadOnlyList<KubeObject> DevicesOf(string node)
    {
        return [.. KeysOf(node).Where(k => k.Type == ResourceTypes.Device).Select(k => Lookup(node, k)).OfType<KubeObject>()];
    }

    public void Dispose()
    {
        foreach (var subscription in _subscriptions)
        {
            subscription.Dispose();
        }
    }

    /// <summary>Whether the node should hold an object of that address, if there is one.</summary>
    public bool Holds(string node, ObjectKey key)
    {
        if (key.Type == ResourceTypes.Node)
        {
            return key.Name == node;
        }

        lock (_gate)
        {
            return _uses.TryGetValue(node, out var uses) && uses.ContainsKey(key);
        }
    }

    private void OnChange(string type, InformerChange change)
    {
        var changed = (change.New ?? change.Old)!;
        var key = changed.Key(type);
        List<(Action<ObjectKey, InformerChange?> Listener, ObjectKey Key)> notify = [];
        lock (_gate)
        {
            if (type == ResourceTypes.Node)
            {
                Collect(notify, key.Name, key);
            }
            else if (type is ResourceTypes.Pod or ResourceTypes.Device && !AsksTheSame(change))
            {
                Replace(notify, key, change.New is null ? null : Contribution.Read(type, change.New));
            }

            if (_holders.TryGetValue(key, out var nodes))
            {
                foreach (var node in nodes)
                {
                    Collect(notify, node, key);
                }
            }
        }

        foreach (var (listener, changedKey) in notify)
        {
            listener(changedKey, changedKey == key ? change : null);
        }
    }

    /// <summary>Whether only what is reported has changed: then the node should hold what it should before, and nothing is read anew.</summary>
    private static bool AsksTheSame(InformerChange change) =>
        change is { Old: { } old, New: { } now } && old.ContentHash == now.ContentHash;

    private void Replace(List<(Action<ObjectKey, InformerChange?>, ObjectKey)> notify, ObjectKey owner, Contribution? next)
    {
        var previous = _contributions.GetValueOrDefault(owner);
        if (next is not null)
        {
            _contributions[owner] = next;
            Add(notify, next.Node, owner);
            foreach (var key in next.Keys)
            {
                Add(notify, next.Node, key);
            }
        }
        else
        {
            _contributions.Remove(owner);
        }

        if (previous is not null)
        {
            Remove(notify, previous.Node, owner);
            foreach (var key in previous.Keys)
            {
                Remove(notify, previous.Node, key);
            }
        }
    }

    private void Add(List<(Action<ObjectKey, InformerChange?>, ObjectKey)> notify, string node, ObjectKey key)
    {
        if (!_uses.TryGetValue(node, out var uses))
        {
            _uses.Add(node, uses = []);
        }

        uses[key] = uses.GetValueOrDefault(key) + 1;
        if (uses[key] > 1)
        {
            return;
        }

        if (!_holders.TryGetValue(key, out var holders))
        {
            _holders.Add(key, holders = []);
        }

        holders.Add(node);
        Collect(notify, node, key);
    }

    private void Remove(List<(Action<ObjectKey, InformerChange?>, ObjectKey)> notify, string node, ObjectKey key)
    {
        var uses = _uses[node];
        if (--uses[key] > 0)
        {
            return;
        }

        uses.Remove(key);
        if (uses.Count == 0)
        {
            _uses.Remove(node);
        }

        var holders = _holders[key];
        holders.Remove(node);
        if (holders.Count == 0)
        {
            _holders.Remove(key);
        }

        Collect(notify, node, key);
    }

    private void Collect(List<(Action<ObjectKey, InformerChange?>, ObjectKey)> notify, string node, ObjectKey key)
    {
        if (_listeners.TryGetValue(node, out var listener))
        {
            notify.Add((listener, key));
        }
    }

    private sealed class Listener(NodeScope owner, string node, Action<ObjectKey, InformerChange?> changed) : IDisposable
    {
        public void Dispose()
        {
            lock (owner._gate)
            {
                if (owner._listeners.TryGetValue(node, out var current) && current == changed)
                {
                    owner._listeners.Remove(node);
                }
            }
        }
    }
}
