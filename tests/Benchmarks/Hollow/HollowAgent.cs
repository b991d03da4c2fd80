using EdgeSync.EdgeCore.Configuration;
using EdgeSync.EdgeCore.EdgeHub;
using EdgeSync.EdgeCore.MetaManager;
using EdgeSync.Protocol.Sync;
using EdgeSync.Protocol.Wire;
using EdgeSync.Storage;
using Microsoft.Extensions.Logging.Abstractions;

namespace EdgeSync.Benchmarks.Hollow;

/// <summary>The agent's own link and its own SQLite file, without what runs pods: for what must be durable on both sides.</summary>
internal sealed class HollowAgent : IAsyncDisposable
{
    private readonly Database _database;
    private readonly EdgeHubService _hub;
    private readonly List<IDisposable> _subscriptions = [];
    private volatile bool _synced;

    private HollowAgent(HollowFleet fleet, string node, EdgeCoreConfig config)
    {
        _database = EdgeDatabase.Open(config.Database.DataSource, TimeProvider.System);
        var meta = new MetaManager(_database);
        var outbox = new Outbox(_database, config.Modules.MetaManager.Outbox.ToLimits());
        _hub = new EdgeHubService(
            new HubConnector(config, new HubTime(_database)), config, meta, outbox,
            _ => Task.FromResult<IReadOnlyList<UpstreamMessage>>([HollowKubelet.Registration(node), HollowKubelet.NodeStatus(node)]),
            new LinkJournal(() => 0, TimeProvider.System), TimeProvider.System, NullLogger<EdgeHubService>.Instance)
        {
            Synced = _ =>
            {
                _synced = true;
                return Task.CompletedTask;
            },
        };
        foreach (var type in (string[])[ResourceTypes.ConfigMap, ResourceTypes.Pod])
        {
            // announced after the commit, just before it is acknowledged
            _subscriptions.Add(meta.Subscribe(type, key =>
            {
                if (meta.Get(key) is { } stored)
                {
                    fleet.Arrived(key, stored);
                }
            }));
        }
    }

    public bool IsSynced => _synced;

    public static async Task<HollowAgent> StartAsync(HollowFleet fleet, int index, string folder)
    {
        Directory.CreateDirectory(folder);
        var node = HollowIdentities.NameOf(index);
        string File(string name) => Path.Combine(folder, name);
        fleet.Identities.Export(index, File("node.crt"), File("node.key"));
        await System.IO.File.WriteAllTextAsync(File("ca.crt"), fleet.Identities.Authority.ExportCertificatePem());
        var config = new EdgeCoreConfig
        {
            Database = new DatabaseSection { DataSource = File(EdgeDatabase.FileName) },
            Modules = new ModulesSection
            {
                Edged = new EdgedSection { HostnameOverride = node },
                EdgeHub = new EdgeHubSection
                {
                    TlsCaFile = File("ca.crt"),
                    TlsCertFile = File("node.crt"),
                    TlsPrivateKeyFile = File("node.key"),
                    Websocket = new WebSocketSection { Server = $"127.0.0.1:{fleet.Target.Ports[0]}" },
                },
            },
        };
        var agent = new HollowAgent(fleet, node, config);
        await agent._hub.StartAsync(CancellationToken.None);
        return agent;
    }

    public async ValueTask DisposeAsync()
    {
        await _hub.StopAsync(CancellationToken.None);
        foreach (var subscription in _subscriptions)
        {
            subscription.Dispose();
        }

        _hub.Dispose();
        await _database.DisposeAsync();
    }
}
