using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.Garbage;

/// <summary>What an object's deletion waits for, as far as the garbage collector has to see to it.</summary>
internal enum Leaving
{
    No,

    /// <summary>It is on its way out, and nothing of ours holds it.</summary>
    Deleting,

    /// <summary>It goes after those dependents that block it (finalizer <c>foregroundDeletion</c>).</summary>
    Foreground,

    /// <summary>It goes after its dependents have been let go (finalizer <c>orphan</c>).</summary>
    Orphan,
}

/// <summary>An object that has owners, or that the collector must see off. Immutable; a change is a new one.</summary>
internal sealed record OwnedObject(ApiResource Resource, NamespacedName Name, string Uid, IReadOnlyList<OwnerReference> Owners, Leaving Leaving);

/// <summary>
/// Who is owned by whom, over all resources, from metadata alone. Objects without owners are not kept: what is not owned and
/// owns nothing costs nothing. Written by the watches, read by the workers; one lock, and nothing waits inside it.
/// </summary>
/// <param name="collect">Called with the UID of an object whose owners have to be looked at; under the lock, so it only notes.</param>
/// <param name="seeOff">Called with the UID of an object that waits for its dependents; likewise.</param>
internal sealed class OwnerGraph(Action<string> collect, Action<string> seeOff)
{
    public const string ForegroundFinalizer = "foregroundDeletion";
    public const string OrphanFinalizer = "orphan";

    private readonly Lock _gate = new();
    private readonly Dictionary<string, OwnedObject> _objects = []; // by UID
    private readonly Dictionary<string, Ownership> _owners = []; // by the owner's UID

