namespace EdgeSync.EdgeCore.Edged.Pods;

/// <summary>What the worker of a pod knows about its containers beyond the runtime. Of one worker; not shared.</summary>
internal sealed class ContainerRecords(TimeProvider time)
{
    private readonly Dictionary<string, long> _exitSeen = [];
    private readonly HashSet<string> _stoppedForChange = [];

    /// <summary>Notes whether a container that is about to be stopped is so because its spec has changed.</summary>
    public void NoteStop(RuntimeContainer container, WantedPod pod)
    {
        if (pod.Spec.Containers.FirstOrDefault(c => c.Name == container.Name) is { } spec && ContainerHash.Differs(container.Hash, spec))
        {
            _stoppedForChange.Add(container.Id);
        }
    }

    public bool WasStoppedForChange(RuntimeContainer container) => _stoppedForChange.Contains(container.Id);

    /// <summary>
    /// Time since a container ended: the longer of what the wall clock and what the clock since boot say, so that a wall
    /// clock set back cannot hold a restart up for ever.
    /// </summary>
    public TimeSpan SinceExit(RuntimeContainer container)
    {
        if (!_exitSeen.TryGetValue(container.Id, out var seen))
        {
            _exitSeen[container.Id] = seen = time.GetTimestamp();
        }

        var wall = time.GetUtcNow() - container.FinishedAt;
        var since = time.GetElapsedTime(seen);
        return wall > since ? wall : since;
    }

    /// <summary>Drops what is known of containers that are gone.</summary>
    public void Keep(RuntimePod state)
    {
        var ids = state.Containers.Select(c => c.Id).ToHashSet();
        _stoppedForChange.IntersectWith(ids);
        foreach (var id in _exitSeen.Keys.Where(id => !ids.Contains(id)).ToArray())
        {
            _exitSeen.Remove(id);
        }
    }
}
