using System.Collections.Concurrent;
using EdgeSync.CloudCore.Controllers.DaemonSets;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.Scheduling;

/// <summary>
/// What nodes have left for more pods: resources, host ports and the number of pods. Two give it away, the scheduler and the
/// controller of DaemonSets, whose pods come with their node where they fit; both ask here first, so nothing is given twice while
/// the cache does not show yet what became of it.
/// </summary>
internal sealed partial class NodeRoom
{
    /// <summary>What was given and is not seen as taken after this long is free again; the API refuses to bind twice.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly ClusterView _view;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;

    // what pods ask for: of one DaemonSet and revision once, of others by their UID
    private readonly ConcurrentDictionary<string, (long Generation, SchedulingPod Pod)> _read = new();
    private readonly ConcurrentDictionary<string, (string Version, SchedulingNode Node)> _nodes = new();

    // guards the two below; the promises by node, then by the pod's name
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Dictionary<NamespacedName, (SchedulingPod Pod, long Since)>> _promised = [];
    private readonly Dictionary<NamespacedName, (SchedulingPod Pod, long Since)> _nominated = [];

    public NodeRoom(ClusterView view, TimeProvider time, ILogger logger)
    {
        (_view, _time, _logger) = (view, time, logger);
        view.Pods.OnChange(change =>
        {
            if (change is { New: null, Old: { } gone })
            {
                _read.TryRemove(gone.Uid, out _);
            }
        });
        view.Nodes.OnChange(change =>
        {
            if (change is { New: null, Old: { } gone })
            {
                _nodes.TryRemove(gone.Name, out _);
            }
        });
    }

    /// <summary>
    /// Promises the room to the pod of that name if it is there, until <see cref="Release"/> or until the cache shows the pod as
    /// bound. A node that has not said what it can take is not judged: the pod goes there.
    /// </summary>
    public bool TryTake(string nodeName, NamespacedName name, SchedulingPod pod)
    {
        if (Node(nodeName) is not { Allocatable.Count: > 0 } node)
        {
            return true;
        }

        var load = new NodeLoad(node);
        lock (_gate)
        {
            var names = AddBound(load);
            AddPromised(load, names, name);
            AddNominated(load, pod, name);
            if (!NodeFit.HasRoomFor(pod, load))
            {
                return false;
            }

            if (!_promised.TryGetValue(nodeName, out var promised))
            {
                _promised[nodeName] = promised = [];
            }

            promised[name] = (pod, _time.GetTimestamp());
            return true;
        }
    }

    /// <summary>The pod was not made, or not bound.</summary>
    public void Release(string nodeName, NamespacedName name)
    {
        lock (_gate)
        {
            if (_promised.TryGetValue(nodeName, out var promised) && promised.Remove(name) && promised.Count == 0)
            {
                _promised.Remove(nodeName);
            }
        }
    }

    /// <summary>Pods are sent away for this one: what they leave is not given to a lesser one.</summary>
    public void Nominate(SchedulingPod pod, string node)
    {
        lock (_gate)
        {
            _nominated[pod.Name] = (pod with { NominatedNode = node }, _time.GetTimestamp());
        }
    }

    /// <summary>All pods for which room is being made, as the scheduler's present round sees them.</summary>
    public void NoteNominated(IReadOnlyList<SchedulingPod> pods)
    {
        lock (_gate)
        {
            // one that was nominated a moment ago may not be seen so yet
            foreach (var old in _nominated.Where(n => _time.GetElapsedTime(n.Value.Since) >= PodsInFlight.Patience).Select(n => n.Key).ToList())
            {
                _nominated.Remove(old);
            }

            foreach (var pod in pods)
            {
                _nominated[pod.Name] = (pod, _time.GetTimestamp());
            }
        }
    }

