using System.Collections.Concurrent;
using System.Text;
using EdgeSync.CloudCore.Controllers;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.TestKit;
using Microsoft.Extensions.Logging.Abstractions;

namespace EdgeSync.CloudCore.Tests.Controllers;

/// <summary>
/// The controllers at work on a real API server, with stand-ins for the edge boxes: they report the pods of their
/// nodes as running, and confirm deletions, as long as they are online. Namespace and nodes are the test's own.
/// </summary>
internal sealed class ControllerRig : IAsyncDisposable
{
    private static readonly TimeSpan s_deadline = TimeSpan.FromMinutes(3);

    private readonly CancellationTokenSource _stop = new(s_deadline);
    private readonly InformerSet _informers;
    private readonly ControllersService? _controllers;
    private readonly InformerSet _edgeInformers;
    private readonly WorkQueue<NamespacedName> _edgeWork;
    private readonly ConcurrentDictionary<string, bool> _online = new();
    private readonly KubeClient _controllerClient;
    private readonly List<Task> _running = [];

    public ControllerRig(EnvtestCluster cluster, ControllersOptions? options = null, Func<KubeConfig, KubeClient>? connect = null, bool run = true)
    {
        var config = KubeConfig.Load(cluster.Kubeconfig);
        Kubeconfig = cluster.Kubeconfig;
        Client = new KubeClient(config, TimeProvider.System);
        _controllerClient = connect?.Invoke(config) ?? new KubeClient(config, TimeProvider.System);
        _informers = new InformerSet(_controllerClient, TimeProvider.System, null);
        if (run)
        {
            _controllers = new ControllersService(
                _controllerClient, _informers, options ?? Options(), TimeProvider.System, NullLoggerFactory.Instance);
        }

        _edgeInformers = new InformerSet(Client, TimeProvider.System, null);
        Pods = _edgeInformers.For(ApiResources.Pods);
        Nodes = _edgeInformers.For(ApiResources.Nodes);
        _edgeWork = new WorkQueue<NamespacedName>("edges", TimeProvider.System, NullLogger.Instance);
    }

    public string Namespace { get; } = $"t{Guid.NewGuid():N}"[..10];

    public string Kubeconfig { get; }

    public KubeClient Client { get; }

    public Informer Pods { get; }

    public Informer Nodes { get; }

    public CancellationToken Ct => _stop.Token;

    /// <summary>What an online edge reports of a pod: null for running and ready, else its phase; settable by the test.</summary>
    public Func<PodFacts, string?> Outcome { get; set; } = _ => null;

    public static ControllersOptions Options() => new()
    {
        NodeMonitorGracePeriod = TimeSpan.FromHours(1),
        MissingNodeGrace = TimeSpan.Zero,
    };

    public async Task StartAsync()
    {
        await CreateAsync(ApiResources.Namespaces, "", $$$"""{"metadata":{"name":"{{{Namespace}}}"}}""");
        Pods.Subscribe(change => _edgeWork.Add(change.Name));
        _running.Add(_edgeInformers.RunAsync(Ct));
        _running.Add(_edgeWork.RunAsync(4, ServeAsync, Ct));
        await _edgeInformers.WaitForSyncAsync(Ct);
        _running.Add(_informers.RunAsync(Ct));
        if (_controllers is not null)
        {
            _running.Add(_controllers.RunAsync(Ct));
        }
    }

    public string Node(int i) => $"{Namespace}-n{i}";

    public async Task AddNodesAsync(int count, int first = 0)
    {
        for (var i = first; i < first + count; i++)
        {
            await AddNodeAsync(i);
        }
    }

    public Task AddNodeAsync(int i)
    {
        _online[Node(i)] = true;
        return CreateAsync(ApiResources.Nodes, "", $$$"""
            {"metadata":{"name":"{{{Node(i)}}}","labels":{"run":"{{{Namespace}}}"}},
             "status":{"conditions":[{"type":"Ready","status":"True","lastHeartbeatTime":"{{{KubeTime.Format(DateTimeOffset.UtcNow)}}}"}]} }
            """);
    }

    /// <summary>Sets the Ready condition, as the agent or the node lifecycle would.</summary>
    public async Task SetReadyAsync(int i, string status)
    {
        _online[Node(i)] = status == "True";
        await Eventually.HoldsAsync("condition written", async () =>
        {
            await Client.PatchAsync(ApiResources.Nodes, "", Node(i), PatchType.Merge, Encoding.UTF8.GetBytes(
                $$$"""{"status":{"conditions":[{"type":"Ready","status":"{{{status}}}","lastHeartbeatTime":"{{{KubeTime.Format(DateTimeOffset.UtcNow)}}}"}]} }"""), "status", Ct);
            return true;
        });
        foreach (var pod in PodsNow())
        {
            _edgeWork.Add(pod.Name);
        }
    }

