using System.Text.Json.Serialization;
using EdgeSync.CloudCore.Controllers;
using EdgeSync.Protocol.Configuration;

namespace EdgeSync.CloudCore.Configuration;

/// <summary>
/// cloudcore.yaml in KubeEdge's shape (<c>cloudcore.config.kubeedge.io/v1alpha2</c>), the members that this hub acts
/// on, and two sections of our own: <c>modules.embeddedApi</c> and <c>modules.controllers</c>. Empty file names
/// stand for the files that <c>cloudcore init</c> makes below the data folder (<see cref="CloudFiles"/>).
/// </summary>
internal sealed record CloudCoreConfig
{
    public const string WantedKind = "CloudCore";

    public const string ApiGroup = "cloudcore.config.kubeedge.io/";

    public string ApiVersion { get; init; } = ApiGroup + "v1alpha2";

    public string Kind { get; init; } = WantedKind;

    public CommonSection CommonConfig { get; init; } = new();

    public KubeApiSection KubeAPIConfig { get; init; } = new();

    public LeaderElectionSection LeaderElection { get; init; } = new();

    public ModulesSection Modules { get; init; } = new();
}

internal sealed record CommonSection
{
    public MonitorSection MonitorServer { get; init; } = new();
}

internal sealed record MonitorSection
{
    /// <summary><c>ADDRESS:PORT</c> of metrics and health, plain HTTP: loopback.</summary>
    public string BindAddress { get; init; } = "127.0.0.1:9091";
}

internal sealed record KubeApiSection
{
    /// <summary>Kubeconfig of a real cluster; empty works on the embedded API, or <see cref="InCluster"/>.</summary>
    public string KubeConfig { get; init; } = "";

    /// <summary>Our own: the kubeconfig's context; empty for its current one.</summary>
    public string Context { get; init; } = "";

    /// <summary>Our own: works on the cluster that this program is a pod of, with the pod's service account.</summary>
    public bool InCluster { get; init; }
}

/// <summary>Whether this cloudcore is one of several on a real cluster (Kubernetes' LeaderElectionConfiguration).</summary>
internal sealed record LeaderElectionSection
{
    /// <summary>All of several must have it: they share the nodes' sessions, and one of them does what must not be done twice.</summary>
    public bool LeaderElect { get; init; }

