using EdgeSync.EdgeCore.Edged.Cri;
using EdgeSync.EdgeCore.Edged.Pods;

namespace EdgeSync.EdgeCore.Edged.Images;

/// <summary>One image being pulled, over all its tries.</summary>
internal sealed class Pull(TimeProvider time)
{
    private static readonly TimeSpan s_firstWait = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_longestWait = TimeSpan.FromMinutes(5);

    private readonly Lock _gate = new();
    private readonly TaskCompletionSource _firstTry = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly RetryDelay _delay = new(s_firstWait, s_longestWait, time); // used by the pull's task only
    private readonly HashSet<Action> _wake = []; // guarded by _gate
    private TaskCompletionSource _waitEnds = new(TaskCreationOptions.RunContinuationsAsynchronously); // guarded by _gate
    private string? _error; // guarded by _gate
    private bool _isWaiting; // guarded by _gate
    private long _lastAsked = time.GetTimestamp(); // guarded by _gate

    /// <summary>The work; set once, when it begins.</summary>
    public Task Task { get; set; } = Task.CompletedTask;

    /// <summary>Ends with the first try, well or not.</summary>
    public Task FirstTry => _firstTry.Task;

    public Image? Pulled { get; private set; }

    /// <summary>Whether nobody has asked for the image for longer than any waiting worker would.</summary>
    public bool IsAbandoned
    {
        get
        {
            lock (_gate)
            {
                return time.GetElapsedTime(_lastAsked) > 3 * s_longestWait;
            }
        }
    }

    /// <summary>What a container that needs the image waits for.</summary>
    public WaitingReason Waiting(string image)
    {
        lock (_gate)
        {
            _lastAsked = time.GetTimestamp();
            return (_error, _isWaiting) switch
            {
                (null, _) => new WaitingReason("ContainerCreating", $"Pulling image \"{image}\""),
                (var error, false) => new WaitingReason("ErrImagePull", error),
                (var error, true) => new WaitingReason("ImagePullBackOff", $"Back-off pulling image \"{image}\": {error}"),
            };
        }
    }

    public void WakeWhenDone(Action wake)
    {
        lock (_gate)
        {
            _wake.Add(wake);
        }
    }

    public void Succeed(Image? image) => Pulled = image;

    /// <returns>How long to wait before the next try.</returns>
    public TimeSpan Fail(string error)
    {
        var wait = _delay.Fail();
        lock (_gate)
        {
            _error = error;
            _isWaiting = true;
            _waitEnds = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        WakeAll();
        _firstTry.TrySetResult();
        return wait;
    }

    /// <summary>Until the next try is due.</summary>
    public async Task WaitAsync(CancellationToken cancellationToken)
    {
        Task ends;
        lock (_gate)
        {
            ends = _waitEnds.Task;
        }

        await Task.WhenAny(ends, Task.Delay(_delay.Left, time, cancellationToken));
        cancellationToken.ThrowIfCancellationRequested();
        lock (_gate)
        {
            _isWaiting = false;
        }
    }

    public void EndWait()
    {
        lock (_gate)
        {
            _waitEnds.TrySetResult();
        }
    }

    /// <summary>The pull is over: who waits looks into the store again.</summary>
    public void Finish()
    {
        _firstTry.TrySetResult();
        WakeAll();
    }

    private void WakeAll()
    {
        Action[] wake;
        lock (_gate)
        {
            wake = [.. _wake];
        }

        foreach (var action in wake)
        {
            action();
        }
    }
}
