using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.Scheduling;

/// <summary>
/// Gives pods their nodes, as kube-scheduler does: pods of the default scheduler and gangs (<c>volcano</c>); those of other
/// schedulers are left alone. Rounds follow each other in one loop: each takes the pods whose turn has come and the whole present
/// state, decides (<see cref="SchedulingRound"/>) and carries it out.
/// </summary>
internal sealed partial class Scheduler : IController
{
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(1);

    private readonly ClusterView _view;
    private readonly NodeRoom _room;
    private readonly ControllersOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly SchedulerActions _actions;
    private readonly SchedulerInformers _informers;
    private readonly ClaimPlaces _claims;
    private readonly SchedulingQueue _queue;
    private readonly SemaphoreSlim _signal = new(0, 1);

    // only the loop touches it
    private readonly Dictionary<string, SchedulingPod> _read = [];

    // guarded by itself; what was bound and is not seen as bound yet
    private readonly Dictionary<string, (string Node, long Since)> _assumed = [];

    public Scheduler(
        KubeClient client, ClusterView view, NodeRoom room, SchedulerInformers informers, EventRecorder events, ControllersOptions options, TimeProvider time, ILogger<Scheduler> logger)
    {
        _view = view;
        _room = room;
        _options = options;
        _time = time;
        _logger = logger;
        _informers = informers;
        _claims = new ClaimPlaces(informers.Claims, informers.Volumes);
        _queue = new SchedulingQueue(time);
        _actions = new SchedulerActions(client, events, options, time, logger);
        view.Pods.OnChange(NotePod);
        view.Nodes.OnChange(NoteNode);
    }

