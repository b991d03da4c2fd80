using System.Collections.Concurrent;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.Nodes;

/// <summary>
/// Deletes pods that have to leave their node for its NoExecute taints (<see cref="OfflineEviction"/>), as Kubernetes' taint eviction
/// controller: at once, or when the time that they tolerate is over. Times begin when this process first sees the taint, so a restart of the
/// hub never evicts at once. A taint that goes undoes what has not happened yet.
/// </summary>
internal sealed partial class TaintEviction : IController
{
    private const string Component = "taint-eviction-controller";
    private const string Reason = "TaintManagerEviction";
    private static readonly TimeSpan s_widespreadPause = TimeSpan.FromSeconds(30);

    private readonly KubeClient _client;
    private readonly ClusterView _view;
    private readonly EventRecorder _events;
    private readonly ControllersOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly WorkQueue<string> _queue;

    // node → its pods that have to leave, by UID, and since when that is known; only the node's worker touches the inner one
    private readonly ConcurrentDictionary<string, Dictionary<string, (NamespacedName Pod, long Since)>> _leaving = new();

    // node → the annotation about which somebody was told
    private readonly ConcurrentDictionary<string, string> _told = new();

    public TaintEviction(
        KubeClient client, ClusterView view, EventRecorder events, ControllersOptions options, TimeProvider time, ILogger<TaintEviction> logger)
    {
        _client = client;
        _view = view;
        _events = events;
        _options = options;
        _time = time;
        _logger = logger;
        _queue = new WorkQueue<string>("taints", time, logger);
        view.Nodes.OnChange(NoteNode);
        view.Pods.OnChange(NotePod);
    }

    public Task RunAsync(CancellationToken ct) => Task.WhenAll(
        _queue.RunAsync(_options.Workers, ReconcileAsync, ct),
        Resync.RunAsync(_options.ResyncPeriod, _time, LookAtAll, ct));

    public void Dispose() => _queue.Dispose();

    private void NoteNode(NodeChange change)
    {
        var node = change.New ?? change.Old!;
        if (change.New?.EvictOfflineAfter is null)
        {
            _told.TryRemove(node.Name, out _);
        }

        if (Concerns(node) || _leaving.ContainsKey(node.Name))
        {
            _options.Deliver(() => _queue.Add(node.Name));
        }
    }

    private void NotePod(PodChange change)
    {
        if (change is { New: { IsBound: true, IsDeleting: false } pod, Old: null or { IsBound: false } }
            && _view.Nodes.Get(pod.NodeName) is { } node && Concerns(node))
        {
            _options.Deliver(() => _queue.Add(pod.NodeName));
        }
    }

    private void LookAtAll()
    {
        foreach (var node in _view.Nodes.All().Where(Concerns))
        {
            _queue.Add(node.Name);
        }
    }

    private static bool Concerns(NodeFacts node) => node.EvictOfflineAfter is not null || node.Taints.Any(taint => taint.Effect == "NoExecute");

    private async Task ReconcileAsync(string name, CancellationToken ct)
    {
        if (_view.Nodes.Get(name) is not { } node)
        {
            // pods of nodes that are gone are the pod garbage collector's
            _leaving.TryRemove(name, out _);
            return;
        }

        TellOfProblem(node);
        var before = _leaving.GetValueOrDefault(name) ?? [];
        var (due, leaving, next) = Sort(node, before);
        foreach (var stays in before.Where(pair => !leaving.ContainsKey(pair.Key) && _view.Pods.Get(pair.Value.Pod) is { IsDeleting: false } pod && pod.Uid == pair.Key))
        {
            _events.Record(Component, EventSubject.Pod(stays.Value.Pod, stays.Key), false, Reason, $"Cancelling deletion of Pod {stays.Value.Pod}");
        }

        if (leaving.Count > 0)
        {
            _leaving[name] = leaving;
        }
        else
        {
            _leaving.TryRemove(name, out _);
        }

        if (due.Count > 0 && !await EvictAsync(node, due, ct))
        {
            next = s_widespreadPause;
        }

        if (next is { } wait)
        {
            _queue.AddAfter(name, wait);
        }
    }

