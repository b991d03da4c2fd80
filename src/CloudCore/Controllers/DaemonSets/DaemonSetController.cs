using System.Collections.Concurrent;
using System.Diagnostics;
using EdgeSync.CloudCore.Controllers.Scheduling;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.DaemonSets;

/// <summary>
/// Keeps one pod of every DaemonSet on every node that it fits. Each reconcile reads the whole present state, decides
/// (<see cref="DaemonSetDecision"/>) and acts; changes only say which DaemonSet to look at.
/// </summary>
internal sealed partial class DaemonSetController : IController
{
    // a DaemonSet on thousands of nodes is looked at after a burst of changes, not at each of them
    private const int CostFactor = 3;
    private static readonly TimeSpan s_longestBatch = TimeSpan.FromSeconds(1);

    private readonly ClusterView _view;
    private readonly ControllersOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly WorkQueue<NamespacedName> _queue;
    private readonly RevisionHistory _history;
    private readonly PodsInFlight _inFlight;
    private readonly EndedPodBackoff _backoff;
    private readonly PodControl _pods;
    private readonly NodeRoom? _room;
    private readonly DaemonPodActions _actions;
    private readonly DaemonSetStatusWriter _status;

    // the DaemonSets there are, and how long the last look at each took
    private readonly ConcurrentDictionary<NamespacedName, TimeSpan> _known = new();

    /// <param name="client">The way to the API.</param>
    /// <param name="view">What there is.</param>
    /// <param name="room">What nodes have left; null where no scheduler runs, so that nobody would place what does not fit.</param>
    /// <param name="events">Where it is told.</param>
    /// <param name="options">Settings of all controllers.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">The log.</param>
    public DaemonSetController(
        KubeClient client, ClusterView view, NodeRoom? room, EventRecorder events, ControllersOptions options, TimeProvider time, ILogger<DaemonSetController> logger)
    {
        _view = view;
        _options = options;
        _time = time;
        _logger = logger;
        _queue = new WorkQueue<NamespacedName>("daemonsets", time, logger);
        _history = new RevisionHistory(client, view.Revisions, ApiResources.DaemonSets, DaemonPodWriter.HashLabel);
        _inFlight = new PodsInFlight(time);
        _backoff = new EndedPodBackoff(time);
        _pods = new PodControl(client, view.Pods, _inFlight, ApiResources.DaemonSets, logger);
        var said = new DaemonSetEvents(events);
        _room = room;
        _actions = new DaemonPodActions(client, view.Pods, _room, _pods, _inFlight, said, options, logger);
        _status = new DaemonSetStatusWriter(client, said, time);
        view.Pods.OnChange(NotePod);
        view.Revisions.OnChange(NoteRevision);
        view.Nodes.OnChange(NoteNode);
    }

    public async Task RunAsync(CancellationToken ct)
    {
        _view.Follow(_view.DaemonSets, NoteDaemonSet);
        await Task.WhenAll(
            _queue.RunAsync(_options.Workers, ReconcileAsync, ct),
            Resync.RunAsync(_options.ResyncPeriod, _time, LookAtAll, ct));
    }

    public void Dispose() => _queue.Dispose();

    private void NoteDaemonSet(InformerChange change)
    {
        if (change.New is null)
        {
            _known.TryRemove(change.Name, out _);
        }
        else
        {
            _known.TryAdd(change.Name, TimeSpan.Zero);
        }

        _options.Deliver(() => _queue.Add(change.Name));
    }

    private void NotePod(PodChange change) => OwnedPods.Note(
        change, ApiResources.DaemonSets, _inFlight, _view.DaemonSets, key => _options.Deliver(() => AddSoon(key)));

    // as in Kubernetes one that comes is seen with the next look; one that goes may be the current one, deleted by hand
    private void NoteRevision(RevisionFacts? old, RevisionFacts? now)
    {
        if (now is null && old?.Owners.FirstOrDefault(owner => owner.Controller == true && owner.Is(ApiResources.DaemonSets)) is { } daemonSet)
        {
            _options.Deliver(() => AddSoon(new NamespacedName(old.Name.Namespace, daemonSet.Name)));
        }
    }

    private void NoteNode(NodeChange change)
    {
        if (change is { Old: { } old, New: { } now } && now.PlacesLike(old))
        {
            return;
        }

        foreach (var key in _known.Keys)
        {
            _options.Deliver(() => AddSoon(key));
        }
    }

