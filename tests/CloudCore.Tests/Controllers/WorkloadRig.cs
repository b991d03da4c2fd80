using System.Collections.Concurrent;
using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.Controllers;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.CloudCore.Tests.EmbeddedApi;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.TestKit;
using Microsoft.Extensions.Logging.Abstractions;

namespace EdgeSync.CloudCore.Tests.Controllers;

/// <summary>
/// The embedded API with all its controllers at work on it, and stand-ins for the edge boxes: they report the pods of their nodes as running
/// (or as the test says), and confirm deletions, as long as they are online.
/// </summary>
internal sealed class WorkloadRig : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new(TimeSpan.FromMinutes(3));
    private readonly ApiHost _host;
    private readonly TempFolder _home;
    private readonly InformerSet _informers;
    private readonly ControllersService? _controllers;
    private readonly InformerSet _edgeInformers;
    private readonly WorkQueue<NamespacedName> _edgeWork;
    private readonly KubeClient _controllerClient;
    private readonly List<Task> _running = [];

    private WorkloadRig(ApiHost host, TempFolder home, ControllersOptions options, bool run, Func<KubeConfig, KubeClient>? connect)
    {
        _host = host;
        _home = home;
        Kubeconfig = host.WriteKubeconfig(home.Path);
        var config = KubeConfig.Load(Kubeconfig);
        Client = new KubeClient(config, TimeProvider.System);
        _controllerClient = connect?.Invoke(config) ?? new KubeClient(config, TimeProvider.System);
        _informers = new InformerSet(_controllerClient, TimeProvider.System, null);
        _controllers = run ? new ControllersService(_controllerClient, _informers, options, TimeProvider.System, NullLoggerFactory.Instance) : null;
        _edgeInformers = new InformerSet(Client, TimeProvider.System, null);
        Pods = _edgeInformers.For(ApiResources.Pods);
        _edgeWork = new WorkQueue<NamespacedName>("edges", TimeProvider.System, NullLogger.Instance);
    }

    public string Kubeconfig { get; }

    public KubeClient Client { get; }

    public Informer Pods { get; }

    public CancellationToken Ct => _stop.Token;

    /// <summary>Nodes whose boxes are away: their pods stay as they are.</summary>
    public ConcurrentDictionary<string, bool> Away { get; } = new();

    /// <summary>What an online edge reports of a pod, as its status; null for running and ready.</summary>
    public Func<KubeObject, string?> Outcome { get; set; } = _ => null;

    public static async Task<WorkloadRig> StartAsync(ControllersOptions? options = null, bool run = true, Func<KubeConfig, KubeClient>? connect = null)
    {
        var home = new TempFolder();
        var rig = new WorkloadRig(
            await ApiHost.StartAsync(home.Path), home, options ?? new ControllersOptions { NodeMonitorGracePeriod = TimeSpan.FromHours(1) }, run, connect);
        rig.Pods.Subscribe(change => rig._edgeWork.Add(change.Name));
        rig._running.Add(rig._edgeInformers.RunAsync(rig.Ct));
        rig._running.Add(rig._edgeWork.RunAsync(4, rig.ServeAsync, rig.Ct));
        await rig._edgeInformers.WaitForSyncAsync(rig.Ct);
        if (run)
        {
            rig._running.Add(rig._informers.RunAsync(rig.Ct));
            rig._running.Add(rig._controllers!.RunAsync(rig.Ct));
        }

        return rig;
    }

    public async Task AddNodeAsync(string name, string cpu = "4", string labels = "", string spec = "{}")
    {
        await CreateAsync(ApiResources.Nodes, "", $$$$"""
            {"metadata":{"name":"{{{{name}}}}","labels":{"kubernetes.io/hostname":"{{{{name}}}}" {{{{labels}}}} }},"spec":{{{{spec}}}},
             "status":{"allocatable":{"cpu":"{{{{cpu}}}}","memory":"8Gi","pods":"110"},
                       "conditions":[{"type":"Ready","status":"True","lastHeartbeatTime":"{{{{KubeTime.Format(DateTimeOffset.UtcNow)}}}}"}]}}
            """);
    }

    public Task<KubeObject> CreateAsync(ApiResource resource, string ns, string json) => Client.CreateAsync(resource, ns, Encoding.UTF8.GetBytes(json), Ct);

    public Task<KubeObject> CreateAsync(ApiResource resource, string json) => CreateAsync(resource, "default", json);

    public Task<KubeObject> PatchAsync(ApiResource resource, string name, string json, string? subresource = null) =>
        Client.PatchAsync(resource, resource.Namespaced ? "default" : "", name, PatchType.StrategicMerge, Encoding.UTF8.GetBytes(json), subresource, Ct);

    public async Task<JsonObject?> GetAsync(ApiResource resource, string name) =>
        await Client.GetAsync(resource, resource.Namespaced ? "default" : "", name, Ct) is { } found ? JsonNode.Parse(found.Json.Span)!.AsObject() : null;

    public async Task<IReadOnlyList<JsonObject>> ListAsync(ApiResource resource) =>
        [.. (await Client.ListAsync(resource, null, null, Ct)).Items.Select(item => JsonNode.Parse(item.Json.Span)!.AsObject())];

    /// <summary>The pods of a label <c>app</c> that are neither ended nor on their way out.</summary>
    public IReadOnlyList<PodFacts> Alive(string app) =>
        [.. Pods.Snapshot().Select(PodFacts.Read).Where(pod => pod is { IsDeleting: false, IsTerminal: false } && pod.Labels.GetValueOrDefault("app") == app)];

    /// <summary>Until the condition holds; a timeout brings the pods along.</summary>
    public async Task HoldsAsync(string what, Func<Task<bool>> condition, int seconds = 60)
    {
        try
        {
            await Eventually.HoldsAsync(what, condition, TimeSpan.FromSeconds(seconds));
        }
        catch (TimeoutException e)
        {
            var pods = Pods.Snapshot().Select(PodFacts.Read).Select(pod => $"{pod.Name} {pod.Phase} on '{pod.NodeName}' ready={pod.IsReady} deleting={pod.IsDeleting}");
            throw new TimeoutException($"{e.Message}\n{string.Join('\n', pods)}", e);
        }
    }

    /// <inheritdoc cref="HoldsAsync(string, Func{Task{bool}}, int)"/>
    public Task HoldsAsync(string what, Func<bool> condition, int seconds = 60) => HoldsAsync(what, () => Task.FromResult(condition()), seconds);

    /// <summary>Lets the boxes look at all pods again, after <see cref="Away"/> or <see cref="Outcome"/> has changed.</summary>
    public void Look()
    {
        foreach (var pod in Pods.Snapshot())
        {
            _edgeWork.Add(NamespacedName.Of(pod));
        }
    }

    public async Task<string> KubectlAsync(params string[] arguments)
    {
        using var process = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("kubectl", ["--kubeconfig", Kubeconfig, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["HOME"] = _home.Path }, // what it remembers of an API is of a port, which was another's before
        })!;
        var errors = process.StandardError.ReadToEndAsync(Ct);
        var output = await process.StandardOutput.ReadToEndAsync(Ct);
        await process.WaitForExitAsync(Ct);
        Assert.True(process.ExitCode == 0, $"kubectl {string.Join(' ', arguments)}: {output} {await errors}");
        return output;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_running);
        _controllers?.Dispose();
        _edgeWork.Dispose();
        _informers.Dispose();
        _edgeInformers.Dispose();
        _controllerClient.Dispose();
        Client.Dispose();
        await _host.DisposeAsync();
        _home.Dispose();
        _stop.Dispose();
    }

    private async Task ServeAsync(NamespacedName key, CancellationToken ct)
    {
        if (Pods.Get(key) is not { } value || PodFacts.Read(value) is not { IsBound: true } pod || Away.ContainsKey(pod.NodeName))
        {
            return;
        }

        try
        {
            if (pod.IsDeleting)
            {
                await Client.DeleteAsync(ApiResources.Pods, key.Namespace, key.Name, new DeleteOptions { GracePeriodSeconds = 0, Uid = pod.Uid }, ct);
            }
            else if (!pod.IsTerminal && Outcome(value) is var told && (told is not null || !pod.IsReady) && told != "")
            {
                var now = KubeTime.Format(DateTimeOffset.UtcNow);
                var status = told ?? $$$"""{"phase":"Running","startTime":"{{{now}}}","conditions":[{"type":"Ready","status":"True","lastTransitionTime":"{{{now}}}"}]}""";
                await Client.PatchAsync(
                    ApiResources.Pods, key.Namespace, key.Name, PatchType.StrategicMerge, Encoding.UTF8.GetBytes($$"""{"status":{{status}}}"""), "status", ct);
            }
        }
        catch (ApiException e) when (e.IsNotFound)
        {
            // gone already
        }
    }
}
