using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSync.EdgeCore.Configuration;
using EdgeSync.EdgeCore.Edged;
using EdgeSync.EdgeCore.Edged.Cri;
using EdgeSync.EdgeCore.Edged.Volumes;
using EdgeSync.EdgeCore.MetaManager;
using EdgeSync.EdgeCore.Tests.Outboxes;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;
using EdgeSync.Storage;
using EdgeSync.TestKit;
using Microsoft.Extensions.Logging;

namespace EdgeSync.EdgeCore.Tests.Edged;

/// <summary>The pod runner of one node with its database, as the agent composes it, on the tests' containerd.</summary>
internal sealed class EdgedHost : IAsyncDisposable
{
    private readonly TempFolder _folder = new();
    private readonly ILoggerFactory _logs;
    private readonly Database _database;
    private EdgedService? _service;

    public EdgedHost(ContainerdRig rig)
    {
        Rig = rig;
        NodeName = "node-" + Guid.NewGuid().ToString("n")[..8];
        _logs = LoggerFactory.Create(b => b.AddProvider(new FileLoggerProvider(_folder.File("edged.log"))).SetMinimumLevel(LogLevel.Debug));
        _database = EdgeDatabase.Open(_folder.File(EdgeDatabase.FileName), TimeProvider.System);
        Objects = new MetaManager.MetaManager(_database);
        Outbox = new Outbox(_database, new OutboxLimits());
        Cri = new CriClient(new CriChannel(rig.Endpoint, TimeProvider.System));
        Config = new EdgeCoreConfig
        {
            Modules = new ModulesSection
            {
                Edged = new EdgedSection
                {
                    HostnameOverride = NodeName,
                    RootDirectory = _folder.File("root"),
                    TailoredKubeletConfig = new TailoredKubeletConfig
                    {
                        ContainerRuntimeEndpoint = rig.Endpoint,
                        PodLogsDir = _folder.File("logs"),
                        RegisterWithTaints = [new NodeTaint { Key = "dedicated", Effect = "NoSchedule" }],
                    },
                },
            },
        };
    }

    public ContainerdRig Rig { get; }

    public string NodeName { get; }

    public EdgeCoreConfig Config { get; }

    public MetaManager.MetaManager Objects { get; }

    public Outbox Outbox { get; }

    public CriClient Cri { get; }

    /// <summary>What the hub says to requests for tokens; null for no link. Holds from the next start.</summary>
    public TokenQuery? TokenQuery { get; set; }

    public string Folder => _folder.Path;

    public string RootFolder => _folder.File("root");

    public EdgedService Service => _service ?? throw new InvalidOperationException("not started");

    public string Log => File.ReadAllText(_folder.File("edged.log"));

    public async Task StartAsync(bool keepsUnknownPods = false)
    {
        _service = new EdgedService(Config, _database, Objects, Outbox, TimeProvider.System, _logs) { KeepsUnknownPods = keepsUnknownPods };
        _service.Tokens.Query = TokenQuery;
        await _service.StartAsync(CancellationToken.None);
    }

    public async Task StopAsync()
    {
        if (_service is { } service)
        {
            _service = null;
            await service.StopAsync(CancellationToken.None);
            service.Dispose();
        }
    }

    public Task ApplyAsync(string type, JsonObject json)
    {
        var parsed = KubeObject.Parse(Encoding.UTF8.GetBytes(json.ToJsonString()));
        return Objects.ApplyAsync([new ObjectChange(parsed.Key(type), parsed, parsed.Uid)], null, CancellationToken.None);
    }

    public Task DeleteAsync(string type, string name) =>
        Objects.ApplyAsync([new ObjectChange(new ObjectKey("default", type, name), null, "")], null, CancellationToken.None);

    /// <summary>The last status that was put into the outbox; null before the first.</summary>
    public PodStatus? Status(string name)
    {
        if (Entries($"podstatus/default/{name}/") is not [.., { Content: not null } entry])
        {
            return null;
        }

        // the content is a JSON string that holds the patch
        var patch = JsonNode.Parse(JsonNode.Parse(entry.Content)!.GetValue<string>())!["status"]!.AsObject();
        return patch.Deserialize(KubernetesJson.Default.PodStatus);
    }

    public IReadOnlyList<UpstreamMessage> Entries(string keyPrefix) =>
        [.. Outbox.Next(1000).Select(e => e.Message).Where(m => m.Key.StartsWith(keyPrefix, StringComparison.Ordinal))];

    /// <summary>As if the hub had confirmed all that was in the outbox.</summary>
    public Task ForgetMessagesAsync() =>
        Outbox.SettleAsync([.. Outbox.Next(1000).Select(e => new Settlement(e, SettleReason.Taken))], CancellationToken.None);

    /// <summary>Until the agent has logged this.</summary>
    public async Task SaysAsync(string text)
    {
        try
        {
            await Eventually.HoldsAsync($"the log says: {text}", () => Log.Contains(text, StringComparison.Ordinal));
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message}\nlog:\n{Log}");
        }
    }

    public Task RunsAsync(string name, TimeSpan? deadline = null) => HasAsync(
        name, "is Running and Ready", s => s.Phase == "Running" && s.Conditions!.Any(c => c is { Type: "Ready", Status: "True" }), deadline);

    public async Task HasAsync(string name, string what, Func<PodStatus, bool> condition, TimeSpan? deadline = null)
    {
        try
        {
            await Eventually.HoldsAsync($"pod {name} {what}", () => Status(name) is { } status && condition(status), deadline);
        }
        catch (TimeoutException e)
        {
            var status = Status(name);
            throw new TimeoutException(
                $"{e.Message}\nstatus: {(status is null ? "none" : JsonSerializer.Serialize(status, KubernetesJson.Default.PodStatus))}\nlog:\n{Log}");
        }
    }

    /// <summary>What a command in a container of the pod writes.</summary>
    public async Task<string> ExecAsync(string name, params string[] command)
    {
        var id = ContainerId(name);
        var result = await Cri.ExecSyncAsync(id, command, TimeSpan.FromSeconds(30), CancellationToken.None);
        return result.ExitCode == 0
            ? result.Stdout.ToStringUtf8().TrimEnd()
            : throw new InvalidOperationException($"{string.Join(' ', command)} ended with {result.ExitCode}: {result.Stderr.ToStringUtf8()}");
    }

    public string ContainerId(string name, int index = 0) =>
        Status(name)!.ContainerStatuses![index].ContainerID!["containerd://".Length..];

    /// <summary>The containers of this node in the runtime, the dead included.</summary>
    public Task<IReadOnlyList<EdgeCore.Edged.Cri.Container>> ContainersAsync() => Cri.ListContainersAsync(
        new Dictionary<string, string> { ["edgesync.io/node"] = NodeName }, CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        foreach (var pod in Objects.List(ResourceTypes.Pod))
        {
            await DeleteAsync(ResourceTypes.Pod, pod.Name);
        }

        if (_service is null)
        {
            await StartAsync();
        }

        await Eventually.HoldsAsync(
            "the test's pods are gone",
            async () => (await Cri.ListPodSandboxAsync(new Dictionary<string, string> { ["edgesync.io/node"] = NodeName }, CancellationToken.None)).Count == 0
                && !Directory.EnumerateDirectories(Directory.CreateDirectory(Path.Combine(RootFolder, "pods")).FullName).Any(),
            TimeSpan.FromSeconds(60));
        await StopAsync();
        Cri.Dispose();
        await _database.DisposeAsync();
        _logs.Dispose();
        _folder.Dispose();
    }
}
