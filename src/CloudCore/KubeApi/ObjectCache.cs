using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.KubeApi;

/// <summary>One change of the cache. Old null: new object; New null: gone. A replaced object of the same name is gone first.</summary>
internal readonly record struct InformerChange(KubeObject? Old, KubeObject? New)
{
    public NamespacedName Name => NamespacedName.Of((New ?? Old)!);
}

/// <summary>
/// All objects of one kind as last listed or watched, and who is told of changes. No I/O and no clock: the informer feeds it,
/// and so can a simulation.
/// </summary>
internal sealed class ObjectCache
{
    // guards _objects and _handlers
    private readonly Lock _gate = new();
    private readonly Dictionary<NamespacedName, KubeObject> _objects = [];
    private readonly List<Subscription> _handlers = [];

    public KubeObject? Get(NamespacedName name)
    {
        lock (_gate)
        {
            return _objects.GetValueOrDefault(name);
        }
    }

    /// <summary>All objects now; a copy of the references.</summary>
    public IReadOnlyCollection<KubeObject> Snapshot()
    {
        lock (_gate)
        {
            return [.. _objects.Values];
        }
    }

    /// <summary>
    /// Announces what is there (Old null) and then every change, in order, with nothing lost between the two.
    /// The handler runs under the cache's lock: it may note keys and keep indexes, and must neither block, throw nor
    /// call this cache.
    /// </summary>
    public IDisposable Subscribe(Action<InformerChange> handler)
    {
        var subscription = new Subscription(this, handler);
        lock (_gate)
        {
            _handlers.Add(subscription);
            foreach (var value in _objects.Values)
            {
                handler(new InformerChange(null, value));
            }
        }

        return subscription;
    }

    /// <summary>The watch told of this version.</summary>
    public void Put(KubeObject value)
    {
        lock (_gate)
        {
            PutLocked(value);
        }
    }

    /// <summary>The watch told that the object is gone.</summary>
    /// <param name="last">The object as it was when it went; the cached one may be older.</param>
    public void Remove(KubeObject last)
    {
        lock (_gate)
        {
            RemoveLocked(NamespacedName.Of(last), last);
        }
    }

    /// <summary>A full list: it replaces what was known by difference, so that what went away unseen is announced as gone.</summary>
    public void Replace(IReadOnlyList<KubeObject> items)
    {
        lock (_gate)
        {
            var listed = new HashSet<NamespacedName>(items.Count);
            foreach (var item in items)
            {
                listed.Add(NamespacedName.Of(item));
            }

            foreach (var name in _objects.Keys.Where(name => !listed.Contains(name)).ToList())
            {
                RemoveLocked(name, null);
            }

            foreach (var item in items)
            {
                PutLocked(item);
            }
        }
    }

    private void PutLocked(KubeObject value)
    {
        var name = NamespacedName.Of(value);
        var old = _objects.GetValueOrDefault(name);
        if (old is not null && old.Uid != value.Uid)
        {
            RemoveLocked(name, null);
            old = null;
        }

        if (old is not null && old.ResourceVersion == value.ResourceVersion)
        {
            return;
        }

        _objects[name] = value;
        Announce(new InformerChange(old, value));
    }

    private void RemoveLocked(NamespacedName name, KubeObject? last)
    {
        if (_objects.Remove(name, out var cached))
        {
            Announce(new InformerChange(last ?? cached, null));
        }
    }

    private void Announce(InformerChange change)
    {
        foreach (var subscription in _handlers)
        {
            subscription.Handler(change);
        }
    }

    private void Unsubscribe(Subscription subscription)
    {
        lock (_gate)
        {
            _handlers.Remove(subscription);
        }
    }

    private sealed class Subscription(ObjectCache owner, Action<InformerChange> handler) : IDisposable
    {
        public Action<InformerChange> Handler { get; } = handler;

        public void Dispose() => owner.Unsubscribe(this);
    }
}