    private void AddSoon(NamespacedName key)
    {
        var wait = _known.TryGetValue(key, out var cost) ? cost * CostFactor : TimeSpan.Zero;
        _queue.AddAfter(key, wait < s_longestBatch ? wait : s_longestBatch);
    }

    // also frees what is kept of DaemonSets that are gone
    private void LookAtAll()
    {
        var alive = _view.DaemonSets.Snapshot().Select(value => value.Uid).ToHashSet();
        _inFlight.Retain(alive);
        _backoff.Retain(alive);
        _history.Retain(alive);
        _room?.Retain(alive);
        _status.Retain(alive);
        _view.Pods.RetainOwners(alive);
        foreach (var key in _known.Keys)
        {
            _queue.Add(key);
        }
    }

    private async Task ReconcileAsync(NamespacedName key, CancellationToken ct)
    {
        // one that is on its way out is the garbage collector's: making pods now would never let it go
        if (_view.DaemonSets.Get(key) is not { IsDeleting: false } daemonSet)
        {
            return;
        }

        var began = Stopwatch.GetTimestamp();
        var view = daemonSet.View(KubernetesJson.Default.DaemonSet);
        await _pods.ClaimAsync(daemonSet, view.Spec.Selector, null, ct);
        await _pods.SettleAsync(daemonSet, ct);
        var owner = new RevisionOwner(
            daemonSet, view.Metadata, view.Spec.Selector, view.Spec.Template.Metadata.Labels, view.Status?.CollisionCount ?? 0, view.Spec.RevisionHistoryLimit);
        var current = await _history.EnsureCurrentAsync(owner, ct);
        var hash = current.Hash;
        var pods = _pods.Controlled(daemonSet);
        if (RevisionPlan.PodsOf(current.Duplicates, pods, DaemonPodWriter.HashLabel) is { Count: > 0 } misnamed)
        {
            // decided on when the cache shows it, or they would be replaced as pods of an older template
            await _actions.RelabelAsync(misnamed, hash, ct);
            return;
        }

        await _history.DeleteAsync(current.Duplicates, ct);
        var plan = Decide(daemonSet, view, hash, pods);
        NoteCost(key, Stopwatch.GetElapsedTime(began));

        var status = _status.WriteAsync(daemonSet, view, hash, plan, ct);
        await Task.WhenAll(_actions.ApplyAsync(daemonSet, view, hash, plan, NoteReplaced, ct), status);
        var inUse = pods.Select(pod => pod.Labels.GetValueOrDefault(DaemonPodWriter.HashLabel, "")).Append(hash).ToHashSet();
        await _history.TrimAsync(owner, revision => inUse.Contains(revision.Hash), ct);

        // of several the earliest counts
        foreach (var again in new[] { await status, plan.LookAgainAfter, _inFlight.HasAny(daemonSet.Uid) ? PodsInFlight.Patience : null })
        {
            if (again is { } wait)
            {
                _queue.AddAfter(key, wait);
            }
        }
    }

    private DaemonSetPlan Decide(KubeObject daemonSet, DaemonSet view, string hash, IReadOnlyList<PodFacts> pods) =>
        DaemonSetDecision.Decide(new DaemonSetState
        {
            Spec = view.Spec,
            Hash = hash,
            Nodes = _view.Nodes.All(),
            Pods = pods.GroupBy(pod => pod.NodeName).ToDictionary(group => group.Key, group => (IReadOnlyList<PodFacts>)[.. group]),
            Now = _time.GetUtcNow(),
            CountsOffline = view.Metadata.Annotations?.GetValueOrDefault(DaemonSetDecision.OfflineAnnotation) == "true",
            ReplaceAfter = pod => _backoff.Left(daemonSet.Uid, pod.NodeName),
        });

    private void NoteReplaced(KubeObject daemonSet, PodFacts pod)
    {
        _backoff.NoteReplaced(daemonSet.Uid, pod.NodeName);
        LogReplaced(daemonSet.Describe(), pod.Name, pod.NodeName, pod.Phase);
    }

    // only while it is known, or a removed DaemonSet would come back into the list
    private void NoteCost(NamespacedName key, TimeSpan cost)
    {
        if (_known.TryGetValue(key, out var before))
        {
            _known.TryUpdate(key, cost, before);
        }
    }

    [LoggerMessage(LogLevel.Information, "{DaemonSet}: pod {Pod} on {Node} is {Phase} and is replaced")]
    private partial void LogReplaced(string daemonSet, NamespacedName pod, string node, string phase);
}
