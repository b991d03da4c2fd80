namespace EdgeSync.CloudCore.Tests.Replicas;

/// <summary>
/// Clocks and their timers. What a timer sets off runs to its next wait before time goes on, so hours are run in a moment. Most of it runs on the thread
/// that moves the clock. A delay that is cancelled goes on by the thread pool; it is waited for where that can be told (<see cref="IsAtRest"/>), and
/// else is as a process that was paused: nothing that holds may depend on it.
/// </summary>
internal sealed class SimulatedWorld
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30); // real time

    private readonly Lock _gate = new();
    private readonly List<Timer> _timers = []; // guarded by _gate
    private readonly DateTimeOffset _start = new(2026, 3, 1, 8, 0, 0, TimeSpan.Zero);
    private TimeSpan _now;

    public TimeSpan Now => _now;

    /// <summary>Whether nothing is under way but waits for timers; asked from the thread that moves the clock.</summary>
    public Func<bool> IsAtRest { get; set; } = () => true;

    /// <summary>The clock of one process.</summary>
    /// <param name="offset">How far its time of day is from the right one.</param>
    public TimeProvider NewClock(TimeSpan offset = default) => new Clock(this, offset);

    /// <summary>Does something in this world.</summary>
    public static T Do<T>(Func<T> work)
    {
        var outer = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            return work();
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(outer);
        }
    }

    /// <summary>Lets so much time pass.</summary>
    /// <param name="span">How much.</param>
    /// <param name="always">Called after each moment at which something happened.</param>
    public void Run(TimeSpan span, Action? always = null) => Do(() =>
    {
        var end = _now + span;
        Rest();
        while (Next() is { Due: { } due } next && due <= end)
        {
            _now = due > _now ? due : _now;
            next.Fire();
            always?.Invoke();
            Rest();
        }

        _now = end;
        return 0;
    });

    /// <summary>Lets time pass until the condition holds; whether it did within the limit.</summary>
    public bool RunUntil(Func<bool> condition, TimeSpan limit)
    {
        for (var end = _now + limit; !condition() && _now < end;)
        {
            Run(TimeSpan.FromMilliseconds(10));
        }

        return condition();
    }

    /// <summary>The waits of a clock that have an end.</summary>
    public int WaitsOf(TimeProvider clock)
    {
        lock (_gate)
        {
            return _timers.Count(t => t.Clock == clock && t.Due is not null);
        }
    }

    private Timer? Next()
    {
        lock (_gate)
        {
            return _timers.Where(t => t.Due is not null).MinBy(t => t.Due);
        }
    }

    private void Rest()
    {
        if (!SpinWait.SpinUntil(IsAtRest, s_patience))
        {
            throw new TimeoutException("something neither ends nor waits for a timer");
        }
    }

    private sealed class Clock(SimulatedWorld world, TimeSpan offset) : TimeProvider
    {
        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override DateTimeOffset GetUtcNow() => world._start + world._now + offset;

        // never 0, as a machine's
        public override long GetTimestamp() => TimeSpan.TicksPerHour + world._now.Ticks;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = new Timer(world, this, callback, state);
            timer.Change(dueTime, period);
            lock (world._gate)
            {
                world._timers.Add(timer);
            }

            return timer;
        }
    }

    private sealed class Timer(SimulatedWorld world, TimeProvider clock, TimerCallback callback, object? state) : ITimer
    {
        private TimeSpan _period;

        public TimeProvider Clock => clock;

        public TimeSpan? Due { get; private set; }

        public void Fire()
        {
            Due = _period > TimeSpan.Zero ? Due + _period : null;
            callback(state);
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            Due = dueTime == System.Threading.Timeout.InfiniteTimeSpan ? null : world._now + dueTime;
            _period = period;
            return true;
        }

        public void Dispose()
        {
            lock (world._gate)
            {
                Due = null;
                world._timers.Remove(this);
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
