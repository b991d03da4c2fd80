namespace EdgeSync.Simulation.World;

/// <summary>The virtual clock: what is to happen, by time, then in the order noted.</summary>
internal sealed class Agenda
{
    private readonly PriorityQueue<Action, When> _queue = new(1024);
    private long _last;

    /// <summary>Milliseconds since the world began.</summary>
    public long Now { get; private set; }

    /// <summary>Things that have happened.</summary>
    public long Steps { get; private set; }

    public void After(long milliseconds, Action action) => _queue.Enqueue(action, new When(Now + milliseconds, ++_last));

    /// <summary>Lets the next thing happen if it is not later than <paramref name="until"/>.</summary>
    public bool Step(long until)
    {
        if (!_queue.TryPeek(out var action, out var when) || when.Time > until)
        {
            Now = Math.Max(Now, until);
            return false;
        }

        _queue.Dequeue();
        Now = when.Time;
        Steps++;
        action();
        return true;
    }

    private readonly record struct When(long Time, long Order) : IComparable<When>
    {
        public int CompareTo(When other) => Time != other.Time ? Time.CompareTo(other.Time) : Order.CompareTo(other.Order);
    }
}
