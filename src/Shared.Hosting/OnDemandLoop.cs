namespace EdgeSync.Hosting;

/// <summary>
/// Work that runs only while there is some: where thousands of owners each have a loop, a loop that waits costs more memory
/// than it ever does work. Rounds never overlap, and a wake that comes during one is followed by another.
/// </summary>
/// <param name="round">Does what there is to do; must not throw.</param>
public sealed class OnDemandLoop(Func<Task> round)
{
    private readonly Lock _gate = new();
    private Task _running = Task.CompletedTask; // guarded by _gate, as all below
    private bool _busy;
    private bool _again;
    private bool _closed;

    /// <summary>There may be something to do. Returns at once; the work is done on a thread of the pool.</summary>
    public void Wake()
    {
        lock (_gate)
        {
            _again = true;
            if (!_busy && !_closed)
            {
                _busy = true;
                _running = Task.Run(RunAsync);
            }
        }
    }

    /// <summary>Completes when all that there is to do now is done.</summary>
    public Task IdleAsync()
    {
        lock (_gate)
        {
            return _running;
        }
    }

    /// <summary>No more rounds; completes when the last one is over.</summary>
    public Task CloseAsync()
    {
        lock (_gate)
        {
            _closed = true;
            return _running;
        }
    }

    private async Task RunAsync()
    {
        while (true)
        {
            lock (_gate)
            {
                if (!_again || _closed)
                {
                    _busy = false;
                    return;
                }

                _again = false;
            }

            await round();
        }
    }
}
