using System.Collections.Concurrent;
using EdgeSync.CloudCore.Controllers.Scheduling;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.DaemonSets;

/// <summary>
/// Whether a node has room for a daemon pod: resources, host ports and the number of pods, as the scheduler counts them. One
/// that fits comes with its node, in one write; one that does not is left to the scheduler, which says what is missing, sends less
/// important pods away for it, or waits, as Kubernetes has it. What was promised to pods that the cache does not show yet counts.
/// </summary>
internal sealed partial class NodeRoom
{
    private readonly ClusterView _view;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;

    // what pods ask for: of one DaemonSet and revision once, of others by their UID
    private readonly ConcurrentDictionary<string, (long Generation, SchedulingPod Pod)> _read = new();
    private readonly ConcurrentDictionary<string, (string Version, SchedulingNode Node)> _nodes = new();

    // guards the promises; by node, then by the pod's name
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Dictionary<NamespacedName, (SchedulingPod Pod, long Since)>> _promised = [];

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
    /// Promises the room to the pod of that name if it is there, until <see cref="Release"/> or until the cache shows the pod. A
    /// node that has not said what it can take is not judged: the pod goes there.
    /// </summary>
    public bool TryTake(string nodeName, NamespacedName name, SchedulingPod pod)
    {
        if (ReadNode(nodeName) is not { Allocatable.Count: > 0 } node)
        {
            return true;
        }

        var load = new NodeLoad(node);
        lock (_gate)
        {
            var names = AddBound(load);
            AddPromised(load, names);
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

    /// <summary>The pod was not made.</summary>
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

    /// <summary>Frees what is kept of DaemonSets that are gone.</summary>
    public void Retain(IReadOnlySet<string> daemonSets)
    {
        foreach (var key in _read.Keys)
        {
            if (key.IndexOf('/', StringComparison.Ordinal) is > 0 and var end && !daemonSets.Contains(key[..end]))
            {
                _read.TryRemove(key, out _);
            }
        }
    }

    private HashSet<NamespacedName> AddBound(NodeLoad load)
    {
        var names = new HashSet<NamespacedName>();
        foreach (var facts in _view.Pods.OnNode(load.Node.Name))
        {
            names.Add(facts.Name);
            if (facts is { IsBound: true, IsTerminal: false } && Read(facts) is { } pod)
            {
                load.Add(pod);
            }
        }

        return names;
    }

    private void AddPromised(NodeLoad load, HashSet<NamespacedName> seen)
    {
        if (!_promised.TryGetValue(load.Node.Name, out var promised))
        {
            return;
        }

        foreach (var (name, (pod, since)) in promised.ToList())
        {
            if (seen.Contains(name) || _time.GetElapsedTime(since) >= PodsInFlight.Patience)
            {
                promised.Remove(name);
            }
            else
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
            LogUnreadable(facts.Name.ToString(), e.Message);
            return null;
        }
    }

    private SchedulingNode? ReadNode(string name)
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
            LogUnreadable(value.Describe(), e.Message);
            return null;
        }
    }

    [LoggerMessage(LogLevel.Warning, "What {Name} asks for or has cannot be read and does not count: {Error}")]
    private partial void LogUnreadable(string name, string error);
}
