using System.Collections.Concurrent;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.Jobs;

/// <summary>
/// Runs Jobs to their end. Each reconcile reads the whole present state, decides (<see cref="JobDecision"/>) and acts; changes only say
/// which Job to look at. It also removes Jobs whose time after their end is over, and frees pods whose Job is gone.
/// </summary>
internal sealed partial class JobController : IController
{
    private readonly ClusterView _view;
    private readonly Informer _jobs;
    private readonly ControllersOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly WorkQueue<NamespacedName> _queue;
    private readonly WorkQueue<NamespacedName> _orphans;
    private readonly PodsInFlight _inFlight;
    private readonly PodControl _pods;
    private readonly JobActions _actions;

    // UIDs of pods whose finalizer is gone, which the cache may not show yet
    private readonly ConcurrentDictionary<string, long> _released = new();

    // by UID: Jobs as this process wrote them last, where the cache shows an older one: a count that was written is known at once
    private readonly ConcurrentDictionary<string, KubeObject> _written = new();

    public JobController(
        KubeClient client, ClusterView view, InformerSet informers, EventRecorder events, ControllersOptions options, TimeProvider time, ILogger<JobController> logger)
    {
        _view = view;
        _jobs = informers.For(ApiResources.Jobs);
        _options = options;
        _time = time;
        _logger = logger;
        _queue = new WorkQueue<NamespacedName>("jobs", time, logger);
        _orphans = new WorkQueue<NamespacedName>("pods without their job", time, logger);
        _inFlight = new PodsInFlight(time);
        _pods = new PodControl(client, view.Pods, _inFlight, ApiResources.Jobs, logger);
        _actions = new JobActions(client, _pods, events, options, uid => _released[uid] = time.GetTimestamp(), job => _written[job.Uid] = job, logger);
        view.Pods.OnChange(NotePod);
    }