    /// <summary>How many objects are kept.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _objects.Count;
            }
        }
    }

    public OwnedObject? Find(string uid)
    {
        lock (_gate)
        {
            return _objects.GetValueOrDefault(uid);
        }
    }

    public IReadOnlyList<OwnedObject> DependentsOf(string uid)
    {
        lock (_gate)
        {
            return _owners.TryGetValue(uid, out var owner) ? [.. owner.Dependents.Values] : [];
        }
    }

    /// <summary>
    /// Whether the owner was there, for dependents in <paramref name="ns"/>, when somebody looked, and nothing has been heard of it
    /// since.
    /// </summary>
    public bool IsKnownToStay(string owner, string ns)
    {
        lock (_gate)
        {
            return _owners.TryGetValue(owner, out var found) && found.StaysFor(ns);
        }
    }

    /// <summary>To be asked before the API is, and given to <see cref="NoteStays"/> with its answer.</summary>
    public int ChangesOf(string owner)
    {
        lock (_gate)
        {
            return _owners.TryGetValue(owner, out var found) ? found.Changes : 0;
        }
    }

    /// <summary>
    /// The API has the owner in <paramref name="ns"/> (empty: it belongs to the cluster), and it is not leaving. An answer that a
    /// change has overtaken counts for nothing.
    /// </summary>
    public void NoteStays(string owner, string ns, int changes)
    {
        lock (_gate)
        {
            if (_owners.TryGetValue(owner, out var found) && found.Changes == changes)
            {
                found.StaysIn = ns;
            }
        }
    }

    /// <summary>An object as a watch shows it.</summary>
    public void Put(ApiResource resource, KubeObject item)
    {
        var metadata = item.View(KubernetesJson.Default.AnyObject).Metadata;
        var leaving = LeavingOf(item, metadata.Finalizers ?? []);
        var name = new NamespacedName(item.Namespace, item.Name);
        lock (_gate)
        {
            _objects.TryGetValue(item.Uid, out var old);
            var owners = Share(metadata.OwnerReferences ?? []);
            if (owners.Length == 0 && leaving is Leaving.No or Leaving.Deleting)
            {
                if (old is not null)
                {
                    Unlink(old);
                }

                return;
            }

            var now = new OwnedObject(resource, name, item.Uid, owners, leaving);
            if (old is not null && old.Leaving == leaving && old.Owners.SequenceEqual(owners))
            {
                return;
            }

            Link(old, now);
            NoteLeaving(old, now);
        }
    }

    /// <summary>An object that is gone.</summary>
    public void Remove(string uid)
    {
        lock (_gate)
        {
            if (_objects.TryGetValue(uid, out var old))
            {
                Unlink(old);
            }

            NoteGone(uid);
        }
    }

    /// <summary>All objects of a resource, as a list shows them: what is not among them is gone.</summary>
    public void Replace(ApiResource resource, IReadOnlyList<KubeObject> items)
    {
        var present = items.Select(item => item.Uid).ToHashSet();
        List<string> gone;
        lock (_gate)
        {
            gone =
            [
                .. _objects.Values.Where(o => o.Resource == resource && !present.Contains(o.Uid)).Select(o => o.Uid),
                .. _owners.Where(o => IsOf(o.Value.Reference, resource) && !present.Contains(o.Key)).Select(o => o.Key),
            ];
        }

        foreach (var item in items)
        {
            Put(resource, item);
        }

        foreach (var uid in gone.Distinct())
        {
            Remove(uid);
        }
    }

    /// <summary>The resource is not served any more; what there is of it cannot be asked for.</summary>
    public void Forget(ApiResource resource)
    {
        lock (_gate)
        {
            foreach (var found in _objects.Values.Where(o => o.Resource == resource).ToList())
            {
                Unlink(found);
            }
        }
    }

    /// <summary>Notes everything that may have to be looked at, changed or not.</summary>
    public void NoteAll()
    {
        lock (_gate)
        {
            foreach (var found in _objects.Values)
            {
                if (found.Leaving is Leaving.Foreground or Leaving.Orphan)
                {
                    seeOff(found.Uid);
                }

                if (found.Owners.Count > 0)
                {
                    collect(found.Uid);
                }
            }

            // a note that was lost may have been that of an owner's end
            foreach (var owner in _owners.Values)
            {
                owner.StaysIn = null;
            }
        }
    }

    /// <summary>The version of a reference may be an older one of the same group.</summary>
    public static bool IsOf(OwnerReference owner, ApiResource resource) =>
        owner.Kind == resource.Kind && GroupOf(owner.ApiVersion) == resource.Group;

    public static string GroupOf(string apiVersion)
    {
        var slash = apiVersion.IndexOf('/', StringComparison.Ordinal);
        return slash < 0 ? "" : apiVersion[..slash];
    }

    public static Leaving LeavingOf(KubeObject item, IReadOnlyList<string> finalizers) => !item.IsDeleting ? Leaving.No
        : finalizers.Contains(OrphanFinalizer) ? Leaving.Orphan
        : finalizers.Contains(ForegroundFinalizer) ? Leaving.Foreground : Leaving.Deleting;

    private void Link(OwnedObject? old, OwnedObject now)
    {
        _objects[now.Uid] = now;
        foreach (var owner in now.Owners)
        {
            if (!_owners.TryGetValue(owner.Uid, out var found))
            {
                _owners[owner.Uid] = found = new Ownership(owner);
            }

            found.Dependents[now.Uid] = now;
            if (!found.StaysFor(now.Name.Namespace))
            {
                collect(now.Uid);
            }
        }

        foreach (var owner in old?.Owners ?? [])
        {
            if (!now.Owners.Any(o => o.Uid == owner.Uid))
            {
                Leave(owner.Uid, now.Uid);
            }
            else if (owner.BlockOwnerDeletion == true && !now.Owners.Any(o => o.Uid == owner.Uid && o.BlockOwnerDeletion == true))
            {
                NoteWaiting(owner.Uid);
            }
        }
    }

    private void Unlink(OwnedObject old)
    {
        _objects.Remove(old.Uid);
        foreach (var owner in old.Owners)
        {
            Leave(owner.Uid, old.Uid);
        }
    }

    /// <summary>An owner may have waited for this dependent.</summary>
    private void Leave(string owner, string dependent)
    {
        if (_owners.TryGetValue(owner, out var found) && found.Dependents.Remove(dependent) && found.Dependents.Count == 0)
        {
            _owners.Remove(owner);
        }

        NoteWaiting(owner);
    }

    private void NoteWaiting(string owner)
    {
        if (_objects.TryGetValue(owner, out var found) && found.Leaving == Leaving.Foreground)
        {
            seeOff(owner);
        }
    }

    private void NoteLeaving(OwnedObject? old, OwnedObject now)
    {
        if (now.Leaving == old?.Leaving || now.Leaving is not (Leaving.Foreground or Leaving.Orphan))
        {
            return;
        }

        seeOff(now.Uid);
        if (now.Leaving == Leaving.Foreground)
        {
            NoteGone(now.Uid);
        }
    }

    /// <summary>The dependents of an owner that is gone or leaving have to be looked at.</summary>
    private void NoteGone(string uid)
    {
        if (!_owners.TryGetValue(uid, out var owner))
        {
            return;
        }

        owner.StaysIn = null;
        owner.Changes++;
        foreach (var dependent in owner.Dependents.Keys)
        {
            collect(dependent);
        }
    }

    /// <summary>The thousand pods of one owner hold one reference to it, not a thousand alike.</summary>
    private OwnerReference[] Share(IReadOnlyList<OwnerReference> references)
    {
        if (references.Count == 0)
        {
            return [];
        }

        var shared = new OwnerReference[references.Count];
        for (var i = 0; i < shared.Length; i++)
        {
            shared[i] = _owners.TryGetValue(references[i].Uid, out var known) && known.Reference == references[i] ? known.Reference : references[i];
        }

        return shared;
    }

    /// <summary>What is known of one owner, which need not be there.</summary>
    private sealed class Ownership(OwnerReference reference)
    {
        public OwnerReference Reference { get; } = reference;

        public Dictionary<string, OwnedObject> Dependents { get; } = [];

        /// <summary>Where it is known to stay: its namespace, empty for one of the cluster; null where that is not known.</summary>
        public string? StaysIn { get; set; }

        public int Changes { get; set; }

        /// <summary>A dependent's owner is one in its own namespace: the same UID elsewhere is none.</summary>
        public bool StaysFor(string ns) => StaysIn is "" || StaysIn == ns;
    }
}
