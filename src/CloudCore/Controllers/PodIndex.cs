using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers;

/// <summary>A pod's change, in facts. Old null: new; New null: gone.</summary>
internal readonly record struct PodChange(PodFacts? Old, PodFacts? New);

/// <summary>
/// The pods of the shared informer by owner, by node, and those without a controller by namespace. It is kept under
/// the informer's lock, so it never misses or reorders a change; readers get copies.
/// </summary>
internal sealed partial class PodIndex
{
    private readonly ILogger _logger;
    private readonly List<Action<PodChange>> _handlers = [];

    // guards the dictionaries
    private readonly Lock _gate = new();
    private readonly Dictionary<NamespacedName, PodFacts> _pods = [];
    private readonly Dictionary<string, Dictionary<string, PodFacts>> _byOwner = [];
    private readonly Dictionary<string, Dictionary<string, PodFacts>> _byNode = [];
    private readonly Dictionary<string, Dictionary<string, PodFacts>> _uncontrolled = [];
    private readonly Dictionary<string, Dictionary<string, PodFacts>> _byGroup = [];
    private readonly Dictionary<(string Owner, string Node), string> _lastGone = [];

    public PodIndex(Informer pods, ILogger logger)
    {
        _logger = logger;
        Pods = pods;
    }

    public Informer Pods { get; }

    /// <summary>Begins to follow the informer. Handlers (<see cref="OnChange"/>) are set before.</summary>
    public IDisposable Start() => Pods.Subscribe(Apply);

    /// <summary>Calls <paramref name="handler"/> on every change; under the informer's lock, so it only notes keys.</summary>
    public void OnChange(Action<PodChange> handler) => _handlers.Add(handler);

    public PodFacts? Get(NamespacedName name)
    {
        lock (_gate)
        {
            return _pods.GetValueOrDefault(name);
        }
    }

    public IReadOnlyList<PodFacts> All()
    {
        lock (_gate)
        {
            return [.. _pods.Values];
        }
    }

    /// <summary>Pods with an owner reference (controller or not) to that UID.</summary>
    public IReadOnlyList<PodFacts> OwnedBy(string uid) => Find(_byOwner, uid);

    public IReadOnlyList<PodFacts> OnNode(string node) => Find(_byNode, node);

    /// <summary>The nodes that any pod is bound to.</summary>
    public IReadOnlyList<string> Nodes()
    {
        lock (_gate)
        {
            return [.. _byNode.Keys];
        }
    }

    /// <summary>Pods of the namespace that no controller owns.</summary>
    public IReadOnlyList<PodFacts> Uncontrolled(string ns) => Find(_uncontrolled, ns);

    /// <summary>Pods that say that they belong to that PodGroup.</summary>
    public IReadOnlyList<PodFacts> InGroup(NamespacedName group) => Find(_byGroup, group.ToString());

    /// <summary>The UID of the last pod of that owner that this process saw go from the node; empty for none.</summary>
    public string LastGone(string owner, string node)
    {
        lock (_gate)
        {
            return _lastGone.GetValueOrDefault((owner, node), "");
        }
    }

    /// <summary>Frees what is remembered of owners that are gone.</summary>
    public void RetainOwners(IReadOnlySet<string> owners)
    {
        lock (_gate)
        {
            foreach (var key in _lastGone.Keys.Where(key => !owners.Contains(key.Owner)).ToList())
            {
                _lastGone.Remove(key);
            }
        }
    }

    private IReadOnlyList<PodFacts> Find(Dictionary<string, Dictionary<string, PodFacts>> index, string key)
    {
        lock (_gate)
        {
            return index.TryGetValue(key, out var found) ? [.. found.Values] : [];
        }
    }

    private void Apply(InformerChange change)
    {
        PodFacts? now = null;
        try
        {
            now = change.New is null ? null : PodFacts.Read(change.New);
        }
        catch (KubeObjectException e)
        {
            // cannot be acted on; the object itself stays in the informer for those who pass it through
            LogUnreadable(change.Name, e.Message);
        }

        PodFacts? old;
        lock (_gate)
        {
            _pods.Remove(change.Name, out old);
            Remove(old);
            Add(now);
            if (old?.Controller is { } controller && now is null)
            {
                _lastGone[(controller.Uid, old.NodeName)] = old.Uid;
            }
        }

        foreach (var handler in _handlers)
        {
            handler(new PodChange(old, now));
        }
    }

    private void Add(PodFacts? pod)
    {
        if (pod is null)
        {
            return;
        }

        _pods[pod.Name] = pod;
        foreach (var owner in pod.Owners)
        {
            AddTo(_byOwner, owner.Uid, pod);
        }

        AddTo(_byNode, pod.NodeName, pod);
        AddTo(_byGroup, GroupOf(pod), pod);
        if (pod.Controller is null)
        {
            AddTo(_uncontrolled, pod.Name.Namespace, pod);
        }
    }

    private void Remove(PodFacts? pod)
    {
        if (pod is null)
        {
            return;
        }

        foreach (var owner in pod.Owners)
        {
            RemoveFrom(_byOwner, owner.Uid, pod);
        }

        RemoveFrom(_byNode, pod.NodeName, pod);
        RemoveFrom(_byGroup, GroupOf(pod), pod);
        RemoveFrom(_uncontrolled, pod.Name.Namespace, pod);
    }

    private static string GroupOf(PodFacts pod) => pod.Gang.Group.Length > 0 ? new NamespacedName(pod.Name.Namespace, pod.Gang.Group).ToString() : "";

    private static void AddTo(Dictionary<string, Dictionary<string, PodFacts>> index, string key, PodFacts pod)
    {
        if (key.Length > 0)
        {
            if (!index.TryGetValue(key, out var pods))
            {
                index[key] = pods = [];
            }

            pods[pod.Uid] = pod;
        }
    }

    private static void RemoveFrom(Dictionary<string, Dictionary<string, PodFacts>> index, string key, PodFacts pod)
    {
        if (index.TryGetValue(key, out var pods) && pods.Remove(pod.Uid) && pods.Count == 0)
        {
            index.Remove(key);
        }
    }

    [LoggerMessage(LogLevel.Warning, "Pod {Pod} cannot be read and is left alone: {Error}")]
    private partial void LogUnreadable(NamespacedName pod, string error);
}
