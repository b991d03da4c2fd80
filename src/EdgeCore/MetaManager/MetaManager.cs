using System.Collections.Immutable;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;
using EdgeSync.Storage;

namespace EdgeSync.EdgeCore.MetaManager;

/// <summary>
/// The objects that the hub assigned to this node: durable in SQLite, served from memory. Everything on the box
/// reads them here, with or without a cloud. Changes are announced by key; who is told reads the current state.
/// </summary>
internal sealed class MetaManager
{
    private readonly Database _database;
    private readonly Lock _gate = new();
    private readonly List<Subscription> _subscriptions = []; // guarded by _gate
    private ImmutableDictionary<ObjectKey, KubeObject> _objects; // swapped by the one applier, read by all

    /// <summary>Reads what is stored. Rows that cannot be read are reported in <see cref="BrokenRows"/> and left out.</summary>
    public MetaManager(Database database)
    {
        _database = database;
        var objects = ImmutableDictionary.CreateBuilder<ObjectKey, KubeObject>();
        var broken = new List<string>();
        foreach (var (key, value) in database.Read(session => session.Query(
            "SELECT key, value FROM meta", row => (row.GetString(0), row.GetFieldValue<byte[]>(1)))))
        {
            try
            {
                if (!ObjectKey.TryParse(key, out var parsed))
                {
                    throw new KubeObjectException("the key is not namespace/type/name");
                }

                objects[parsed] = KubeObject.Parse(value);
            }
            catch (KubeObjectException e)
            {
                broken.Add($"{key}: {e.Message}");
            }
        }

        BrokenRows = broken;
        _objects = objects.ToImmutable();
    }

    /// <summary>What could not be read at start, in words; the hub sends it again.</summary>
    public IReadOnlyList<string> BrokenRows { get; }

    /// <summary>The object, or null where this node has none at that address.</summary>
    public KubeObject? Get(ObjectKey key) => _objects.GetValueOrDefault(key);

    /// <summary>All objects of one type (<see cref="ResourceTypes"/>), as they are now.</summary>
    public IReadOnlyList<KubeObject> List(string type) =>
        [.. _objects.Where(o => o.Key.Type == type).Select(o => o.Value)];

    /// <summary>Every object with its address, as they are now.</summary>
    public IReadOnlyDictionary<ObjectKey, KubeObject> Snapshot() => _objects;

    /// <summary>
    /// Calls <paramref name="changed"/> with the key of each later change to an object of <paramref name="type"/>.
    /// The handler must only note the key and return; it runs on the thread that applies.
    /// </summary>
    public IDisposable Subscribe(string type, Action<ObjectKey> changed)
    {
        var subscription = new Subscription(this, type, changed);
        lock (_gate)
        {
            _subscriptions.Add(subscription);
        }

        return subscription;
    }

    /// <summary>
    /// Stores the changes in one transaction; when the task completes they are on disk, visible to readers and
    /// announced. <paramref name="alsoStore"/> runs in the same transaction. One caller at a time.
    /// </summary>
    public async Task ApplyAsync(
        IReadOnlyList<ObjectChange> changes, Action<SqlSession>? alsoStore, CancellationToken cancellationToken)
    {
        await _database.WriteAsync(
            session =>
            {
                foreach (var change in changes)
                {
                    Store(session, change);
                }

                alsoStore?.Invoke(session);
                Failpoint.Hit(EdgeFailpoints.ObjectWritten);
            },
            cancellationToken);
        Failpoint.Hit(EdgeFailpoints.ObjectCommitted);

        var objects = _objects.ToBuilder();
        var changedKeys = new List<ObjectKey>(changes.Count);
        foreach (var change in changes)
        {
            if (change.Object is not null)
            {
                objects[change.Key] = change.Object;
            }
            else if (!objects.TryGetValue(change.Key, out var present) || !Fits(present, change.Uid) || !objects.Remove(change.Key))
            {
                continue;
            }

            changedKeys.Add(change.Key);
        }

        _objects = objects.ToImmutable();
        Announce(changedKeys);
    }

    private static void Store(SqlSession session, ObjectChange change)
    {
        var key = change.Key.ToString();
        if (change.Object is { } stored)
        {
            session.Execute(
                "INSERT OR REPLACE INTO meta (key, type, uid, resource_version, content_hash, value) VALUES ($1, $2, $3, $4, $5, $6)",
                key, change.Key.Type, stored.Uid, stored.ResourceVersion, (long)stored.ContentHash, stored.Json.ToArray());
            return;
        }

        session.Execute("DELETE FROM meta WHERE key = $1 AND ($2 = '' OR uid = $2)", key, change.Uid);
    }

    private static bool Fits(KubeObject present, string uid) => uid.Length == 0 || present.Uid == uid;

    private void Announce(List<ObjectKey> keys)
    {
        Subscription[] subscriptions;
        lock (_gate)
        {
            subscriptions = [.. _subscriptions];
        }

        foreach (var key in keys)
        {
            foreach (var subscription in subscriptions)
            {
                if (subscription.Type == key.Type)
                {
                    subscription.Changed(key);
                }
            }
        }
    }

    private sealed class Subscription(MetaManager owner, string type, Action<ObjectKey> changed) : IDisposable
    {
        public string Type => type;

        public Action<ObjectKey> Changed => changed;

        public void Dispose()
        {
            lock (owner._gate)
            {
                owner._subscriptions.Remove(this);
            }
        }
    }
}
