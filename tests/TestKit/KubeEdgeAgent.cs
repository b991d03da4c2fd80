using System.Globalization;

namespace EdgeSync.TestKit;

/// <summary>
/// KubeEdge's own edgecore with a folder, ports and a configuration of its own. The environment variable KUBEEDGE_BIN names the
/// folder that holds the program (built from KubeEdge's source; nothing of it is here).
/// </summary>
public sealed class KubeEdgeAgent : IAsyncDisposable
{
    private readonly TempFolder _folder = new();
    private readonly ContainerdRig _runtime;
    private readonly MosquittoBroker _broker;
    private readonly int _port = FreePort.Next();
    private ProgramsProcess? _process;

    public KubeEdgeAgent(string nodeName, ContainerdRig runtime, MosquittoBroker broker)
    {
        NodeName = nodeName;
        _runtime = runtime;
        _broker = broker;
    }

    public string NodeName { get; }

    /// <summary>Whether its stream tunnel is switched on. Its kubelet then has the port that KubeEdge's hub names, of which there is one on a machine.</summary>
    public bool HasStream { get; init; }

    public string DatabaseFile => _folder.File("edgecore.db");

    public string LogFile => _folder.File("edgecore.log");

    private static string? Program => Environment.GetEnvironmentVariable("KUBEEDGE_BIN") is { Length: > 0 } folder
        ? Path.Combine(folder, "edgecore") : null;

    /// <summary>Why the program cannot be run here; null where it can.</summary>
    public static string? WhyNot() => Program is null ? "KUBEEDGE_BIN names no folder with KubeEdge's edgecore"
        : !File.Exists(Program) ? $"{Program} (KUBEEDGE_BIN) is not there" : null;

    /// <summary>Its certificate and key: PEM files, there once it has enrolled.</summary>
    public (string Certificate, string Key) Identity => (_folder.File("pki/server.crt"), _folder.File("pki/server.key"));

    /// <summary>Writes its configuration; with the token in it, it enrolls by itself at its first start.</summary>
    public async Task ConfigureAsync(ProgramsCloud cloud) =>
        await ConfigureAsync(cloud.HubAddress, cloud.HubAddress, cloud.HubAddress, await cloud.GetTokenAsync());

    /// <summary>As above, for a hub with several ports (HOST:PORT each): sessions, enrolment, stream tunnels.</summary>
    public Task ConfigureAsync(string hub, string enrollment, string tunnel, string token) =>
        File.WriteAllTextAsync(_folder.File("edgecore.yaml"), Configuration(hub, enrollment, tunnel, token));

    public void Start() => _process = ProgramsProcess.Start(
        Program!, ["--config", _folder.File("edgecore.yaml"), "--v=2"], LogFile,
        // it refuses to run beside another kubelet
        ProgramsPlace.Here
            .With("CHECK_EDGECORE_ENVIRONMENT", "false")
            .With("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));

    /// <summary>kill -9; its containers go on.</summary>
    public async Task KillAsync()
    {
        if (_process is { } process)
        {
            _process = null;
            await process.KillAsync();
            await process.DisposeAsync();
        }
    }

    public string LogTail() => ProgramsProcess.LogTail(LogFile);

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        await _runtime.UnmountAsync(_folder.Path);
        _folder.Dispose();
    }

    // a kubelet that keeps its hands off the machine: no control groups of its own, no oom score, no iptables, no ports but one
    private string Configuration(string hub, string enrollment, string tunnel, string token) => string.Create(CultureInfo.InvariantCulture, $$"""
        apiVersion: edgecore.config.kubeedge.io/v1alpha2
        kind: EdgeCore
        database: {aliasName: default, dataSource: {{DatabaseFile}}, driverName: sqlite3}
        modules:
          deviceTwin: {dmiSockPath: {{_folder.Path}}/, enable: true}
          edgeHub:
            enable: true
            heartbeat: 15
            httpServer: https://{{enrollment}}
            messageBurst: 60
            messageQPS: 30
            projectID: e632aba927ea4ac2b575ec1603d56f10
            rotateCertificates: true
            tlsCaFile: {{_folder.File("pki/ca.crt")}}
            tlsCertFile: {{_folder.File("pki/server.crt")}}
            tlsPrivateKeyFile: {{_folder.File("pki/server.key")}}
            token: {{token}}
            websocket: {enable: true, handshakeTimeout: 30, readDeadline: 15, server: "{{hub}}", writeDeadline: 15}
          edged:
            enable: true
            hostnameOverride: {{NodeName}}
            rootDirectory: {{_folder.File("kubelet")}}
            tailoredKubeletConfig:
              address: 127.0.0.1
              readOnlyPort: {{(HasStream ? 10350 : _port)}}
              cgroupDriver: cgroupfs
              cgroupsPerQOS: false
              enforceNodeAllocatable: [none] # an empty list does not survive its own rewriting of this file
              containerRuntimeEndpoint: {{_runtime.Endpoint}}
              imageServiceEndpoint: {{_runtime.Endpoint}}
              staticPodPath: {{_folder.File("static")}}
              podLogsDir: {{_folder.File("logs")}}
              resolvConf: /etc/resolv.conf
              oomScoreAdj: 0
              failSwapOn: false
              makeIPTablesUtilChains: false
              localStorageCapacityIsolation: false
              volumePluginDir: {{_folder.File("plugins")}}
              registerNode: true
              hairpinMode: none
          edgeStream:
            enable: {{(HasStream ? "true" : "false")}}
            handshakeTimeout: 30
            readDeadline: 15
            server: "{{tunnel}}"
            tlsTunnelCAFile: {{_folder.File("pki/ca.crt")}}
            tlsTunnelCertFile: {{_folder.File("pki/server.crt")}}
            tlsTunnelPrivateKeyFile: {{_folder.File("pki/server.key")}}
            writeDeadline: 15
          eventBus: {enable: true, mqttMode: 2, mqttServerExternal: "tcp://127.0.0.1:{{_broker.Port}}"}
          metaManager: {enable: true}
        """);
}