    private (List<PodFacts> Due, Dictionary<string, (NamespacedName Pod, long Since)> Leaving, TimeSpan? Next) Sort(
        NodeFacts node, Dictionary<string, (NamespacedName Pod, long Since)> before)
    {
        var due = new List<PodFacts>();
        var leaving = new Dictionary<string, (NamespacedName Pod, long Since)>();
        TimeSpan? next = null;
        if (!node.Taints.Any(taint => taint.Effect == "NoExecute"))
        {
            return (due, leaving, next);
        }

        foreach (var pod in _view.Pods.OnNode(node.Name).Where(pod => pod is { IsBound: true, IsDeleting: false, IsTerminal: false }))
        {
            if (Tolerations(pod) is not { } tolerations || OfflineEviction.After(node, tolerations) is not { } after)
            {
                continue;
            }

            var since = before.TryGetValue(pod.Uid, out var known) ? known.Since : _time.GetTimestamp();
            leaving[pod.Uid] = (pod.Name, since);
            var left = after - _time.GetElapsedTime(since);
            if (left <= TimeSpan.Zero)
            {
                due.Add(pod);
            }
            else
            {
                next = next is { } earlier && earlier < left ? earlier : left;
            }
        }

        return (due, leaving, next);
    }

    private IReadOnlyList<Toleration>? Tolerations(PodFacts pod)
    {
        try
        {
            return _view.Pods.Pods.Get(pod.Name) is { } value && value.Uid == pod.Uid ? value.View(KubernetesJson.Default.Pod).Spec.Tolerations : null;
        }
        catch (KubeObjectException e)
        {
            LogUnreadable(pod.Name, e.Message);
            return null;
        }
    }

    /// <returns>False where nothing was done, because so many nodes are out of contact.</returns>
    private async Task<bool> EvictAsync(NodeFacts node, List<PodFacts> due, CancellationToken ct)
    {
        // the cache may be behind: no pod is deleted on its word alone
        if (await _client.GetAsync(ApiResources.Nodes, "", node.Name, ct) is not { } live || live.Uid != node.Uid
            || NodeFacts.Read(live) is not { } now || !node.Taints.Where(t => t.Effect == "NoExecute").All(t => now.Taints.Any(other => other.Key == t.Key && other.Effect == t.Effect)))
        {
            return true;
        }

        if (now.Taints.Where(taint => taint.Effect == "NoExecute").All(OfflineEviction.IsOfContact))
        {
            var nodes = _view.Nodes.All();
            if (OfflineEviction.IsWidespread(nodes.Count, nodes.Count(other => !other.IsReady)))
            {
                LogHeld(node.Name, due.Count);
                return false;
            }
        }

        await Batches.InGrowingAsync(due, _options.ParallelRequests, DeleteAsync, ct);
        LogEvicted(node.Name, due.Count);
        return true;
    }

    private Task DeleteAsync(PodFacts pod, CancellationToken ct)
    {
        _events.Record(Component, EventSubject.Pod(pod.Name, pod.Uid), false, Reason, $"Marking for deletion Pod {pod.Name}");
        return DisruptedPod.DeleteAsync(
            _client, pod.Name, pod.Uid,
            new DisruptionCause("DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint", _time.GetUtcNow()), ct);
    }

    private void TellOfProblem(NodeFacts node)
    {
        if (OfflineEviction.Problem(node) is not { } problem)
        {
            _told.TryRemove(node.Name, out _);
        }
        else if (!_told.TryGetValue(node.Name, out var told) || told != node.EvictOfflineAfter)
        {
            _told[node.Name] = node.EvictOfflineAfter!;
            // kubectl describe finds a node's events by its name in the place of its UID
            _events.Record(Component, new EventSubject("v1", "Node", new NamespacedName("", node.Name), node.Name), true, "InvalidAnnotation", problem);
        }
    }

    [LoggerMessage(LogLevel.Warning, "Node {Node}: {Count} pods are deleted for its NoExecute taints")]
    private partial void LogEvicted(string node, int count);

    [LoggerMessage(LogLevel.Warning, "Node {Node}: {Count} pods would have to leave, but so many nodes are out of contact that they stay")]
    private partial void LogHeld(string node, int count);

    [LoggerMessage(LogLevel.Warning, "Pod {Pod} cannot be read and stays on its node: {Error}")]
    private partial void LogUnreadable(NamespacedName pod, string error);
}
