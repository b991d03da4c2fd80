using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.EdgeCore.Configuration;
using EdgeSync.EdgeCore.Edged.Pods;
using EdgeSync.EdgeCore.EdgeHub;
using EdgeSync.EdgeCore.EdgeHub.KubeEdge;
using EdgeSync.EdgeCore.MetaManager;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;
using EdgeSync.Storage;
using EdgeSync.TestKit;
using Microsoft.Extensions.Logging;

namespace EdgeSync.EdgeCore.Tests.EdgeHub.KubeEdge;

/// <summary>The parts of the agent that speak with a hub, on a folder, against the scripted one.</summary>
internal sealed class HubAgent : IAsyncDisposable
{
    private readonly TempFolder _folder;
    private readonly ILoggerFactory _logs;
    private readonly Database _database;

    private HubAgent(TempFolder folder, CloudScript cloud, ScriptedHub hub, int heartbeat)
    {
        _folder = folder;
        Cloud = cloud;
        Hub = hub;
        var config = new EdgeCoreConfig
        {
            Modules = new ModulesSection
            {
                Edged = new EdgedSection { HostnameOverride = ScriptedHub.NodeName },
                EdgeHub = new EdgeHubSection
                {
                    Heartbeat = heartbeat,
                    TlsCaFile = Hub.AuthorityFile,
                    TlsCertFile = Hub.CertificateFile,
                    TlsPrivateKeyFile = Hub.KeyFile,
                    Websocket = new WebSocketSection { Server = Hub.Address },
                },
            },
        };
        _logs = LoggerFactory.Create(b => b.AddProvider(new FileLoggerProvider(_folder.File("agent.log"))).SetMinimumLevel(LogLevel.Trace));
        _database = EdgeDatabase.Open(_folder.File(EdgeDatabase.FileName), TimeProvider.System);
        Objects = new EdgeCore.MetaManager.MetaManager(_database);
        Outbox = new Outbox(_database, config.Modules.MetaManager.Outbox.ToLimits());
        Service = new EdgeHubService(
            new HubConnector(config, new HubTime(_database)), config, Objects, Outbox, _ => Task.FromResult(Registration()),
            new LinkJournal(() => 0, TimeProvider.System), TimeProvider.System, _logs.CreateLogger<EdgeHubService>())
        {
            KubeEdge = new KubeEdgePeer(
                config, Objects, _ => Task.FromResult<IReadOnlyDictionary<string, RelistedPod>>(Running), TimeProvider.System, _logs),
            Synced = _ =>
            {
                SyncedWith = [.. Objects.List(ResourceTypes.Pod).Select(p => p.Uid)];
                return Task.CompletedTask;
            },
        };
    }

    public CloudScript Cloud { get; }

    public ScriptedHub Hub { get; }

    public EdgeCore.MetaManager.MetaManager Objects { get; }

    public Outbox Outbox { get; }

    public EdgeHubService Service { get; }

    /// <summary>The pods that the runtime holds.</summary>
    public Dictionary<string, RelistedPod> Running { get; } = [];

    /// <summary>The UIDs of the stored pods when the agent last said that it holds all that it should; null before.</summary>
    public IReadOnlyList<string>? SyncedWith { get; private set; }

    public string Log
    {
        get
        {
            using var file = new FileStream(_folder.File("agent.log"), FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            return new StreamReader(file).ReadToEnd();
        }
    }

    /// <summary>The agent and its hub; the link is up only after <see cref="ConnectAsync"/>.</summary>
    /// <param name="heartbeat">Seconds; an agent that hears nothing for a few of them ends the link and begins anew, and the hub says nothing of itself.</param>
    public static async Task<HubAgent> CreateAsync(int heartbeat = 60)
    {
        // the hub listens before the agent is made: its address is part of the configuration
        var folder = new TempFolder();
        var cloud = new CloudScript();
        return new HubAgent(folder, cloud, await ScriptedHub.StartAsync(folder, cloud.Answer), heartbeat);
    }

    public Task ConnectAsync() => Service.StartAsync(CancellationToken.None);

    public async Task HoldsAsync(string what, Func<bool> condition)
    {
        try
        {
            await Eventually.HoldsAsync(what, condition);
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message}\nlog:\n{Log}");
        }
    }

    public KubeObject? Stored(string resource) => ObjectKey.TryParse(resource, out var key) ? Objects.Get(key) : null;

    /// <summary>Stores the object of a recording, as an earlier session would have.</summary>
    public Task StoreAsync(string type, JsonNode content)
    {
        var stored = KubeObject.Parse(Encoding.UTF8.GetBytes(content.ToJsonString()));
        return Objects.ApplyAsync([new ObjectChange(stored.Key(type), stored, stored.Uid)], null, CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        await Service.StopAsync(CancellationToken.None);
        Service.Dispose();
        await Hub.DisposeAsync();
        await _database.DisposeAsync();
        _logs.Dispose();
        _folder.Dispose();
    }

    private static IReadOnlyList<UpstreamMessage> Registration() =>
    [
        new UpstreamMessage(
            "node", Lane.Control, false, Sources.Edged, Groups.Meta, Operations.Insert, $"null/node/{ScriptedHub.NodeName}",
            Encoding.UTF8.GetBytes($$$"""{"apiVersion":"v1","kind":"Node","metadata":{"name":"{{{ScriptedHub.NodeName}}}"}}""")),
        new UpstreamMessage(
            "nodestatus", Lane.Control, false, Sources.Edged, Groups.Meta, Operations.Patch, $"null/nodepatch/{ScriptedHub.NodeName}",
            MessageContent.Text("""{"status":{}}""")),
    ];
}
