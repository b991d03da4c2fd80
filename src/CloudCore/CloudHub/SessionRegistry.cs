using EdgeSync.Storage;

namespace EdgeSync.CloudCore.CloudHub;

/// <summary>The one live session of each node. A newer connection takes over atomically; the older one ends.</summary>
internal sealed class SessionRegistry
{
    private readonly Lock _gate = new();
    private readonly NodeSeats<EdgeSession> _seats = new(); // guarded by _gate
    private readonly Dictionary<EdgeSession, TaskCompletionSource<bool>> _waiting = []; // guarded by _gate
    private long _lastEpoch;

    /// <summary>Sessions that are live now; a copy.</summary>
    public IReadOnlyCollection<EdgeSession> Live
    {
        get
        {
            lock (_gate)
            {
                return [.. _seats.Newest];
            }
        }
    }

    /// <summary>How many nodes have a session.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _seats.Count;
            }
        }
    }

    public EdgeSession? Find(string node)
    {
        lock (_gate)
        {
            return _seats.Find(node);
        }
    }

    /// <summary>The number of a new session; the newest wins.</summary>
    public long NextEpoch() => Interlocked.Increment(ref _lastEpoch);

    /// <summary>Makes <paramref name="session"/> its node's session and ends the one that was.</summary>
    /// <returns>
    /// Null where a newer session was there first. Else it completes when the last upstream message of every older one is done,
    /// so that none of them can write after this one has; false where meanwhile a newer one took over. <see cref="Leave"/> must
    /// follow in any case.
    /// </returns>
    public Task<bool>? TakeOver(EdgeSession session)
    {
        EdgeSession? previous;
        Task<bool> turn;
        lock (_gate)
        {
            if (!_seats.TryEnter(session.Node, session.Epoch, session, out previous))
            {
                return null;
            }

            if (_seats.MayBegin(session.Node, session))
            {
                Failpoint.Hit(HubFailpoints.SessionTaken);
                return Task.FromResult(true);
            }

            var source = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Add(session, source);
            turn = source.Task;
            if (previous is not null && _waiting.TryGetValue(previous, out var replaced))
            {
                replaced.TrySetResult(false);
            }
        }

        Failpoint.Hit(HubFailpoints.SessionReplaced);
        previous?.End("a newer connection of this node took over");
        return turn;
    }

    /// <summary>Ends every session; how many there were.</summary>
    public int EndAll(string reason)
    {
        var live = Live;
        foreach (var session in live)
        {
            session.End(reason);
        }

        return live.Count;
    }

    /// <summary>The session is over: it can write nothing any more.</summary>
    public void Leave(EdgeSession session)
    {
        lock (_gate)
        {
            _waiting.Remove(session);
            if (_seats.Leave(session.Node, session, out var next) && _waiting.Remove(next, out var turn))
            {
                turn.TrySetResult(true);
            }
        }

        Failpoint.Hit(HubFailpoints.SessionLeft);
    }
}