    public async Task RunAsync(CancellationToken ct)
    {
        await _informers.WaitForSyncAsync(ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (var informer in _informers.All)
        {
            _view.Follow(informer, change => NoteOther(informer, change));
        }

        await Task.WhenAll(LoopAsync(ct), Resync.RunAsync(_options.ResyncPeriod / 2, _time, LookAtAll, ct));
    }

    public void Dispose() => _signal.Dispose();

    private void NotePod(PodChange change)
    {
        if (change.New is { IsBound: false, IsTerminal: false } pod)
        {
            if (change.Old is not { } old || old.Generation != pod.Generation || old.IsDeleting != pod.IsDeleting || !ReferenceOrSame(old.Labels, pod.Labels))
            {
                _options.Deliver(() =>
                {
                    _queue.NoteChanged(pod.Uid);
                    Signal();
                });
            }
        }
        else if (change.New is null || change.New.IsTerminal != change.Old?.IsTerminal || change.Old.IsBound != change.New.IsBound)
        {
            // room has become free, or a pod has come that others want to be near to
            _options.Deliver(WakeAll);
        }
    }

    private void NoteNode(NodeChange change)
    {
        // of a heartbeat nobody finds room: thousands of nodes would have every parked pod tried without end
        if (change is not { Old: { } old, New: { } now } || !now.PlacesLike(old) || now.RoomMark != old.RoomMark)
        {
            _options.Deliver(WakeAll);
        }
    }

    private void NoteOther(Informer informer, InformerChange change)
    {
        // what is said of a PodGroup makes no room
        if (informer != _informers.Groups || change is not { Old: { } old, New: { } now } || Generation(old) != Generation(now))
        {
            _options.Deliver(WakeAll);
        }
    }

    private void WakeAll()
    {
        if (_queue.Wake())
        {
            Signal();
        }
    }

    private void LookAtAll()
    {
        _queue.Wake();
        Signal();
    }

    private void Signal()
    {
        try
        {
            _signal.Release();
        }
        catch (SemaphoreFullException)
        {
            // a round is called for already
        }
        catch (ObjectDisposedException)
        {
            // the controllers have ended; a late note means nothing
        }
    }

    private async Task LoopAsync(CancellationToken ct)
    {
        Signal();
        while (!ct.IsCancellationRequested)
        {
            try
            {
                await WaitForTurnAsync(ct);
                var began = _time.GetTimestamp();
                await RoundAsync(ct);
                // rounds on large clusters take bursts of changes together
                var cost = _time.GetElapsedTime(began);
                await Task.Delay(cost < s_longestPause ? cost : s_longestPause, _time, ct);
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                return;
            }
            // the loop's edge: one object that cannot be read must not end the placing of all others
            catch (Exception e)
            {
                LogRoundFailed(e);
                await Task.Delay(s_longestPause, _time, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                Signal();
            }
        }
    }

    private async Task WaitForTurnAsync(CancellationToken ct)
    {
        // timers fire a little early on some clocks; a few milliseconds more save an empty round
        var wait = _queue.NextTurn() is { } next ? next + TimeSpan.FromMilliseconds(5) : Timeout.InfiniteTimeSpan;
        using var due = new CancellationTokenSource(wait, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, due.Token);
        try
        {
            await _signal.WaitAsync(either.Token);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            // the time of a pod has come
        }
    }

    private async Task RoundAsync(CancellationToken ct)
    {
        var seen = _queue.Wakes;
        var (bound, unbound) = ReadPods();
        var nominated = unbound.Where(pod => pod.NominatedNode.Length > 0).ToList();
        _room.NoteNominated(nominated);
        var pending = unbound.Where(pod => _queue.IsDue(pod.Uid)).ToList();
        if (pending.Count == 0)
        {
            return;
        }

        // a gang is judged as a whole, or the rest of it would be missed
        var gangs = pending.Where(pod => pod.Group.Length > 0).Select(GroupOf).ToHashSet();
        pending.AddRange(unbound.Where(pod => pod.Group.Length > 0 && gangs.Contains(GroupOf(pod)) && !pending.Contains(pod)));
        var started = bound.Where(pod => pod.Group.Length > 0 && !pod.IsDeleting).ToLookup(GroupOf, pod => pod.Gang.Task);
        var results = SchedulingRound.Run(new SchedulingState
        {
            Snapshot = new SchedulingSnapshot(ReadNodes(), bound, _informers.NamespaceLabels()),
            Pending = pending,
            Nominated = nominated,
            Gang = _informers.Gang,
            Started = group =>
                [.. started[group], .. _view.Pods.InGroup(group).Where(pod => pod.Phase == "Succeeded").Select(pod => pod.Gang.Task)],
            Volumes = _claims.Of,
            Budgets = new DisruptionBudgets(_informers.Budgets.Snapshot()),
        });
        await Parallel.ForEachAsync(
            results,
            new ParallelOptions { CancellationToken = ct, MaxDegreeOfParallelism = _options.ParallelRequests },
            async (result, token) => await CarryOutAsync(result, seen, token));
    }

    private async Task CarryOutAsync(RoundResult result, long seen, CancellationToken ct)
    {
        var pod = result.Pod;
        try
        {
            if (result.Outcome.Node is { } node)
            {
                if (!_room.TryTake(node, pod.Name, pod))
                {
                    // a daemon pod has come in between: the next round sees it
                    _queue.NoteFailed(pod.Uid, null);
                    return;
                }

                await _actions.BindAsync(pod, node, _claims.Of(pod).Folders, ct);
                lock (_assumed)
                {
                    _assumed[pod.Uid] = (node, _time.GetTimestamp());
                }

                return;
            }

            _queue.NoteFailed(pod.Uid, seen);
            if (result.Outcome.Preemption is { } plan)
            {
                _room.Nominate(pod, plan.Node);
            }

            await _actions.RefuseAsync(pod, result.Outcome, ct);
        }
        catch (ApiException e)
        {
            // gone, bound by another, or the API is away: it is looked at anew as it then is
            _room.Release(result.Outcome.Node ?? "", pod.Name);
            _queue.NoteFailed(pod.Uid, null);
            LogFailed(pod.Name, e.Message);
        }
    }

    private (List<SchedulingPod> Bound, List<SchedulingPod> Unbound) ReadPods()
    {
        var bound = new List<SchedulingPod>();
        var unbound = new List<SchedulingPod>();
        var seen = new HashSet<string>();
        var without = new HashSet<string>();
        foreach (var facts in _view.Pods.All())
        {
            seen.Add(facts.Uid);
            if (facts.IsTerminal || Read(facts) is not { } pod)
            {
                continue;
            }

            if (facts.IsBound || AssumedNode(facts.Uid) is { })
            {
                bound.Add(facts.IsBound ? pod : pod with { NodeName = AssumedNode(facts.Uid)! });
            }
            else if (!pod.IsDeleting && !pod.IsGated && pod.SchedulerName is SchedulingPod.DefaultScheduler or SchedulingPod.GangScheduler)
            {
                without.Add(pod.Uid);
                unbound.Add(pod);
            }
        }

        foreach (var gone in _read.Keys.Where(uid => !seen.Contains(uid)).ToList())
        {
            _read.Remove(gone);
        }

        _queue.Retain(without);
        ForgetAssumed(seen);
        return (bound, unbound);
    }

    // a bound pod's spec is read once; of one without a node its conditions count too
    private SchedulingPod? Read(PodFacts facts)
    {
        if (_read.TryGetValue(facts.Uid, out var known) && facts.IsBound && known.NodeName.Length > 0
            && known.Generation == facts.Generation && known.IsDeleting == facts.IsDeleting && ReferenceOrSame(known.Labels, facts.Labels))
        {
            return known;
        }

        if (_view.Pods.Pods.Get(facts.Name) is not { } value || value.Uid != facts.Uid)
        {
            return null;
        }

        try
        {
            return _read[facts.Uid] = SchedulingPod.Read(value);
        }
        catch (KubeObjectException e)
        {
            LogFailed(facts.Name, e.Message);
            return null;
        }
    }

    private List<SchedulingNode> ReadNodes() => [.. _view.Nodes.All().Select(facts => _room.Node(facts.Name)).OfType<SchedulingNode>()];

    private string? AssumedNode(string uid)
    {
        lock (_assumed)
        {
            return _assumed.TryGetValue(uid, out var assumed) && _time.GetElapsedTime(assumed.Since) < NodeRoom.Patience ? assumed.Node : null;
        }
    }

    private void ForgetAssumed(HashSet<string> seen)
    {
        lock (_assumed)
        {
            foreach (var uid in _assumed.Keys.Where(uid => !seen.Contains(uid) || _time.GetElapsedTime(_assumed[uid].Since) >= NodeRoom.Patience).ToList())
            {
                _assumed.Remove(uid);
            }
        }
    }

    private static NamespacedName GroupOf(SchedulingPod pod) => new(pod.Name.Namespace, pod.Group);

    private static long? Generation(KubeObject value) => value.View(KubernetesJson.Default.AnyObject).Metadata.Generation;

    private static bool ReferenceOrSame(IReadOnlyDictionary<string, string> a, IReadOnlyDictionary<string, string> b) =>
        ReferenceEquals(a, b) || (a.Count == b.Count && a.All(label => b.TryGetValue(label.Key, out var value) && value == label.Value));

    [LoggerMessage(LogLevel.Error, "A round of scheduling failed; the next one follows")]
    private partial void LogRoundFailed(Exception e);

    [LoggerMessage(LogLevel.Debug, "Scheduling of pod {Pod} failed, it is tried again: {Error}")]
    private partial void LogFailed(NamespacedName pod, string error);
}
