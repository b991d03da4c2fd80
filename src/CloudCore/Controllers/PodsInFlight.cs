namespace EdgeSync.CloudCore.Controllers;

/// <summary>
/// What this process has made and deleted and the pod cache does not show yet (Kubernetes' "expectations", but by
/// UID). A reconcile sees cache plus this, so a slow watch never makes it act twice.
/// </summary>
internal sealed class PodsInFlight(TimeProvider time)
{
    /// <summary>
    /// A watch that is alive is far faster. Later than this the API is asked (made pods), or the request sent again
    /// (deletions).
    /// </summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    // guards all below; by the owner's UID, then by the pod's
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Dictionary<string, (PodFacts Pod, long Since)>> _made = [];
    private readonly Dictionary<string, Dictionary<string, long>> _deleted = [];

    // names of pods that were asked for and about which no certain answer has come
    private readonly Dictionary<string, Dictionary<string, long>> _asked = [];

    /// <summary>A pod of that name is asked for now.</summary>
    public void NoteAsked(string owner, string name)
    {
        lock (_gate)
        {
            Inner(_asked, owner)[name] = time.GetTimestamp();
        }
    }

    /// <summary>What has become of that request is known.</summary>
    public void NoteAnswered(string owner, string name)
    {
        lock (_gate)
        {
            _asked.GetValueOrDefault(owner)?.Remove(name);
        }
    }

    /// <summary>Names that were asked for and not answered. The owner's only worker asks, so none of them is on its way.</summary>
    public IReadOnlyList<string> Unanswered(string owner)
    {
        lock (_gate)
        {
            return _asked.TryGetValue(owner, out var asked) ? [.. asked.Keys] : [];
        }
    }

    public void NoteMade(string owner, PodFacts pod)
    {
        lock (_gate)
        {
            Inner(_made, owner)[pod.Uid] = (pod, time.GetTimestamp());
        }
    }

    public void NoteDeleted(string owner, string uid)
    {
        lock (_gate)
        {
            Inner(_deleted, owner)[uid] = time.GetTimestamp();
        }
    }

    /// <summary>The cache has shown the pod, or shown it going.</summary>
    public void Settle(string owner, string uid, bool gone)
    {
        lock (_gate)
        {
            _made.GetValueOrDefault(owner)?.Remove(uid);
            if (gone)
            {
                _deleted.GetValueOrDefault(owner)?.Remove(uid);
            }
        }
    }

    /// <summary>The cached pods of the owner, corrected by what is in flight.</summary>
    public List<PodFacts> Correct(string owner, IEnumerable<PodFacts> cached)
    {
        lock (_gate)
        {
            var made = _made.GetValueOrDefault(owner);
            var deleted = _deleted.GetValueOrDefault(owner);
            var pods = new List<PodFacts>();
            foreach (var pod in cached)
            {
                made?.Remove(pod.Uid);
                pods.Add(IsFresh(deleted, pod.Uid) ? pod with { IsDeleting = true } : pod);
            }

            pods.AddRange((made?.Values ?? Enumerable.Empty<(PodFacts Pod, long)>()).Select(entry => entry.Pod));
            return pods;
        }
    }

    /// <summary>Made pods that should have been in the cache by now: it may have seen them come and go before we noted them.</summary>
    public IReadOnlyList<PodFacts> Overdue(string owner)
    {
        lock (_gate)
        {
            return _made.TryGetValue(owner, out var made)
                ? [.. made.Values.Where(entry => time.GetElapsedTime(entry.Since) >= Patience).Select(entry => entry.Pod)]
                : [];
        }
    }

    /// <summary>Whether anything of the owner waits for the cache, so that it must be looked at again.</summary>
    public bool HasAny(string owner)
    {
        lock (_gate)
        {
            return _made.GetValueOrDefault(owner)?.Count > 0 || _deleted.GetValueOrDefault(owner)?.Count > 0;
        }
    }

    /// <summary>Frees what is kept for owners that are no more.</summary>
    public void Retain(IReadOnlySet<string> owners)
    {
        lock (_gate)
        {
            foreach (var owner in _made.Keys.Concat(_deleted.Keys).Concat(_asked.Keys).Where(owner => !owners.Contains(owner)).ToList())
            {
                _made.Remove(owner);
                _deleted.Remove(owner);
                _asked.Remove(owner);
            }
        }
    }

    // an old deletion that the cache still does not show is forgotten, and so sent again
    private bool IsFresh(Dictionary<string, long>? deleted, string uid)
    {
        if (deleted is null || !deleted.TryGetValue(uid, out var since))
        {
            return false;
        }

        if (time.GetElapsedTime(since) < Patience)
        {
            return true;
        }

        deleted.Remove(uid);
        return false;
    }

    private static Dictionary<string, T> Inner<T>(Dictionary<string, Dictionary<string, T>> outer, string owner)
    {
        if (!outer.TryGetValue(owner, out var inner))
        {
            outer[owner] = inner = [];
        }

        return inner;
    }
}
