using System.Globalization;
using EdgeSync.EdgeCore.Configuration;
using EdgeSync.EdgeCore.EdgeHub;
using EdgeSync.EdgeCore.MetaManager;
using EdgeSync.Storage;
using EdgeSync.TestKit;
using Microsoft.Extensions.Logging;

namespace EdgeSync.EdgeCore.Tests.Link;

/// <summary>The agent's real link with its real store, in a folder of its own.</summary>
internal sealed class LinkAgent : IAsyncDisposable
{
    public const string NodeName = "edge-1";

    private readonly TempFolder _folder = new();
    private readonly Database _database;
    private readonly EdgeHubService _service;

    public LinkAgent(LinkHub hub, int port)
    {
        var (certificate, key) = hub.Issue(NodeName);
        File.WriteAllText(_folder.File("ca.crt"), hub.Authority.ExportCertificatePem());
        File.WriteAllText(_folder.File("node.crt"), certificate.ExportCertificatePem());
        File.WriteAllText(_folder.File("node.key"), key.ExportPkcs8PrivateKeyPem());
        var config = new EdgeCoreConfig
        {
            Modules = new ModulesSection
            {
                Edged = new EdgedSection { HostnameOverride = NodeName },
                EdgeHub = new EdgeHubSection
                {
                    Heartbeat = (int)hub.Heartbeat.TotalSeconds,
                    TlsCaFile = _folder.File("ca.crt"),
                    TlsCertFile = _folder.File("node.crt"),
                    TlsPrivateKeyFile = _folder.File("node.key"),
                    Websocket = new WebSocketSection { Server = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}") },
                },
            },
        };
        _database = EdgeDatabase.Open(_folder.File(EdgeDatabase.FileName), TimeProvider.System);
        Objects = new EdgeCore.MetaManager.MetaManager(_database);
        Outbox = new Outbox(_database, new OutboxLimits());
        _service = new EdgeHubService(
            new HubConnector(config, new HubTime(_database)), config, Objects, Outbox, _ => Task.FromResult<IReadOnlyList<UpstreamMessage>>([]), new LinkJournal(() => 0, TimeProvider.System), TimeProvider.System,
            LoggerFactory.Create(b => b.SetMinimumLevel(LogLevel.Debug).AddProvider(Log)).CreateLogger<EdgeHubService>());
        _service.Synced = _ =>
        {
            SyncedCount++;
            return Task.CompletedTask;
        };
    }

    public EdgeCore.MetaManager.MetaManager Objects { get; }

    public Outbox Outbox { get; }

    public LinkLog Log { get; } = new();

    public int SyncedCount { get; private set; }

    public bool IsConnected => _service.IsConnected;

    public Task StartAsync() => _service.StartAsync(CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        await _service.StopAsync(CancellationToken.None);
        _service.Dispose();
        await _database.DisposeAsync();
        _folder.Dispose();
    }
}
