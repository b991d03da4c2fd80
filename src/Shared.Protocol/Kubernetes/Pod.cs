using System.Text.Json;

namespace EdgeSync.Protocol.Kubernetes;

/// <summary>The fields of a core/v1 Pod that EdgeSync acts on.</summary>
public sealed record Pod
{
    public string? ApiVersion { get; set; }

    public string? Kind { get; set; }

    public ObjectMeta Metadata { get; set; } = new();

    public PodSpec Spec { get; set; } = new();

    public PodStatus? Status { get; set; }
}

/// <summary>core/v1 PodTemplateSpec.</summary>
public sealed record PodTemplateSpec
{
    public ObjectMeta Metadata { get; set; } = new();

    public PodSpec Spec { get; set; } = new();
}

/// <summary>core/v1 PodSpec.</summary>
public sealed record PodSpec
{
    public IReadOnlyList<Container> InitContainers { get; set; } = [];

    public IReadOnlyList<Container> Containers { get; set; } = [];

    public IReadOnlyList<Volume> Volumes { get; set; } = [];

    public string? NodeName { get; set; }

    public IReadOnlyDictionary<string, string>? NodeSelector { get; set; }

    public Affinity? Affinity { get; set; }

    public IReadOnlyList<Toleration> Tolerations { get; set; } = [];

    /// <summary>Always (the default), OnFailure or Never.</summary>
    public string? RestartPolicy { get; set; }

    /// <summary>Seconds between the stop signal and the kill; 30 by default.</summary>
    public long? TerminationGracePeriodSeconds { get; set; }

    public long? ActiveDeadlineSeconds { get; set; }

    public bool HostNetwork { get; set; }

    public bool HostPID { get; set; }

    public bool HostIPC { get; set; }

    public bool? ShareProcessNamespace { get; set; }

    public string? Hostname { get; set; }

    public string? Subdomain { get; set; }

    public string? DnsPolicy { get; set; }

    public PodDnsConfig? DnsConfig { get; set; }

    public IReadOnlyList<HostAlias> HostAliases { get; set; } = [];

    public IReadOnlyList<LocalObjectReference> ImagePullSecrets { get; set; } = [];

    public PodSecurityContext? SecurityContext { get; set; }

    public string? ServiceAccountName { get; set; }

    public string? RuntimeClassName { get; set; }

    public string? SchedulerName { get; set; }

    public string? PriorityClassName { get; set; }
}

/// <summary>core/v1 Container.</summary>
public sealed record Container
{
    public string Name { get; set; } = "";

    public string Image { get; set; } = "";

    /// <summary>Always, IfNotPresent or Never; by default Always for the tag <c>latest</c>, else IfNotPresent.</summary>
    public string? ImagePullPolicy { get; set; }

    public IReadOnlyList<string> Command { get; set; } = [];

    public IReadOnlyList<string> Args { get; set; } = [];

    public string? WorkingDir { get; set; }

    public IReadOnlyList<EnvVar> Env { get; set; } = [];

    public IReadOnlyList<EnvFromSource> EnvFrom { get; set; } = [];

    public IReadOnlyList<ContainerPort> Ports { get; set; } = [];

    public ResourceRequirements? Resources { get; set; }

    public IReadOnlyList<VolumeMount> VolumeMounts { get; set; } = [];

    public Probe? LivenessProbe { get; set; }

    public Probe? ReadinessProbe { get; set; }

    public Probe? StartupProbe { get; set; }

    public Lifecycle? Lifecycle { get; set; }

    public SecurityContext? SecurityContext { get; set; }

    public string? TerminationMessagePath { get; set; }

    public string? TerminationMessagePolicy { get; set; }

    public bool Stdin { get; set; }

    public bool StdinOnce { get; set; }

    public bool Tty { get; set; }
}

public sealed record EnvVar
{
    public string Name { get; set; } = "";

    public string? Value { get; set; }

    public EnvVarSource? ValueFrom { get; set; }
}

public sealed record EnvVarSource
{
    public KeySelector? ConfigMapKeyRef { get; set; }

    public KeySelector? SecretKeyRef { get; set; }

    public ObjectFieldSelector? FieldRef { get; set; }

    public ResourceFieldSelector? ResourceFieldRef { get; set; }
}

/// <summary>ConfigMapKeySelector and SecretKeySelector.</summary>
public sealed record KeySelector
{
    public string Name { get; set; } = "";

    public string Key { get; set; } = "";

    public bool? Optional { get; set; }
}

public sealed record ObjectFieldSelector
{
    public string? ApiVersion { get; set; }

    public string FieldPath { get; set; } = "";
}

public sealed record ResourceFieldSelector
{
    public string? ContainerName { get; set; }

