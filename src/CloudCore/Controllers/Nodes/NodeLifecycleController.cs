using System.Collections.Concurrent;
using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.Nodes;

/// <summary>
/// Marks nodes that are no longer heard of, and keeps the taints that follow from their conditions. A sign of life is
/// a renewed Lease in kube-node-lease, a new heartbeat in the Ready condition, or contact with this process's hub; when it came is taken from this
/// process's own clock, so that a wrong clock on the edge marks nobody. Pods are not its concern: see <see cref="TaintEviction"/>.
/// </summary>
internal sealed partial class NodeLifecycleController : IController
{
    private const string LeaseNamespace = "kube-node-lease";

    private static readonly string[] s_conditionsOfTheNode = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"];

    private readonly KubeClient _client;
    private readonly ClusterView _view;
    private readonly ControllersOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly WorkQueue<string> _queue;

    // node name → time stamp of its last sign of life; a node begins with the moment in which we first see it
    private readonly ConcurrentDictionary<string, long> _heard = new();

    // nodes of which there was no sign of life yet: what is known of them is older than this process
    private readonly ConcurrentDictionary<string, bool> _onlySeen = new();

    public NodeLifecycleController(
        KubeClient client, ClusterView view, ControllersOptions options, TimeProvider time, ILogger<NodeLifecycleController> logger)
    {
        _client = client;
        _view = view;
        _options = options;
        _time = time;
        _logger = logger;
        _queue = new WorkQueue<string>("nodes", time, logger);
        view.Nodes.OnChange(NoteNode);
    }

    public async Task RunAsync(CancellationToken ct)
    {
        _view.Follow(_view.Leases, NoteLease);
        await Task.WhenAll(
            _queue.RunAsync(_options.Workers, ReconcileAsync, ct),
            Resync.RunAsync(_options.ResyncPeriod, _time, LookAtAll, ct));
    }

    public void Dispose() => _queue.Dispose();

    private void NoteNode(NodeChange change)
    {
        if (change.New is not { } node)
        {
            _heard.TryRemove(change.Old!.Name, out _);
            _onlySeen.TryRemove(change.Old.Name, out _);
            return;
        }

        if (change.Old is not { } old)
        {
            _onlySeen[node.Name] = true;
            _heard[node.Name] = _time.GetTimestamp();
        }
        else if (IsSignOfLife(old, node))
        {
            NoteHeard(node.Name);
        }

        _options.Deliver(() => _queue.Add(node.Name));
    }

    private void NoteLease(InformerChange change)
    {
        // the first sight of a lease is not a renewal: it may be days old
        if (change is { Old: not null, New: { Namespace: LeaseNamespace } lease } && _heard.ContainsKey(lease.Name))
        {
            NoteHeard(lease.Name);
        }
    }

    private void NoteHeard(string node)
    {
        _heard[node] = _time.GetTimestamp();
        _onlySeen.TryRemove(node, out _);
    }

    private void LookAtAll()
    {
        foreach (var node in _view.Nodes.All())
        {
            _queue.Add(node.Name);
        }
    }

    private static bool IsSignOfLife(NodeFacts old, NodeFacts now)
    {
        var before = old.Conditions.FirstOrDefault(condition => condition.Type == "Ready");
        var after = now.Conditions.FirstOrDefault(condition => condition.Type == "Ready");
        // Unknown is what we write ourselves
        return old.Uid != now.Uid
            || (after is { Status: "True" or "False" }
                && (before?.LastHeartbeatTime != after.LastHeartbeatTime || before?.Status != after.Status));
    }

    private async Task ReconcileAsync(string name, CancellationToken ct)
    {
        if (_view.Nodes.Get(name) is not { } node || _view.Nodes.GetObject(name) is not { } value || !_heard.TryGetValue(name, out var heard))
        {
            return;
        }

        // a silent node that is marked already needs no further look: when it is back, it says so by a change of its own
        var silent = _time.GetElapsedTime(heard);
        if (_options.SilenceOf(name) is { } silence && silence < silent)
        {
            silent = silence;
        }

        if (silent < _options.NodeMonitorGracePeriod)
        {
            _queue.AddAfter(name, _options.NodeMonitorGracePeriod - silent);
        }
        else if (MarkUnknown(value, LastContact(name, silent), _time.GetUtcNow()) is { } patch)
        {
            LogUnreachable(name, silent);
            var marked = await _client.PatchAsync(ApiResources.Nodes, "", name, PatchType.Merge, patch, "status", ct);
            (node, value) = (NodeFacts.Read(marked), marked);
        }

        if (NodeTaints.Correct(node, _time.GetUtcNow()) is { } taints)
        {
            await _client.PatchAsync(ApiResources.Nodes, "", name, PatchType.Merge, WriteTaints(value, taints), null, ct);
            LogTaints(name, node.Ready, string.Join(' ', taints.Select(taint => $"{taint.Key}:{taint.Effect}")));
        }
    }

