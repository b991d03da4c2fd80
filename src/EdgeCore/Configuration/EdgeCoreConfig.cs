using System.Text.Json.Serialization;

namespace EdgeSync.EdgeCore.Configuration;

/// <summary>
/// edgecore.yaml in KubeEdge's shape (<c>edgecore.config.kubeedge.io/v1alpha2</c>), the members that this agent acts
/// on. A KubeEdge file is read as it is; members that are not listed here are kept out of the way, not refused.
/// Empty file and folder names stand for those below the data folder (<see cref="EdgeFiles.Resolve"/>).
/// </summary>
internal sealed record EdgeCoreConfig
{
    public const string FileName = "edgecore.yaml";

    public const string WantedKind = "EdgeCore";

    public const string ApiGroup = "edgecore.config.kubeedge.io/";

    public string ApiVersion { get; init; } = ApiGroup + "v1alpha2";

    public string Kind { get; init; } = WantedKind;

    public DatabaseSection Database { get; init; } = new();

    public ModulesSection Modules { get; init; } = new();
}

internal sealed record DatabaseSection
{
    /// <summary>The SQLite file; empty: <c>edgecore.db</c> in the data folder.</summary>
    public string DataSource { get; init; } = "";
}

internal sealed record ModulesSection
{
    public EdgedSection Edged { get; init; } = new();

    public EdgeHubSection EdgeHub { get; init; } = new();

    public EventBusSection EventBus { get; init; } = new();

    public MetaManagerSection MetaManager { get; init; } = new();

    public DeviceTwinSection DeviceTwin { get; init; } = new();

    public EdgeStreamSection EdgeStream { get; init; } = new();
}

internal sealed record EdgedSection
{
    public bool Enable { get; init; } = true;

    /// <summary>The node's name.</summary>
    public string HostnameOverride { get; init; } = "";

    /// <summary>The node's InternalIP; empty takes the address that the link to the hub leaves from.</summary>
    public string NodeIP { get; init; } = "";

    /// <summary>Where volumes of pods live (<c>pods/UID/volumes/…</c>); empty: <c>kubelet</c> in the data folder.</summary>
    public string RootDirectory { get; init; } = "";

    public IReadOnlyDictionary<string, string> NodeLabels { get; init; } = new Dictionary<string, string>();

    public TailoredKubeletConfig TailoredKubeletConfig { get; init; } = new();
}

/// <summary>KubeletConfiguration's names.</summary>
internal sealed record TailoredKubeletConfig
{
    public string ContainerRuntimeEndpoint { get; init; } = "unix:///run/containerd/containerd.sock";

    /// <summary>Empty: <c>pod-logs</c> in the data folder.</summary>
    public string PodLogsDir { get; init; } = "";

    /// <summary>cgroupfs or systemd.</summary>
    public string CgroupDriver { get; init; } = "cgroupfs";

    public string ClusterDomain { get; init; } = "cluster.local";

    public IReadOnlyList<string> ClusterDNS { get; init; } = [];

    public string ResolvConf { get; init; } = "/etc/resolv.conf";

    public int MaxPods { get; init; } = 110;

    /// <summary>The node is registered with these; one that is there keeps those that it has.</summary>
    public IReadOnlyList<NodeTaint> RegisterWithTaints { get; init; } = [];

    /// <summary>A container's log file is set aside when it has so many bytes: a quantity.</summary>
    public string ContainerLogMaxSize { get; init; } = "10Mi";

    /// <summary>Log files of one container, the one that is written included.</summary>
    public int ContainerLogMaxFiles { get; init; } = 5;
}

internal sealed record EdgeHubSection
{
    /// <summary>Seconds between keepalives.</summary>
    public int Heartbeat { get; init; } = 15;

    public string ProjectID { get; init; } = "e632aba927ea4ac2b575ec1603d56f10";

    public string TlsCaFile { get; init; } = "";

    public string TlsCertFile { get; init; } = "";

    public string TlsPrivateKeyFile { get; init; } = "";

    /// <summary><c>https://HOST:PORT</c> of enrollment; certificates are renewed there.</summary>
    public string HttpServer { get; init; } = "";

    public WebSocketSection Websocket { get; init; } = new();
}

internal sealed record WebSocketSection
{
    /// <summary><c>HOST:PORT</c> of the hub.</summary>
    public string Server { get; init; } = "";

    /// <summary>Seconds.</summary>
    public int HandshakeTimeout { get; init; } = 30;

    /// <summary>Seconds.</summary>
    public int WriteDeadline { get; init; } = 15;
}

internal sealed record EventBusSection
{
    public bool Enable { get; init; } = true;

    /// <summary><c>tcp://HOST:PORT</c> of the MQTT broker.</summary>
    public string MqttServerExternal { get; init; } = "tcp://127.0.0.1:1883";

    public string MqttUsername { get; init; } = "";

    /// <summary>Kept out of logs.</summary>
    public string MqttPassword { get; init; } = "";
}

internal sealed record MetaManagerSection
{
    public MetaServerSection MetaServer { get; init; } = new();

    public OutboxSection Outbox { get; init; } = new();
}

/// <summary>How much may wait for the hub; not one of KubeEdge's sections. Of too much the oldest events go, then the oldest routed messages.</summary>
internal sealed record OutboxSection
{
    /// <summary>MiB of everything that waits. Statuses and twins are never dropped: they are one value per pod, node or property.</summary>
    public int MaxMiB { get; init; } = 64;

    public int MaxEvents { get; init; } = 1_000;

    /// <summary>Messages of apps for the cloud.</summary>
    public int MaxRouted { get; init; } = 50_000;

    public OutboxLimits ToLimits() => new() { MaxBytes = (long)MaxMiB << 20, MaxEvents = MaxEvents, MaxRouted = MaxRouted };
}

internal sealed record MetaServerSection
{
    /// <summary>Where apps on the box ask for twins (and, later, for objects): loopback.</summary>
    public string Server { get; init; } = "127.0.0.1:10550";
}

/// <summary>
/// The tunnel for logs, exec, attach, port-forward and figures. It uses the certificates of <see cref="EdgeHubSection"/>; KubeEdge's
/// members for others are not read.
/// </summary>
internal sealed record EdgeStreamSection
{
    public bool Enable { get; init; } = true;

    /// <summary><c>HOST:PORT</c>. Empty: the hub's own port; on a KubeEdge hub port 10004 of its host.</summary>
    public string Server { get; init; } = "";

    /// <summary>Seconds.</summary>
    public int HandshakeTimeout { get; init; } = 30;

    /// <summary>Seconds.</summary>
    public int WriteDeadline { get; init; } = 15;
}

internal sealed record DeviceTwinSection
{
    public bool Enable { get; init; } = true;
}

/// <summary>Source-generated JSON for the configuration, which is read from YAML through JSON nodes.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, PropertyNameCaseInsensitive = true)]
[JsonSerializable(typeof(EdgeCoreConfig))]
internal sealed partial class ConfigurationJson : JsonSerializerContext;