    public string Resource { get; set; } = "";

    public JsonElement? Divisor { get; set; }
}

public sealed record EnvFromSource
{
    public string? Prefix { get; set; }

    public EnvFromReference? ConfigMapRef { get; set; }

    public EnvFromReference? SecretRef { get; set; }
}

public sealed record EnvFromReference
{
    public string Name { get; set; } = "";

    public bool? Optional { get; set; }
}

public sealed record ContainerPort
{
    public string? Name { get; set; }

    [System.Text.Json.Serialization.JsonPropertyName("containerPort")]
    public int Port { get; set; }

    public int? HostPort { get; set; }

    public string? HostIP { get; set; }

    public string? Protocol { get; set; }
}

/// <summary>Quantities are kept as JSON: they may be written as strings or numbers.</summary>
public sealed record ResourceRequirements
{
    public IReadOnlyDictionary<string, JsonElement>? Limits { get; set; }

    public IReadOnlyDictionary<string, JsonElement>? Requests { get; set; }
}

public sealed record VolumeMount
{
    public string Name { get; set; } = "";

    public string MountPath { get; set; } = "";

    public string? SubPath { get; set; }

    public bool ReadOnly { get; set; }

    public string? MountPropagation { get; set; }
}

/// <summary>core/v1 Volume: exactly one of the sources is set. Sources that are not named here stay in <see cref="Other"/>.</summary>
public sealed record Volume
{
    public string Name { get; set; } = "";

    public HostPathVolumeSource? HostPath { get; set; }

    public EmptyDirVolumeSource? EmptyDir { get; set; }

    public ConfigMapVolumeSource? ConfigMap { get; set; }

    public SecretVolumeSource? Secret { get; set; }

    public DownwardApiVolumeSource? DownwardAPI { get; set; }

    public ProjectedVolumeSource? Projected { get; set; }

    /// <summary>Every other source, by its name (persistentVolumeClaim, csi, nfs, …).</summary>
    [System.Text.Json.Serialization.JsonExtensionData]
    public Dictionary<string, JsonElement>? Other { get; set; }
}

public sealed record HostPathVolumeSource
{
    public string Path { get; set; } = "";

    /// <summary>Empty (no check), DirectoryOrCreate, Directory, FileOrCreate, File, Socket, CharDevice or BlockDevice.</summary>
    public string? Type { get; set; }
}

public sealed record EmptyDirVolumeSource
{
    /// <summary>Empty for the node's disk, <c>Memory</c> for tmpfs.</summary>
    public string? Medium { get; set; }

    public JsonElement? SizeLimit { get; set; }
}

public sealed record ConfigMapVolumeSource
{
    public string? Name { get; set; }

    public IReadOnlyList<KeyToPath>? Items { get; set; }

    public int? DefaultMode { get; set; }

    public bool? Optional { get; set; }
}

public sealed record SecretVolumeSource
{
    public string? SecretName { get; set; }

    public IReadOnlyList<KeyToPath>? Items { get; set; }

    public int? DefaultMode { get; set; }

    public bool? Optional { get; set; }
}

public sealed record KeyToPath
{
    public string Key { get; set; } = "";

    public string Path { get; set; } = "";

    public int? Mode { get; set; }
}

public sealed record DownwardApiVolumeSource
{
    public IReadOnlyList<DownwardApiFile> Items { get; set; } = [];

    public int? DefaultMode { get; set; }
}

public sealed record DownwardApiFile
{
    public string Path { get; set; } = "";

    public ObjectFieldSelector? FieldRef { get; set; }

    public ResourceFieldSelector? ResourceFieldRef { get; set; }

    public int? Mode { get; set; }
}

public sealed record ProjectedVolumeSource
{
    public IReadOnlyList<VolumeProjection> Sources { get; set; } = [];

    public int? DefaultMode { get; set; }
}

public sealed record VolumeProjection
{
    public ProjectedKeys? ConfigMap { get; set; }

    public ProjectedKeys? Secret { get; set; }

    public DownwardApiVolumeSource? DownwardAPI { get; set; }

    public ServiceAccountTokenProjection? ServiceAccountToken { get; set; }
}

public sealed record ProjectedKeys
{
    public string Name { get; set; } = "";

    public IReadOnlyList<KeyToPath>? Items { get; set; }

    public bool? Optional { get; set; }
}

public sealed record ServiceAccountTokenProjection
{
    public string? Audience { get; set; }

    public long? ExpirationSeconds { get; set; }

    public string Path { get; set; } = "";
}

/// <summary>core/v1 Probe. Times in seconds; defaults are Kubernetes' (period 10, timeout 1, thresholds 1 and 3).</summary>
public sealed record Probe
{
    public ExecAction? Exec { get; set; }

