using EdgeSync.Hosting;

namespace EdgeSync.CloudCore.Controllers.Scheduling;

/// <summary>
/// When the pods that found no node are tried again: not before their wait is over (1 s, doubling to 10 s), and not before something has
/// changed (<see cref="Wake"/>). It holds nothing of pods that were not tried yet: those are at turn at once.
/// </summary>
internal sealed class SchedulingQueue(TimeProvider time)
{
    private static readonly Backoff s_backoff = new(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(10));

    // guards the dictionary; by the pod's UID
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Waiting> _waiting = [];
    private long _wakes;

    /// <summary>Counts up with each <see cref="Wake"/>: read before the state on which a round decides.</summary>
    public long Wakes
    {
        get
        {
            lock (_gate)
            {
                return _wakes;
            }
        }
    }

    /// <summary>Whether the pod's turn has come.</summary>
    public bool IsDue(string uid)
    {
        lock (_gate)
        {
            return !_waiting.TryGetValue(uid, out var waiting) || (!waiting.Parked && time.GetElapsedTime(waiting.Since) >= waiting.Wait);
        }
    }

    /// <summary>The pod found no node, or its binding failed.</summary>
    /// <param name="uid">The pod's.</param>
    /// <param name="seen">
    /// Where it waits for a change too, not only for its time: <see cref="Wakes"/> before the round, so that a change during it is not
    /// missed. Null where it waits for its time alone.
    /// </param>
    public void NoteFailed(string uid, long? seen)
    {
        lock (_gate)
        {
            var parked = seen == _wakes;
            var tries = _waiting.TryGetValue(uid, out var before) ? before.Tries + 1 : 1;
            _waiting[uid] = new Waiting(tries, time.GetTimestamp(), s_backoff.After(tries), parked);
        }
    }

    /// <summary>The pod itself has changed: it is tried as soon as its time has come.</summary>
    public void NoteChanged(string uid)
    {
        lock (_gate)
        {
            if (_waiting.TryGetValue(uid, out var waiting))
            {
                _waiting[uid] = waiting with { Parked = false };
            }
        }
    }

    /// <summary>Something has changed that may help any pod. False where none waits for that.</summary>
    public bool Wake()
    {
        lock (_gate)
        {
            _wakes++;
            var any = false;
            foreach (var (uid, waiting) in _waiting)
            {
                if (waiting.Parked)
                {
                    _waiting[uid] = waiting with { Parked = false };
                    any = true;
                }
            }

            return any;
        }
    }

    /// <summary>Keeps what is known of these pods alone: all that still have no node.</summary>
    public void Retain(IReadOnlySet<string> uids)
    {
        lock (_gate)
        {
            foreach (var uid in _waiting.Keys.Where(uid => !uids.Contains(uid)).ToList())
            {
                _waiting.Remove(uid);
            }
        }
    }

    /// <summary>How long until the next turn that comes by time alone; null for none.</summary>
    public TimeSpan? NextTurn()
    {
        lock (_gate)
        {
            TimeSpan? next = null;
            foreach (var waiting in _waiting.Values.Where(waiting => !waiting.Parked))
            {
                var left = waiting.Wait - time.GetElapsedTime(waiting.Since);
                next = next is { } earlier && earlier < left ? earlier : left;
            }

            return next < TimeSpan.Zero ? TimeSpan.Zero : next;
        }
    }

    private sealed record Waiting(int Tries, long Since, TimeSpan Wait, bool Parked);
}
