using System.Collections.Concurrent;
using EdgeSync.CloudCore.KubeApi;

namespace EdgeSync.CloudCore.Controllers.Garbage;

/// <summary>
/// Removes, without grace, pods that are bound to a node which does not exist: nobody is left to stop them and say so.
/// They stay for <see cref="ControllersOptions.MissingNodeGrace"/>, in which the node may register itself again.
/// </summary>
internal sealed partial class PodsOfMissingNodes : IController
{
    private readonly KubeClient _client;
    private readonly ClusterView _view;
    private readonly ControllersOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly WorkQueue<string> _queue;

    // node name → time stamp at which it was first missed
    private readonly ConcurrentDictionary<string, long> _missing = new();

    public PodsOfMissingNodes(
        KubeClient client, ClusterView view, ControllersOptions options, TimeProvider time, ILogger<PodsOfMissingNodes> logger)
    {
        _client = client;
        _view = view;
        _options = options;
        _time = time;
        _logger = logger;
        _queue = new WorkQueue<string>("missing nodes", time, logger);
        view.Pods.OnChange(NotePod);
        view.Nodes.OnChange(NoteNode);
    }

    public Task RunAsync(CancellationToken ct) => Task.WhenAll(
        _queue.RunAsync(1, ReconcileAsync, ct),
        Resync.RunAsync(_options.ResyncPeriod, _time, LookAtAll, ct));

    public void Dispose() => _queue.Dispose();

    private void NotePod(PodChange change)
    {
        if (change.New is { NodeName.Length: > 0 } pod && change.Old?.NodeName != pod.NodeName && _view.Nodes.Get(pod.NodeName) is null)
        {
            _options.Deliver(() => _queue.Add(pod.NodeName));
        }
    }

    private void NoteNode(NodeChange change)
    {
        if (change.Old is null || change.New is null)
        {
            _options.Deliver(() => _queue.Add((change.New ?? change.Old)!.Name));
        }
    }

    private void LookAtAll()
    {
        foreach (var node in _view.Pods.Nodes().Where(node => _view.Nodes.Get(node) is null))
        {
            _queue.Add(node);
        }
    }

    private async Task ReconcileAsync(string node, CancellationToken ct)
    {
        var pods = _view.Pods.OnNode(node);
        if (_view.Nodes.Get(node) is not null || pods.Count == 0)
        {
            _missing.TryRemove(node, out _);
            return;
        }

        var missed = _time.GetElapsedTime(_missing.GetOrAdd(node, _time.GetTimestamp()));
        if (missed < _options.MissingNodeGrace)
        {
            _queue.AddAfter(node, _options.MissingNodeGrace - missed);
            return;
        }

        // the cache may be behind: nothing is deleted on its word alone
        if (await _client.GetAsync(ApiResources.Nodes, "", node, ct) is not null)
        {
            return;
        }

        foreach (var pod in pods)
        {
            await DeleteAsync(pod, ct);
        }

        LogRemoved(node, pods.Count);
    }

    // nobody will say how it ended; who counts pods (a Job) must see that it has
    private async Task DeleteAsync(PodFacts pod, CancellationToken ct) => await DisruptedPod.DeleteAsync(
        _client, pod.Name, pod.Uid,
        new DisruptionCause("DeletionByPodGC", "PodGC: node no longer exists", _time.GetUtcNow())
        {
            Phase = pod.IsTerminal ? null : "Failed",
            GracePeriodSeconds = 0,
        },
        ct);

    [LoggerMessage(LogLevel.Information, "Node {Node} does not exist; its {Count} pods are removed")]
    private partial void LogRemoved(string node, int count);
}