    /// <summary>So long the others wait after the leader's last renewal; whole seconds.</summary>
    public TimeSpan LeaseDuration { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>A leader that could not renew for so long leads no longer, and a replica whose API was silent for so long takes no nodes.</summary>
    public TimeSpan RenewDeadline { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Time between two tries.</summary>
    public TimeSpan RetryPeriod { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>The Lease.</summary>
    public string ResourceName { get; init; } = "cloudcore";

    public string ResourceNamespace { get; init; } = "kubeedge";
}

internal sealed record ModulesSection
{
    public EmbeddedApiSection EmbeddedApi { get; init; } = new();

    public CloudHubSection CloudHub { get; init; } = new();

    public ControllersSection Controllers { get; init; } = new();

    public DeviceControllerSection DeviceController { get; init; } = new();

    public CloudStreamSection CloudStream { get; init; } = new();

    public RouterSection Router { get; init; } = new();
}

/// <summary>Our own: the Kubernetes-compatible API on SQLite.</summary>
internal sealed record EmbeddedApiSection
{
    public bool Enable { get; init; } = true;

    /// <summary>IP to listen on; loopback, so that opening the API to others is a decision.</summary>
    public string Address { get; init; } = "127.0.0.1";

    public int Port { get; init; } = 6443;

    /// <summary>The addresses that services get, in CIDR notation; at least four of them. Services that have one keep it.</summary>
    public string ServiceClusterIPRange { get; init; } = "10.96.0.0/12";

    /// <summary>The ports that services of type NodePort get: the first, a hyphen, the last.</summary>
    public string ServiceNodePortRange { get; init; } = "30000-32767";

    /// <summary>How long a new pod stays on a node that is not ready, seconds, where it does not say so itself; 0 or more, as of kube-apiserver.</summary>
    public long DefaultNotReadyTolerationSeconds { get; init; } = 300;

    /// <summary>The same for a node that is out of contact; pods of nodes at the edge leave only if their node asks for it.</summary>
    public long DefaultUnreachableTolerationSeconds { get; init; } = 300;

    public string TlsCertFile { get; init; } = "";

    public string TlsPrivateKeyFile { get; init; } = "";

    /// <summary>PEM private key (P-256) that signs service account tokens.</summary>
    public string ServiceAccountKeyFile { get; init; } = "";
}

internal sealed record CloudHubSection
{
    public bool Enable { get; init; } = true;

    /// <summary>Seconds without a keepalive after which a session is closed.</summary>
    public int KeepaliveInterval { get; init; } = 30;

    /// <summary>Our own: a node that was not heard for so long gets an Event and a log line when it is back and in sync.</summary>
    public TimeSpan OutageReportAfter { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Sessions held at once; more are refused.</summary>
    public int NodeLimit { get; init; } = 20_000;

    public string TlsCAFile { get; init; } = "";

    public string TlsCAKeyFile { get; init; } = "";

    public string TlsCertFile { get; init; } = "";

    public string TlsPrivateKeyFile { get; init; } = "";

    /// <summary>Addresses (IPs or DNS names) by which boxes reach this hub; they stand in the server certificate.</summary>
    public IReadOnlyList<string> AdvertiseAddress { get; init; } = [];

    /// <summary>Further names for the server certificate.</summary>
    public IReadOnlyList<string> DnsNames { get; init; } = [];

    /// <summary>Days for which a node's certificate is valid.</summary>
    public int EdgeCertSigningDuration { get; init; } = 365;

    /// <summary>Hours; a join token lives twice as long, as KubeEdge's do.</summary>
    public int TokenRefreshDuration { get; init; } = 12;

    /// <summary>The hub port: sessions and enrollment.</summary>
    public ListenSection Websocket { get; init; } = new() { Enable = true, Port = 10000 };

    /// <summary>KubeEdge's separate port for enrollment: for KubeEdge agents.</summary>
    public ListenSection Https { get; init; } = new() { Enable = false, Port = 10002 };
}

internal sealed record ListenSection
{
    public bool Enable { get; init; }

    /// <summary>IP to listen on.</summary>
    public string Address { get; init; } = "0.0.0.0";

    public int Port { get; init; }
}

/// <summary>Our own: what a real cluster's controller manager and scheduler do.</summary>
internal sealed record ControllersSection
{
    /// <summary>
    /// Left out: all with the embedded API, none with a real cluster, which has its own. False: none but what the embedded API does
    /// itself. <see cref="Controllers"/> says it in detail.
    /// </summary>
    public bool? Enable { get; init; }

    /// <summary>
    /// As kube-controller-manager's --controllers: <c>*</c>, <c>daemonset</c>, <c>-daemonset</c>, <c>-workloads</c>, …; left out, what
    /// <see cref="Enable"/> says.
    /// </summary>
    public IReadOnlyList<string>? Controllers { get; init; }

    /// <summary>A node's silence until it counts as not ready.</summary>
    public TimeSpan NodeMonitorGracePeriod { get; init; } = TimeSpan.FromSeconds(40);

    /// <summary>
    /// A lower bound of <see cref="NodeMonitorGracePeriod"/>, as in kube-controller-manager; nodes are not polled, but looked at when they change and
    /// when their time is over.
    /// </summary>
    public TimeSpan NodeMonitorPeriod { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>More ended pods than this are not kept; 0 keeps all.</summary>
    public int TerminatedPodGCThreshold { get; init; } = 12_500;

    /// <summary>Which controllers run.</summary>
    /// <param name="embedded">Whether the embedded API is served.</param>
    public ControllerSelection Selection(bool embedded) => (Controllers, Enable) switch
    {
        ({ } items, _) => ControllerSelection.Of(items),
        (null, true) => ControllerSelection.All,
        (null, null) when embedded => ControllerSelection.All,
        _ => embedded ? ControllerSelection.OfEmbeddedApi : ControllerSelection.None,
    };
}

internal sealed record DeviceControllerSection
{
    public bool Enable { get; init; } = true;
}

/// <summary>Logs, exec, attach, port-forward and figures of nodes.</summary>
internal sealed record CloudStreamSection
{
    public bool Enable { get; init; } = true;

    /// <summary>
    /// A second port for nodes' tunnels, as KubeEdge has it; 0 for none. Tunnels are taken on the hub's own port in any case.
    /// </summary>
    public int TunnelPort { get; init; }

    /// <summary>
    /// With a real cluster: the port on which its API server finds the nodes' kubelets, KubeEdge's 10003; 0 for none. The nodes' status
    /// then names this hub as their kubelet.
    /// </summary>
    public int StreamPort { get; init; }

    /// <summary>
    /// The IP under which the API server reaches this hub; empty: the first IP of cloudHub.advertiseAddress. With several replicas each has its own
    /// (the option <c>--stream-address</c>).
    /// </summary>
    public string StreamAddress { get; init; } = "";

    /// <summary>PEM certificate of the CA that signed the API server's client certificate (its --kubelet-client-certificate).</summary>
    public string TlsStreamCAFile { get; init; } = "";

    /// <summary>Empty: the hub's certificate.</summary>
    public string TlsStreamCertFile { get; init; } = "";

    public string TlsStreamPrivateKeyFile { get; init; } = "";

    /// <summary>Common names of the client certificates that are let in: whoever has one may run commands in every pod.</summary>
    public IReadOnlyList<string> StreamClients { get; init; } = ["kube-apiserver-kubelet-client"];

    /// <summary>The IP that the nodes' status names; empty where there is none.</summary>
    public string IPOf(CloudHubSection hub) =>
        StreamAddress.Length > 0 ? StreamAddress : hub.AdvertiseAddress.FirstOrDefault(a => System.Net.IPAddress.TryParse(a, out _)) ?? "";
}

internal sealed record RouterSection
{
    public bool Enable { get; init; }

    public string Address { get; init; } = "0.0.0.0";

    public int Port { get; init; } = 9443;

    /// <summary>Seconds.</summary>
    public int RestTimeout { get; init; } = 60;
}

/// <summary>Source-generated JSON for the configuration, which is read from YAML through JSON nodes.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    PropertyNameCaseInsensitive = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters = [typeof(GoDurationConverter)])]
[JsonSerializable(typeof(CloudCoreConfig))]
internal sealed partial class CloudCoreConfigJson : JsonSerializerContext;