    /// <summary>Frees what is kept of DaemonSets that are gone, and old promises.</summary>
    public void Retain(IReadOnlySet<string> daemonSets)
    {
        lock (_gate)
        {
            foreach (var (node, promised) in _promised.ToList())
            {
                foreach (var name in promised.Where(p => _time.GetElapsedTime(p.Value.Since) >= Patience).Select(p => p.Key).ToList())
                {
                    promised.Remove(name);
                }

                if (promised.Count == 0)
                {
                    _promised.Remove(node);
                }
            }
        }

        foreach (var key in _read.Keys)
        {
            if (key.IndexOf('/', StringComparison.Ordinal) is > 0 and var end && !daemonSets.Contains(key[..end]))
            {
                _read.TryRemove(key, out _);
            }
        }
    }

    /// <summary>The node as it is now, read once for each version; null where there is none that can be read.</summary>
    public SchedulingNode? Node(string name)
    {
        if (_view.Nodes.GetObject(name) is not { } value)
        {
            return null;
        }

        if (_nodes.TryGetValue(name, out var known) && known.Version == value.ResourceVersion)
        {
            return known.Node;
        }

        try
        {
            var node = SchedulingNode.Read(value);
            _nodes[name] = (value.ResourceVersion, node);
            return node;
        }
        catch (KubeObjectException e)
        {
            LogNodeUnreadable(name, e.Message);
            return null;
        }
    }

    private HashSet<NamespacedName> AddBound(NodeLoad load)
    {
        var names = new HashSet<NamespacedName>();
        foreach (var facts in _view.Pods.OnNode(load.Node.Name))
        {
            // one that waits for this node has nothing of it yet
            if (facts.IsBound && names.Add(facts.Name) && !facts.IsTerminal && Read(facts) is { } pod)
            {
                load.Add(pod);
            }
        }

        return names;
    }

    private void AddNominated(NodeLoad load, SchedulingPod pod, NamespacedName name)
    {
        foreach (var (other, _) in _nominated.Values)
        {
            if (other.NominatedNode == load.Node.Name && other.Name != name && other.Priority >= pod.Priority
                && _view.Pods.Get(other.Name) is { IsBound: false } facts && facts.Uid == other.Uid)
            {
                load.Add(other);
            }
        }
    }

    private void AddPromised(NodeLoad load, HashSet<NamespacedName> seen, NamespacedName own)
    {
        if (!_promised.TryGetValue(load.Node.Name, out var promised))
        {
            return;
        }

        foreach (var (name, (pod, since)) in promised.ToList())
        {
            if (seen.Contains(name) || _time.GetElapsedTime(since) >= Patience)
            {
                promised.Remove(name);
            }
            else if (name != own)
            {
                load.Add(pod);
            }
        }
    }

    private SchedulingPod? Read(PodFacts facts)
    {
        var key = facts.Controller is { Kind: "DaemonSet" } owner ? $"{owner.Uid}/{facts.Labels.GetValueOrDefault(DaemonPodWriter.HashLabel)}" : facts.Uid;
        if (_read.TryGetValue(key, out var known) && known.Generation == facts.Generation)
        {
            return known.Pod;
        }

        if (_view.Pods.Pods.Get(facts.Name) is not { } value || value.Uid != facts.Uid)
        {
            return null;
        }

        try
        {
            var read = SchedulingPod.Read(value);
            var asks = new SchedulingPod { Name = read.Name, Uid = read.Uid, Requests = read.Requests, Ports = read.Ports };
            _read[key] = (facts.Generation, asks);
            return asks;
        }
        catch (KubeObjectException e)
        {
            LogUnreadable(facts.Name, e.Message);
            return null;
        }
    }

    [LoggerMessage(LogLevel.Warning, "Node {Node} cannot be read and gets no pods from the scheduler: {Error}")]
    private partial void LogNodeUnreadable(string node, string error);

    [LoggerMessage(LogLevel.Warning, "What pod {Pod} asks for cannot be read and does not count: {Error}")]
    private partial void LogUnreadable(NamespacedName pod, string error);
}