    // where this process has not heard the node, its lease says when another has
    private DateTimeOffset LastContact(string node, TimeSpan silent)
    {
        var since = _time.GetUtcNow() - silent;
        return _onlySeen.ContainsKey(node) && _options.SilenceOf(node) is null && LeaseTime(node) is { } renewed && renewed < since ? renewed : since;
    }

    private DateTimeOffset? LeaseTime(string node)
    {
        try
        {
            return _view.Leases.Get(new NamespacedName(LeaseNamespace, node)) is { } lease
                && KubeTime.TryParse(JsonNode.Parse(lease.Json.Span)?["spec"]?["renewTime"]?.ToString(), out var renewed) ? renewed : null;
        }
        catch (InvalidOperationException)
        {
            return null; // a lease of another shape says nothing
        }
    }

    // null where all conditions are Unknown already; the reasons are Kubernetes'
    internal static byte[]? MarkUnknown(KubeObject node, DateTimeOffset lastContact, DateTimeOffset now)
    {
        var status = JsonNode.Parse(node.Json.Span)!["status"] as JsonObject ?? [];
        var conditions = status["conditions"]?.DeepClone().AsArray() ?? [];
        var changed = false;
        foreach (var type in s_conditionsOfTheNode)
        {
            var condition = conditions.FirstOrDefault(candidate => candidate?["type"]?.ToString() == type)?.AsObject();
            if (condition is null)
            {
                conditions.Add((JsonNode)NeverUpdated(type, node, now));
                changed = true;
            }
            else if (condition["status"]?.ToString() != "Unknown")
            {
                condition["status"] = "Unknown";
                condition["reason"] = "NodeStatusUnknown";
                condition["message"] = $"No contact since {KubeTime.Format(lastContact)}: what runs on the node is not known.";
                condition["lastTransitionTime"] = KubeTime.Format(now);
                changed = true;
            }
        }

        // the version, because the list is replaced as a whole: a node that speaks up meanwhile wins
        return changed ? Patch(node, "status", new JsonObject { ["conditions"] = conditions }) : null;
    }

    private static JsonObject NeverUpdated(string type, KubeObject node, DateTimeOffset now) => new()
    {
        ["type"] = type,
        ["status"] = "Unknown",
        ["reason"] = "NodeStatusNeverUpdated",
        ["message"] = "Kubelet never posted node status.",
        ["lastHeartbeatTime"] = node.View(KubernetesJson.Default.AnyObject).Metadata.CreationTimestamp,
        ["lastTransitionTime"] = KubeTime.Format(now),
    };

    private static byte[] WriteTaints(KubeObject node, IReadOnlyList<Taint> taints)
    {
        var list = new JsonArray();
        foreach (var taint in taints)
        {
            var json = new JsonObject { ["key"] = taint.Key, ["effect"] = taint.Effect };
            if (taint.Value is not null)
            {
                json["value"] = taint.Value;
            }

            if (taint.TimeAdded is not null)
            {
                json["timeAdded"] = taint.TimeAdded;
            }

            list.Add((JsonNode)json);
        }

        return Patch(node, "spec", new JsonObject { ["taints"] = list });
    }

    private static byte[] Patch(KubeObject node, string member, JsonObject content) => Encoding.UTF8.GetBytes(new JsonObject
    {
        ["metadata"] = new JsonObject { ["uid"] = node.Uid, ["resourceVersion"] = node.ResourceVersion },
        [member] = content,
    }.ToJsonString());

    [LoggerMessage(LogLevel.Warning, "Node {Node} was not heard of for {Silent}; it is marked unreachable, its pods stay")]
    private partial void LogUnreachable(string node, TimeSpan silent);

    [LoggerMessage(LogLevel.Information, "Node {Node} is Ready={Ready}; its taints are now [{Taints}]")]
    private partial void LogTaints(string node, string ready, string taints);
}
