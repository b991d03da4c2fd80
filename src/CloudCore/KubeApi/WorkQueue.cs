using System.Diagnostics.CodeAnalysis;
using EdgeSync.Hosting;

namespace EdgeSync.CloudCore.KubeApi;

/// <summary>
/// Keys to be reconciled. A key waits at most once, is worked on by one worker at a time, and comes back after a
/// failure with growing delay. Bounded by the number of distinct keys, so a burst of changes costs no memory.
/// </summary>
[SuppressMessage("Naming", "CA1711", Justification = "Kubernetes' word")]
internal sealed partial class WorkQueue<TKey> : IDisposable
    where TKey : notnull
{
    private static readonly Backoff s_defaultBackoff = new(TimeSpan.FromMilliseconds(50), TimeSpan.FromMinutes(1));

    private readonly string _name;
    private readonly TimeProvider _time;
    private readonly Backoff _backoff;
    private readonly ILogger _logger;

    // guards all below; a key is in _waiting, in _working, in both _working and _again, or in none
    private readonly Lock _gate = new();
    private readonly Queue<TKey> _ready = new();
    private readonly HashSet<TKey> _waiting = [];
    private readonly HashSet<TKey> _working = [];
    private readonly HashSet<TKey> _again = [];
    private readonly Dictionary<TKey, int> _failures = [];
    private readonly Dictionary<TKey, DateTimeOffset> _due = [];
    private readonly PriorityQueue<TKey, DateTimeOffset> _delayed = new();
    private readonly SemaphoreSlim _signal = new(0);
    private readonly ITimer _timer;
    private bool _disposed;

    public WorkQueue(string name, TimeProvider time, ILogger logger, Backoff? backoff = null)
    {
        _name = name;
        _time = time;
        _logger = logger;
        _backoff = backoff ?? s_defaultBackoff;
        _timer = time.CreateTimer(_ => ReleaseDue(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Keys that wait or are worked on; not those that wait for a time.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _waiting.Count + _working.Count;
            }
        }
    }

    /// <summary>Asks for a reconcile of the key. During one of the same key, another follows it.</summary>
    public void Add(TKey key)
    {
        lock (_gate)
        {
            AddLocked(key);
        }
    }

    /// <summary>Asks for a reconcile after a delay; of several such, the earliest counts.</summary>
    public void AddAfter(TKey key, TimeSpan delay)
    {
        lock (_gate)
        {
            if (delay <= TimeSpan.Zero)
            {
                AddLocked(key);
                return;
            }

            var due = _time.GetUtcNow() + delay;
            if (_due.TryGetValue(key, out var earlier) && earlier <= due)
            {
                return;
            }

            _due[key] = due;
            _delayed.Enqueue(key, due);
            SetTimer();
        }
    }

    /// <summary>Reconciles keys with that many workers until cancelled. A reconcile that throws is logged and tried again later.</summary>
    public Task RunAsync(int workers, Func<TKey, CancellationToken, Task> reconcile, CancellationToken ct) =>
        Task.WhenAll(Enumerable.Range(0, workers).Select(_ => WorkAsync(reconcile, ct)));

    /// <summary>After the workers have ended. Notes that still come, from a timer or a handler, are ignored.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
        }

        _timer.Dispose();
        _signal.Dispose();
    }

    private async Task WorkAsync(Func<TKey, CancellationToken, Task> reconcile, CancellationToken ct)
    {
        try
        {
            while (true)
            {
                await _signal.WaitAsync(ct);
                var key = Take();
                try
                {
                    await reconcile(key, ct);
                    Done(key, failed: false);
                }
                catch (OperationCanceledException) when (ct.IsCancellationRequested)
                {
                    throw;
                }
                // the loop's edge: one key's failure, whatever it is, must not end the work on all others
                catch (Exception e)
                {
                    LogFailure(key, e, Done(key, failed: true));
                }
            }
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // asked to stop
        }
    }

    private TKey Take()
    {
        lock (_gate)
        {
            var key = _ready.Dequeue();
            _waiting.Remove(key);
            _working.Add(key);
            return key;
        }
    }

    // returns the failures in a row
    private int Done(TKey key, bool failed)
    {
        lock (_gate)
        {
            _working.Remove(key);
            if (_again.Remove(key))
            {
                AddLocked(key);
            }

            if (!failed)
            {
                _failures.Remove(key);
                return 0;
            }

            var failures = _failures[key] = _failures.GetValueOrDefault(key) + 1;
            AddAfter(key, _backoff.After(failures));
            return failures;
        }
    }

    private void AddLocked(TKey key)
    {
        if (_disposed)
        {
            return;
        }

        if (_working.Contains(key))
        {
            _again.Add(key);
        }
        else if (_waiting.Add(key))
        {
            _ready.Enqueue(key);
            _signal.Release();
        }
    }

    private void ReleaseDue()
    {
        lock (_gate)
        {
            if (_disposed)
            {
                return;
            }

            var now = _time.GetUtcNow();
            while (_delayed.TryPeek(out var key, out var due) && due <= now)
            {
                _delayed.Dequeue();
                // an entry that is not the key's present time was overtaken by an earlier one
                if (_due.TryGetValue(key, out var current) && current == due)
                {
                    _due.Remove(key);
                    AddLocked(key);
                }
            }

            SetTimer();
        }
    }

    private void SetTimer()
    {
        if (!_disposed && _delayed.TryPeek(out _, out var due))
        {
            // timers fire a little early on some clocks; a millisecond more saves an empty round
            var wait = due - _time.GetUtcNow() + TimeSpan.FromMilliseconds(1);
            _timer.Change(wait > TimeSpan.Zero ? wait : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
        }
    }

    private void LogFailure(TKey key, Exception e, int failures)
    {
        // conflicts are the normal course of two writers; the next reconcile reads anew
        if (e is ApiException { IsConflict: true })
        {
            LogConflict(_name, key, e.Message);
        }
        else if (e is ApiException)
        {
            // the server's words suffice; a stack trace of our own HTTP code says nothing more
            LogApiFailure(_name, key, failures, e.Message);
        }
        else
        {
            LogUnexpected(e, _name, key, failures);
        }
    }

    [LoggerMessage(LogLevel.Debug, "{Queue}: conflict on {Key}, trying again: {Error}")]
    private partial void LogConflict(string queue, TKey key, string error);

    [LoggerMessage(LogLevel.Warning, "{Queue}: reconcile of {Key} failed, try {Failures}: {Error}")]
    private partial void LogApiFailure(string queue, TKey key, int failures, string error);

    [LoggerMessage(LogLevel.Error, "{Queue}: reconcile of {Key} failed unexpectedly, try {Failures}")]
    private partial void LogUnexpected(Exception e, string queue, TKey key, int failures);
}
