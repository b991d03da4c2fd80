using System.Collections.Concurrent;

namespace EdgeSync.CloudCore.CloudHub;

/// <summary>The one live session of each node. A newer connection takes over atomically; the older one ends.</summary>
internal sealed class SessionRegistry
{
    private readonly ConcurrentDictionary<string, EdgeSession> _sessions = new(StringComparer.Ordinal);
    private long _lastEpoch;

    /// <summary>Sessions that are live now.</summary>
    public ICollection<EdgeSession> Live => _sessions.Values;

    public EdgeSession? Find(string node) => _sessions.GetValueOrDefault(node);

    /// <summary>The number of a new session; the newest wins.</summary>
    public long NextEpoch() => Interlocked.Increment(ref _lastEpoch);

    /// <summary>
    /// Makes <paramref name="session"/> its node's session and ends the one that was. Completes when the old one's last
    /// upstream message is done, so that it can write nothing after the new one has written.
    /// </summary>
    /// <returns>False where a newer session was there first.</returns>
    public async Task<bool> TakeOverAsync(EdgeSession session, CancellationToken cancellationToken)
    {
        EdgeSession? previous;
        while (true)
        {
            previous = Find(session.Node);
            if (previous is not null && previous.Epoch > session.Epoch)
            {
                return false;
            }

            if (previous is null ? _sessions.TryAdd(session.Node, session) : _sessions.TryUpdate(session.Node, session, previous))
            {
                break;
            }
        }

        if (previous is not null)
        {
            previous.End("a newer connection of this node took over");
            await previous.Completion.WaitAsync(cancellationToken);
        }

        return true;
    }

    /// <summary>Forgets the session, unless another has taken its place.</summary>
    public void Remove(EdgeSession session) =>
        _sessions.TryRemove(new KeyValuePair<string, EdgeSession>(session.Node, session));
}