    public async Task RunAsync(CancellationToken ct)
    {
        await _jobs.WaitForSyncAsync(ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _view.Follow(_jobs, change => Add(change.Name));
        LookAtOrphans();
        await Task.WhenAll(
            _queue.RunAsync(_options.Workers, ReconcileAsync, ct),
            _orphans.RunAsync(1, FreeOrphanAsync, ct),
            Resync.RunAsync(_options.ResyncPeriod, _time, LookAtAll, ct));
    }

    public void Dispose()
    {
        _queue.Dispose();
        _orphans.Dispose();
    }

    private void Add(NamespacedName key) => _options.Deliver(() => _queue.Add(key));

    private void NotePod(PodChange change)
    {
        if (change.New is null)
        {
            _released.TryRemove(change.Old!.Uid, out _);
        }

        OwnedPods.Note(change, ApiResources.Jobs, _inFlight, _jobs, Add);
        if (change.New is { IsTracked: true } pod && (pod.Controller is not { } owner || _jobs.Get(new NamespacedName(pod.Name.Namespace, owner.Name)) is null))
        {
            _options.Deliver(() => _orphans.Add(pod.Name));
        }
    }

    // also frees what is kept of those that are gone
    private void LookAtAll()
    {
        var all = _jobs.Snapshot();
        var alive = all.Select(value => value.Uid).ToHashSet();
        _inFlight.Retain(alive);
        foreach (var uid in _written.Keys.Where(uid => !alive.Contains(uid)))
        {
            _written.TryRemove(uid, out _);
        }

        foreach (var value in all)
        {
            _queue.Add(NamespacedName.Of(value));
        }

        foreach (var uid in _released.Where(pair => _time.GetElapsedTime(pair.Value) > PodsInFlight.Patience).Select(pair => pair.Key))
        {
            _released.TryRemove(uid, out _);
        }

        LookAtOrphans();
    }

    private void LookAtOrphans()
    {
        foreach (var pod in _view.Pods.All().Where(pod => pod.IsTracked
            && (pod.Controller is not { } owner || _jobs.Get(new NamespacedName(pod.Name.Namespace, owner.Name))?.Uid != owner.Uid)))
        {
            _orphans.Add(pod.Name);
        }
    }

    // a pod whose Job is gone, or that was let go of, is counted by nobody
    private async Task FreeOrphanAsync(NamespacedName name, CancellationToken ct)
    {
        if (!_jobs.HasSynced || _view.Pods.Get(name) is not { IsTracked: true } pod)
        {
            return;
        }

        var job = pod.Controller is { } owner && owner.Is(ApiResources.Jobs) ? await _actions.FindAsync(name.Namespace, owner.Name, ct) : null;
        if (job is null || job.Uid != pod.Controller!.Uid)
        {
            await _actions.ReleaseAsync(pod, ct);
            LogFreed(name);
        }
    }

    private async Task ReconcileAsync(NamespacedName key, CancellationToken ct)
    {
        if (Newest(key) is not { } value)
        {
            // its pods may still hold the finalizer
            foreach (var pod in _view.Pods.All().Where(pod => pod.IsTracked && pod.Name.Namespace == key.Namespace && pod.Controller?.Name == key.Name))
            {
                _orphans.Add(pod.Name);
            }

            return;
        }

        var view = value.View(ControllersJson.Default.Job);
        if (view.Spec.ManagedBy is { Length: > 0 } manager && manager != "kubernetes.io/job-controller")
        {
            return;
        }

        if (view.Status?.Finished is { } finished && await RemoveInTimeAsync(value, view, finished, ct))
        {
            return;
        }

        if (!value.IsDeleting && view.Status?.Finished is null)
        {
            await _pods.ClaimAsync(value, view.Spec.Selector, null, ct);
            await _pods.SettleAsync(value, ct);
        }

        var plan = JobDecision.Decide(new JobState
        {
            Job = view,
            Pods = [.. _pods.Controlled(value).Select(Read)],
            Now = _time.GetUtcNow(),
        });
        await _actions.ApplyAsync(value, view, plan, ct);
        var again = _inFlight.HasAny(value.Uid) ? PodsInFlight.Patience : (TimeSpan?)null;
        if ((plan.LookAgainAfter is { } wait && (again is null || wait < again) ? wait : again) is { } delay)
        {
            _queue.AddAfter(key, delay);
        }
    }

    private KubeObject? Newest(NamespacedName key)
    {
        var cached = _jobs.Get(key);
        if (cached is null || !_written.TryGetValue(cached.Uid, out var written))
        {
            return cached;
        }

        if (ulong.TryParse(cached.ResourceVersion, out var shown) && ulong.TryParse(written.ResourceVersion, out var own) && shown < own)
        {
            return written;
        }

        _written.TryRemove(cached.Uid, out _);
        return cached;
    }

    private JobPod Read(PodFacts facts)
    {
        var pod = _view.Pods.Pods.Get(facts.Name) is { } value && value.Uid == facts.Uid ? JobPod.Read(value, facts) : JobPod.Made(facts);
        return _released.ContainsKey(facts.Uid) ? pod with { IsTracked = false } : pod;
    }

    private async Task<bool> RemoveInTimeAsync(KubeObject value, Job view, Condition finished, CancellationToken ct)
    {
        if (value.IsDeleting || view.Spec.TtlSecondsAfterFinished is not { } seconds || !KubeTime.TryParse(finished.LastTransitionTime, out var end))
        {
            return false;
        }

        var left = end.AddSeconds(seconds) - _time.GetUtcNow();
        if (left > TimeSpan.Zero)
        {
            _queue.AddAfter(NamespacedName.Of(value), left);
            return false;
        }

        await _actions.RemoveAsync(value, ct);
        return true;
    }

    [LoggerMessage(LogLevel.Information, "Pod {Pod} has lost its job and is freed")]
    private partial void LogFreed(NamespacedName pod);
}