    public HttpGetAction? HttpGet { get; set; }

    public TcpSocketAction? TcpSocket { get; set; }

    public GrpcAction? Grpc { get; set; }

    public int? InitialDelaySeconds { get; set; }

    public int? TimeoutSeconds { get; set; }

    public int? PeriodSeconds { get; set; }

    public int? SuccessThreshold { get; set; }

    public int? FailureThreshold { get; set; }

    public long? TerminationGracePeriodSeconds { get; set; }
}

public sealed record ExecAction
{
    public IReadOnlyList<string> Command { get; set; } = [];
}

public sealed record HttpGetAction
{
    public string? Path { get; set; }

    /// <summary>A number or the name of a container port.</summary>
    public JsonElement Port { get; set; }

    public string? Host { get; set; }

    public string? Scheme { get; set; }

    public IReadOnlyList<HttpHeader> HttpHeaders { get; set; } = [];
}

public sealed record HttpHeader
{
    public string Name { get; set; } = "";

    public string Value { get; set; } = "";
}

public sealed record TcpSocketAction
{
    public JsonElement Port { get; set; }

    public string? Host { get; set; }
}

public sealed record GrpcAction
{
    public int Port { get; set; }

    public string? Service { get; set; }
}

public sealed record Lifecycle
{
    public LifecycleHandler? PostStart { get; set; }

    public LifecycleHandler? PreStop { get; set; }
}

public sealed record LifecycleHandler
{
    public ExecAction? Exec { get; set; }

    public HttpGetAction? HttpGet { get; set; }

    public SleepAction? Sleep { get; set; }
}

public sealed record SleepAction
{
    public long Seconds { get; set; }
}

public sealed record SecurityContext
{
    public bool? Privileged { get; set; }

    public long? RunAsUser { get; set; }

    public long? RunAsGroup { get; set; }

    public bool? RunAsNonRoot { get; set; }

    public bool? ReadOnlyRootFilesystem { get; set; }

    public bool? AllowPrivilegeEscalation { get; set; }

    public Capabilities? Capabilities { get; set; }
}

public sealed record Capabilities
{
    public IReadOnlyList<string> Add { get; set; } = [];

    public IReadOnlyList<string> Drop { get; set; } = [];
}

public sealed record PodSecurityContext
{
    public long? RunAsUser { get; set; }

    public long? RunAsGroup { get; set; }

    public bool? RunAsNonRoot { get; set; }

    public long? FsGroup { get; set; }

    public IReadOnlyList<long> SupplementalGroups { get; set; } = [];

    public IReadOnlyList<Sysctl> Sysctls { get; set; } = [];
}

public sealed record Sysctl
{
    public string Name { get; set; } = "";

    public string Value { get; set; } = "";
}

public sealed record PodDnsConfig
{
    public IReadOnlyList<string> Nameservers { get; set; } = [];

    public IReadOnlyList<string> Searches { get; set; } = [];

    public IReadOnlyList<PodDnsOption> Options { get; set; } = [];
}

public sealed record PodDnsOption
{
    public string Name { get; set; } = "";

    public string? Value { get; set; }
}

public sealed record HostAlias
{
    public string Ip { get; set; } = "";

    public IReadOnlyList<string> Hostnames { get; set; } = [];
}

public sealed record LocalObjectReference
{
    public string Name { get; set; } = "";
}

/// <summary>core/v1 Toleration.</summary>
public sealed record Toleration
{
    public string? Key { get; set; }

    /// <summary>Equal (the default) or Exists.</summary>
    public string? Operator { get; set; }

    public string? Value { get; set; }

    /// <summary>NoSchedule, PreferNoSchedule or NoExecute; empty fits all.</summary>
    public string? Effect { get; set; }

    public long? TolerationSeconds { get; set; }
}

/// <summary>core/v1 Affinity, its node part.</summary>
public sealed record Affinity
{
    public NodeAffinity? NodeAffinity { get; set; }
}

public sealed record NodeAffinity
{
    public NodeSelector? RequiredDuringSchedulingIgnoredDuringExecution { get; set; }
}

/// <summary>Terms of which one must hold.</summary>
public sealed record NodeSelector
{
    public IReadOnlyList<NodeSelectorTerm> NodeSelectorTerms { get; set; } = [];
}

/// <summary>Requirements that must all hold; a term without any fits no node.</summary>
public sealed record NodeSelectorTerm
{
    public IReadOnlyList<SelectorRequirement>? MatchExpressions { get; set; }

    public IReadOnlyList<SelectorRequirement>? MatchFields { get; set; }
}
