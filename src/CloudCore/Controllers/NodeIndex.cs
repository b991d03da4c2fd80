using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers;

/// <summary>A node's change, in facts. Old null: new; New null: gone.</summary>
internal readonly record struct NodeChange(NodeFacts? Old, NodeFacts? New);

/// <summary>The nodes of the shared informer, read once per change.</summary>
internal sealed partial class NodeIndex(Informer nodes, ILogger logger)
{
    private readonly ILogger _logger = logger;
    private readonly List<Action<NodeChange>> _handlers = [];

    // guards the two below; _all is made anew on the first read after a change
    private readonly Lock _gate = new();
    private readonly Dictionary<string, NodeFacts> _nodes = [];
    private IReadOnlyList<NodeFacts>? _all;

    /// <summary>Begins to follow the informer. Handlers (<see cref="OnChange"/>) are set before.</summary>
    public IDisposable Start() => nodes.Subscribe(Apply);

    /// <summary>Calls <paramref name="handler"/> on every change; under the informer's lock, so it only notes keys.</summary>
    public void OnChange(Action<NodeChange> handler) => _handlers.Add(handler);

    public NodeFacts? Get(string name)
    {
        lock (_gate)
        {
            return _nodes.GetValueOrDefault(name);
        }
    }

    /// <summary>The object itself, for those who change it.</summary>
    public KubeObject? GetObject(string name) => nodes.Get(new NamespacedName("", name));

    public IReadOnlyList<NodeFacts> All()
    {
        lock (_gate)
        {
            return _all ??= [.. _nodes.Values];
        }
    }

    private void Apply(InformerChange change)
    {
        NodeFacts? now = null;
        try
        {
            now = change.New is null ? null : NodeFacts.Read(change.New);
        }
        catch (KubeObjectException e)
        {
            LogUnreadable(change.Name.Name, e.Message);
        }

        NodeFacts? old;
        lock (_gate)
        {
            _nodes.Remove(change.Name.Name, out old);
            if (now is not null)
            {
                _nodes[now.Name] = now;
            }

            _all = null;
        }

        foreach (var handler in _handlers)
        {
            handler(new NodeChange(old, now));
        }
    }

    [LoggerMessage(LogLevel.Warning, "Node {Node} cannot be read and is left alone: {Error}")]
    private partial void LogUnreadable(string node, string error);
}
