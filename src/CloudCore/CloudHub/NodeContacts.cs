using System.Collections.Concurrent;

namespace EdgeSync.CloudCore.CloudHub;

/// <summary>How long ago each node was heard by this hub, also after its session has ended. One entry for each node, as long as the hub lives.</summary>
internal sealed class NodeContacts(SessionRegistry registry, TimeProvider time)
{
    private readonly ConcurrentDictionary<string, long> _left = new(StringComparer.Ordinal); // node → when its last session last heard it

    /// <summary>Null where this hub has never heard the node.</summary>
    public TimeSpan? SilenceOf(string node)
    {
        if (registry.Find(node) is { } session)
        {
            return session.Silence;
        }

        return _left.TryGetValue(node, out var heard) ? time.GetElapsedTime(heard) : null;
    }

    /// <summary>Keeps what an ending session knows.</summary>
    public void NoteEnd(EdgeSession session) => _left[session.Node] = session.LastHeard;
}
