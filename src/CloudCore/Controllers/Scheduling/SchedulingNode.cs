using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.Scheduling;

/// <summary>A node as the scheduler sees it: read once for each version, immutable.</summary>
internal sealed record SchedulingNode
{
    public required string Name { get; init; }

    public IReadOnlyDictionary<string, string> Labels { get; init; } = LabelSelectors.NoLabels;

    public IReadOnlyList<Taint> Taints { get; init; } = [];

    public bool Unschedulable { get; init; }

    /// <summary>As <see cref="SchedulingPod.Requests"/>; and how many pods it takes.</summary>
    public IReadOnlyDictionary<string, long> Allocatable { get; init; } = Demand.None;

    /// <exception cref="KubeObjectException">A field has a wrong type.</exception>
    public static SchedulingNode Read(KubeObject value)
    {
        var node = value.View(ControllersJson.Default.NodeToScheduleGist);
        return new SchedulingNode
        {
            Name = value.Name,
            Labels = node.Metadata?.Labels ?? LabelSelectors.NoLabels,
            Taints = node.Spec?.Taints ?? [],
            Unschedulable = node.Spec?.Unschedulable == true,
            Allocatable = Demand.Read(node.Status?.Allocatable ?? node.Status?.Capacity),
        };
    }
}

/// <summary>A node and what is on it, in a snapshot that one scheduling round works on.</summary>
internal sealed class NodeLoad(SchedulingNode node)
{
    // what a pod that asks for nothing counts as when nodes are compared, as Kubernetes has it
    private const long UnaskedCpu = 100;
    private const long UnaskedMemory = 200L * 1024 * 1024;

    private readonly List<SchedulingPod> _pods = [];
    private readonly Dictionary<string, long> _requested = [];

    // pods by their controller's UID, for the spread of alike pods: asked of each node for each pod
    private readonly Dictionary<string, int> _controlled = [];

    public SchedulingNode Node { get; } = node;

    public IReadOnlyList<SchedulingPod> Pods => _pods;

    public long Requested(string resource) => _requested.GetValueOrDefault(resource);

    /// <summary>How many pods of that controller are here.</summary>
    public int OfController(string uid) => _controlled.GetValueOrDefault(uid);

    /// <summary>Cpu and memory with what pods without requests count as.</summary>
    public (long Cpu, long Memory) Burden { get; private set; }

    public static (long Cpu, long Memory) BurdenOf(SchedulingPod pod) => (
        pod.Requests.GetValueOrDefault(Demand.Cpu) is > 0 and var cpu ? cpu : UnaskedCpu,
        pod.Requests.GetValueOrDefault(Demand.Memory) is > 0 and var memory ? memory : UnaskedMemory);

    public void Add(SchedulingPod pod)
    {
        _pods.Add(pod);
        Count(pod, 1);
    }

    public void Remove(SchedulingPod pod)
    {
        if (_pods.RemoveAll(other => other.Uid == pod.Uid) > 0)
        {
            Count(pod, -1);
        }
    }

    private void Count(SchedulingPod pod, int sign)
    {
        foreach (var (name, value) in pod.Requests)
        {
            _requested[name] = _requested.GetValueOrDefault(name) + (sign * value);
        }

        if (pod.Controller.Length > 0)
        {
            _controlled[pod.Controller] = _controlled.GetValueOrDefault(pod.Controller) + sign;
        }

        var (cpu, memory) = BurdenOf(pod);
        Burden = (Burden.Cpu + (sign * cpu), Burden.Memory + (sign * memory));
    }
}

/// <summary>The nodes with their pods, as one round sees and changes them.</summary>
internal sealed class SchedulingSnapshot
{
    private readonly Dictionary<string, NodeLoad> _byName = [];
    private readonly Dictionary<string, IReadOnlyDictionary<string, string>> _namespaces;

    // pods with pod affinity rules of any kind, which matter to others; a walk over all pods is saved where there are none
    private int _withRules;

    /// <param name="nodes">All nodes.</param>
    /// <param name="pods">All pods that are bound (or about to be) and have not ended.</param>
    /// <param name="namespaces">The labels of the namespaces.</param>
    public SchedulingSnapshot(
        IEnumerable<SchedulingNode> nodes, IEnumerable<SchedulingPod> pods, Dictionary<string, IReadOnlyDictionary<string, string>>? namespaces = null)
    {
        _namespaces = namespaces ?? [];
        foreach (var node in nodes)
        {
            _byName[node.Name] = new NodeLoad(node);
        }

        Nodes = [.. _byName.Values.OrderBy(load => load.Node.Name, StringComparer.Ordinal)];
        foreach (var pod in pods)
        {
            Add(pod, pod.NodeName);
        }
    }

    public IReadOnlyList<NodeLoad> Nodes { get; }

    public bool HasPodsWithRules => _withRules > 0;

    public NodeLoad? Find(string node) => _byName.GetValueOrDefault(node);

    public IReadOnlyDictionary<string, string> LabelsOfNamespace(string ns) => _namespaces.GetValueOrDefault(ns) ?? LabelSelectors.NoLabels;

    public void Add(SchedulingPod pod, string node)
    {
        if (_byName.TryGetValue(node, out var load))
        {
            load.Add(pod);
            _withRules += HasRules(pod) ? 1 : 0;
        }
    }

    public void Remove(SchedulingPod pod, string node)
    {
        if (_byName.TryGetValue(node, out var load))
        {
            load.Remove(pod);
            _withRules -= HasRules(pod) ? 1 : 0;
        }
    }

    private static bool HasRules(SchedulingPod pod) => pod.Affinity is { PodAffinity: not null } or { PodAntiAffinity: not null };
}
