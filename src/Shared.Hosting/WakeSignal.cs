namespace EdgeSync.Hosting;

/// <summary>
/// Wakes one waiting loop. Signals that come before it looks are one signal: the loop reads the current state, not a count.
/// </summary>
#pragma warning disable CA1001 // a semaphore never asked for its wait handle holds nothing that must be freed, and a late Set may still touch it
public sealed class WakeSignal
#pragma warning restore CA1001
{
    private readonly SemaphoreSlim _signal = new(0, 1);

    /// <summary>Wakes the loop, now or when it next waits.</summary>
    public void Set()
    {
        try
        {
            if (_signal.CurrentCount == 0)
            {
                _signal.Release();
            }
        }
        catch (SemaphoreFullException)
        {
            // set by another thread at the same moment
        }
    }

    /// <summary>Until a signal, or <paramref name="most"/> has passed; true for a signal.</summary>
    public Task<bool> WaitAsync(TimeSpan most, CancellationToken cancellationToken) => _signal.WaitAsync(most, cancellationToken);

    /// <summary>Until a signal.</summary>
    public Task WaitAsync(CancellationToken cancellationToken) => _signal.WaitAsync(cancellationToken);
}