    public Task ApplyDaemonSetAsync(string name, string image = "a:1", string more = "") => CreateAsync(
        ApiResources.DaemonSets, Namespace, $$$"""
        {"metadata":{"name":"{{{name}}}"},"spec":{"selector":{"matchLabels":{"app":"{{{name}}}"} },{{{more}}}
         "template":{"metadata":{"labels":{"app":"{{{name}}}"} },
                     "spec":{"nodeSelector":{"run":"{{{Namespace}}}"},"terminationGracePeriodSeconds":1,"containers":[{"name":"c","image":"{{{image}}}"}]} } } }
        """);

    public Task SetImageAsync(string name, string image) => Client.PatchAsync(
        ApiResources.DaemonSets, Namespace, name, PatchType.StrategicMerge,
        Encoding.UTF8.GetBytes($$$"""{"spec":{"template":{"spec":{"containers":[{"name":"c","image":"{{{image}}}"}]} } } }"""), null, Ct);

    public async Task<KubeObject> CreateAsync(ApiResource resource, string ns, string json) =>
        await Client.CreateAsync(resource, ns, Encoding.UTF8.GetBytes(json), Ct);

    public IReadOnlyList<PodFacts> PodsNow() =>
        [.. Pods.Snapshot().Where(pod => pod.Namespace == Namespace).Select(PodFacts.Read)];

    public async Task<DaemonSet> DaemonSetAsync(string name) =>
        (await Client.GetAsync(ApiResources.DaemonSets, Namespace, name, Ct))!.View(KubernetesJson.Default.DaemonSet);

    /// <summary>Until exactly these nodes have one running pod each, and no other pod is there.</summary>
    public Task RunsOnAsync(params int[] nodes) => Eventually.HoldsAsync(
        $"one running pod on each of {nodes.Length} nodes",
        () => PodsNow() is var pods && pods.All(pod => pod is { IsReady: true, IsDeleting: false })
            && pods.Select(pod => pod.NodeName).Order().SequenceEqual(nodes.Select(Node).Order()),
        TimeSpan.FromSeconds(60));

    public async ValueTask DisposeAsync()
    {
        // the cluster is shared: leave no node and no DaemonSet to the next test
        await Client.DeleteAsync(ApiResources.Namespaces, "", Namespace, null, Ct);
        foreach (var node in Nodes.Snapshot().Where(node => node.Name.StartsWith(Namespace, StringComparison.Ordinal)))
        {
            await DeleteAsync(ApiResources.Nodes, "", node.Name, null);
        }

        foreach (var value in (await Client.ListAsync(ApiResources.DaemonSets, Namespace, null, Ct)).Items)
        {
            await DeleteAsync(ApiResources.DaemonSets, Namespace, value.Name, new DeleteOptions { PropagationPolicy = "Background" });
        }

        foreach (var pod in (await Client.ListAsync(ApiResources.Pods, Namespace, null, Ct)).Items)
        {
            await ServeDeletionAsync(pod.Name);
        }

        await _stop.CancelAsync();
        await Task.WhenAll(_running);
        _controllers?.Dispose();
        _edgeWork.Dispose();
        _informers.Dispose();
        _edgeInformers.Dispose();
        _controllerClient.Dispose();
        Client.Dispose();
        _stop.Dispose();
    }

    private async Task ServeAsync(NamespacedName key, CancellationToken ct)
    {
        if (key.Namespace != Namespace || Pods.Get(key) is not { } value)
        {
            return;
        }

        var pod = PodFacts.Read(value);
        if (!_online.GetValueOrDefault(pod.NodeName))
        {
            return;
        }

        if (pod.IsDeleting)
        {
            await ServeDeletionAsync(key.Name);
        }
        else if (pod is { IsReady: false, IsTerminal: false })
        {
            var now = KubeTime.Format(DateTimeOffset.UtcNow);
            var status = Outcome(pod) is { } phase
                ? $$"""{"phase":"{{phase}}"}"""
                : $$$"""{"phase":"Running","conditions":[{"type":"Ready","status":"True","lastTransitionTime":"{{{now}}}"}]}""";
            await Client.PatchAsync(
                ApiResources.Pods, key.Namespace, key.Name, PatchType.Merge,
                Encoding.UTF8.GetBytes($$"""{"status":{{status}}}"""), "status", ct);
        }
    }

    private Task ServeDeletionAsync(string pod) => DeleteAsync(ApiResources.Pods, Namespace, pod, new DeleteOptions { GracePeriodSeconds = 0 });

    private async Task DeleteAsync(ApiResource resource, string ns, string name, DeleteOptions? options)
    {
        try
        {
            await Client.DeleteAsync(resource, ns, name, options, Ct);
        }
        catch (ApiException e) when (e.IsNotFound)
        {
            // gone already
        }
    }
}
