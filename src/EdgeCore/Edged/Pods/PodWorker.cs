using System.Threading.Channels;
using EdgeSync.EdgeCore.Edged.Cri;
using EdgeSync.EdgeCore.Edged.Probes;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.EdgeCore.Edged.Pods;

/// <summary>
/// Brings one pod (one UID) from what the runtime holds to what MetaManager wants, again and again, until the pod is
/// gone. Signals carry nothing: each round reads both sides anew, so the newest spec always wins. Stopping the worker
/// leaves the pod running.
/// </summary>
internal sealed partial class PodWorker : IAsyncDisposable
{
    private static readonly TimeSpan s_firstRetry = TimeSpan.FromSeconds(0.5);
    private static readonly TimeSpan s_longestRetry = TimeSpan.FromMinutes(1);

    private readonly EdgedParts _parts;
    private readonly ObjectKey _key;
    private readonly ILogger _logger;
    private readonly ContainerStarter _starter;
    private readonly ContainerStopper _stopper;
    private readonly ContainerProbes _probes;
    private readonly ContainerRecords _records;
    private readonly RetryDelay _retry; // of whole rounds
    private readonly RetryDelay _makeDelay; // of what the runtime refuses to make
    private readonly CancellationTokenSource _stop = new();
    private readonly Channel<bool> _signal = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    private volatile WantedPod? _wanted; // the newest readable version; written by the worker's task only
    private volatile bool _objectsChanged = true; // set by signals, taken by the worker's task
    private volatile bool _isGone;
    private Task _work = Task.CompletedTask;

    public PodWorker(EdgedParts parts, string uid, string ns, string name)
    {
        _parts = parts;
        Uid = uid;
        _key = new ObjectKey(ns, ResourceTypes.Pod, name);
        _logger = parts.Logs.CreateLogger<PodWorker>();
        _starter = new ContainerStarter(parts, SignalRuntime);
        _stopper = new ContainerStopper(parts, SignalRuntime);
        _probes = new ContainerProbes(parts.Checks, parts.Time, SignalRuntime);
        _records = new ContainerRecords(parts.Time);
        _makeDelay = new RetryDelay(s_firstRetry, s_longestRetry, parts.Time);
        _retry = new RetryDelay(s_firstRetry, s_longestRetry, parts.Time);
    }

    public string Uid { get; }

    /// <summary>The pod's address.</summary>
    public ObjectKey Key => _key;

    /// <summary>Nothing is left of the pod, here or among the objects.</summary>
    public bool IsGone => _isGone;

    private string Pod => $"{_key.Namespace}/{_key.Name}";

    /// <param name="ended">Called when the pod is gone.</param>
    public void Start(Action<PodWorker> ended) => _work = Task.Run(() => RunAsync(ended), CancellationToken.None);

    /// <summary>The pod or something that it mentions has changed.</summary>
    public void SignalObjects()
    {
        _objectsChanged = true;
        SignalRuntime();
    }

    /// <summary>Something about its containers has changed.</summary>
    public void SignalRuntime() => _signal.Writer.TryWrite(true);

    /// <summary>Whether the pod mentions this ConfigMap or Secret. True while nothing is known of the pod.</summary>
    public bool RefersTo(ObjectKey key) => _wanted?.RefersTo(key) != false;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _work;
        await _probes.DisposeAsync();
        await _stopper.DisposeAsync();
        _stop.Dispose();
    }

    private async Task RunAsync(Action<PodWorker> ended)
    {
        try
        {
            while (!_isGone)
            {
                await WaitAsync(await TryStepAsync(_stop.Token), _stop.Token);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            return; // the agent stops; the pod stays
        }

        await _probes.DisposeAsync();
        ended(this);
    }

    /// <returns>When to look again, if nothing happens before.</returns>
    private async Task<TimeSpan?> TryStepAsync(CancellationToken cancellationToken)
    {
        try
        {
            var wake = await StepAsync(cancellationToken);
            _retry.Succeed();
            return wake;
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            // whatever it is, it must not end this pod's worker, nor another pod's
            var wait = _retry.Fail();
            if (e is CriException { IsAway: true })
            {
                LogRuntimeAway(Pod, e.Message);
            }
            else
            {
                LogStepFailed(Pod, wait, e);
            }

            return wait;
        }
    }

    private async Task<TimeSpan?> StepAsync(CancellationToken cancellationToken)
    {
        var source = _parts.Objects.Get(_key);
        if (source is null || source.Uid != Uid)
        {
            return await RemoveAsync(null, cancellationToken);
        }

        if (!ReferenceEquals(_wanted?.Source, source))
        {
            try
            {
                _wanted = WantedPod.Read(source);
            }
            catch (KubeObjectException e)
            {
                // what runs stays as it is until a version comes that can be read
                LogUnreadable(Pod, e.Message);
                return null;
            }
        }

        return _wanted.IsDeleting
            ? await RemoveAsync(_wanted, cancellationToken)
            : await ConvergeAsync(_wanted, cancellationToken);
    }

    private async Task WaitAsync(TimeSpan? wake, CancellationToken cancellationToken)
    {
        if (_isGone)
        {
            return;
        }

        if (wake is not { } limit)
        {
            await _signal.Reader.ReadAsync(cancellationToken);
            return;
        }

        using var timer = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var due = Task.Delay(limit, _parts.Time, timer.Token);
        var signalled = _signal.Reader.WaitToReadAsync(timer.Token).AsTask();
        await Task.WhenAny(due, signalled);
        await timer.CancelAsync();
        cancellationToken.ThrowIfCancellationRequested();
        _signal.Reader.TryRead(out _);
    }

    [LoggerMessage(LogLevel.Debug, "The container runtime is away while working on pod {Pod}: {Reason}")]
    private partial void LogRuntimeAway(string pod, string reason);

    [LoggerMessage(LogLevel.Error, "Working on pod {Pod} failed; next try in {Wait}")]
    private partial void LogStepFailed(string pod, TimeSpan wait, Exception error);

    [LoggerMessage(LogLevel.Error, "Pod {Pod} cannot be read, what runs of it stays: {Reason}")]
    private partial void LogUnreadable(string pod, string reason);
}
