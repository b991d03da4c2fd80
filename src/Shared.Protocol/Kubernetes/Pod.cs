using System.Text.Json;

namespace EdgeSync.Protocol.Kubernetes;

/// <summary>The fields of a core/v1 Pod that EdgeSync acts on.</summary>
public sealed record Pod
{
    public string? ApiVersion { get; init; }

    public string? Kind { get; init; }

    public ObjectMeta Metadata { get; init; } = new();

    public PodSpec Spec { get; init; } = new();

    public PodStatus? Status { get; init; }
}

/// <summary>core/v1 PodTemplateSpec.</summary>
public sealed record PodTemplateSpec
{
    public ObjectMeta Metadata { get; init; } = new();

    public PodSpec Spec { get; init; } = new();
}

/// <summary>core/v1 PodSpec.</summary>
public sealed record PodSpec
{
    public IReadOnlyList<Container> InitContainers { get; init; } = [];

    public IReadOnlyList<Container> Containers { get; init; } = [];

    public IReadOnlyList<Volume> Volumes { get; init; } = [];

    public string? NodeName { get; init; }

    public IReadOnlyDictionary<string, string>? NodeSelector { get; init; }

    public Affinity? Affinity { get; init; }

    public IReadOnlyList<Toleration> Tolerations { get; init; } = [];

    /// <summary>Always (the default), OnFailure or Never.</summary>
    public string? RestartPolicy { get; init; }

    /// <summary>Seconds between the stop signal and the kill; 30 by default.</summary>
    public long? TerminationGracePeriodSeconds { get; init; }

    public long? ActiveDeadlineSeconds { get; init; }

    public bool HostNetwork { get; init; }

    public bool HostPID { get; init; }

    public bool HostIPC { get; init; }

    public bool? ShareProcessNamespace { get; init; }

    public string? Hostname { get; init; }

    public string? Subdomain { get; init; }

    public string? DnsPolicy { get; init; }

    public PodDnsConfig? DnsConfig { get; init; }

    public IReadOnlyList<HostAlias> HostAliases { get; init; } = [];

    public IReadOnlyList<LocalObjectReference> ImagePullSecrets { get; init; } = [];

    public PodSecurityContext? SecurityContext { get; init; }

    public string? ServiceAccountName { get; init; }

    public string? RuntimeClassName { get; init; }

    public string? SchedulerName { get; init; }

    public string? PriorityClassName { get; init; }
}

/// <summary>core/v1 Container.</summary>
public sealed record Container
{
    public string Name { get; init; } = "";

    public string Image { get; init; } = "";

    /// <summary>Always, IfNotPresent or Never; by default Always for the tag <c>latest</c>, else IfNotPresent.</summary>
    public string? ImagePullPolicy { get; init; }

    public IReadOnlyList<string> Command { get; init; } = [];

    public IReadOnlyList<string> Args { get; init; } = [];

    public string? WorkingDir { get; init; }

    public IReadOnlyList<EnvVar> Env { get; init; } = [];

    public IReadOnlyList<EnvFromSource> EnvFrom { get; init; } = [];

    public IReadOnlyList<ContainerPort> Ports { get; init; } = [];

    public ResourceRequirements? Resources { get; init; }

    public IReadOnlyList<VolumeMount> VolumeMounts { get; init; } = [];

    public Probe? LivenessProbe { get; init; }

    public Probe? ReadinessProbe { get; init; }

    public Probe? StartupProbe { get; init; }

    public Lifecycle? Lifecycle { get; init; }

    public SecurityContext? SecurityContext { get; init; }

    public string? TerminationMessagePath { get; init; }

    public string? TerminationMessagePolicy { get; init; }

    public bool Stdin { get; init; }

    public bool StdinOnce { get; init; }

    public bool Tty { get; init; }
}

public sealed record EnvVar
{
    public string Name { get; init; } = "";

    public string? Value { get; init; }

    public EnvVarSource? ValueFrom { get; init; }
}

public sealed record EnvVarSource
{
    public KeySelector? ConfigMapKeyRef { get; init; }

    public KeySelector? SecretKeyRef { get; init; }

    public ObjectFieldSelector? FieldRef { get; init; }

    public ResourceFieldSelector? ResourceFieldRef { get; init; }
}

/// <summary>ConfigMapKeySelector and SecretKeySelector.</summary>
public sealed record KeySelector
{
    public string Name { get; init; } = "";

    public string Key { get; init; } = "";

    public bool? Optional { get; init; }
}

public sealed record ObjectFieldSelector
{
    public string? ApiVersion { get; init; }

    public string FieldPath { get; init; } = "";
}

public sealed record ResourceFieldSelector
{
    public string? ContainerName { get; init; }

    public string Resource { get; init; } = "";

    public JsonElement? Divisor { get; init; }
}

public sealed record EnvFromSource
{
    public string? Prefix { get; init; }

    public EnvFromReference? ConfigMapRef { get; init; }

    public EnvFromReference? SecretRef { get; init; }
}

public sealed record EnvFromReference
{
    public string Name { get; init; } = "";

    public bool? Optional { get; init; }
}

public sealed record ContainerPort
{
    public string? Name { get; init; }

    [System.Text.Json.Serialization.JsonPropertyName("containerPort")]
    public int Port { get; init; }

    public int? HostPort { get; init; }

    public string? HostIP { get; init; }

    public string? Protocol { get; init; }
}

/// <summary>Quantities are kept as JSON: they may be written as strings or numbers.</summary>
public sealed record ResourceRequirements
{
    public IReadOnlyDictionary<string, JsonElement>? Limits { get; init; }

    public IReadOnlyDictionary<string, JsonElement>? Requests { get; init; }
}

public sealed record VolumeMount
{
    public string Name { get; init; } = "";

    public string MountPath { get; init; } = "";

    public string? SubPath { get; init; }

    public bool ReadOnly { get; init; }

    public string? MountPropagation { get; init; }
}

/// <summary>core/v1 Volume: exactly one of the sources is set. Sources that are not named here stay in <see cref="Other"/>.</summary>
public sealed record Volume
{
    public string Name { get; init; } = "";

    public HostPathVolumeSource? HostPath { get; init; }

    public EmptyDirVolumeSource? EmptyDir { get; init; }

    public ConfigMapVolumeSource? ConfigMap { get; init; }

    public SecretVolumeSource? Secret { get; init; }

    public DownwardApiVolumeSource? DownwardAPI { get; init; }

    public ProjectedVolumeSource? Projected { get; init; }

    /// <summary>Every other source, by its name (persistentVolumeClaim, csi, nfs, …).</summary>
    [System.Text.Json.Serialization.JsonExtensionData]
    public Dictionary<string, JsonElement>? Other { get; init; }
}

public sealed record HostPathVolumeSource
{
    public string Path { get; init; } = "";

    /// <summary>Empty (no check), DirectoryOrCreate, Directory, FileOrCreate, File, Socket, CharDevice or BlockDevice.</summary>
    public string? Type { get; init; }
}

public sealed record EmptyDirVolumeSource
{
    /// <summary>Empty for the node's disk, <c>Memory</c> for tmpfs.</summary>
    public string? Medium { get; init; }

    public JsonElement? SizeLimit { get; init; }
}

public sealed record ConfigMapVolumeSource
{
    public string? Name { get; init; }

    public IReadOnlyList<KeyToPath>? Items { get; init; }

    public int? DefaultMode { get; init; }

    public bool? Optional { get; init; }
}

public sealed record SecretVolumeSource
{
    public string? SecretName { get; init; }

    public IReadOnlyList<KeyToPath>? Items { get; init; }

    public int? DefaultMode { get; init; }

    public bool? Optional { get; init; }
}

public sealed record KeyToPath
{
    public string Key { get; init; } = "";

    public string Path { get; init; } = "";

    public int? Mode { get; init; }
}

public sealed record DownwardApiVolumeSource
{
    public IReadOnlyList<DownwardApiFile> Items { get; init; } = [];

    public int? DefaultMode { get; init; }
}

public sealed record DownwardApiFile
{
    public string Path { get; init; } = "";

    public ObjectFieldSelector? FieldRef { get; init; }

    public ResourceFieldSelector? ResourceFieldRef { get; init; }

    public int? Mode { get; init; }
}

public sealed record ProjectedVolumeSource
{
    public IReadOnlyList<VolumeProjection> Sources { get; init; } = [];

    public int? DefaultMode { get; init; }
}

public sealed record VolumeProjection
{
    public ProjectedKeys? ConfigMap { get; init; }

    public ProjectedKeys? Secret { get; init; }

    public DownwardApiVolumeSource? DownwardAPI { get; init; }

    public ServiceAccountTokenProjection? ServiceAccountToken { get; init; }
}

public sealed record ProjectedKeys
{
    public string Name { get; init; } = "";

    public IReadOnlyList<KeyToPath>? Items { get; init; }

    public bool? Optional { get; init; }
}

public sealed record ServiceAccountTokenProjection
{
    public string? Audience { get; init; }

    public long? ExpirationSeconds { get; init; }

    public string Path { get; init; } = "";
}

/// <summary>core/v1 Probe. Times in seconds; defaults are Kubernetes' (period 10, timeout 1, thresholds 1 and 3).</summary>
public sealed record Probe
{
    public ExecAction? Exec { get; init; }

    public HttpGetAction? HttpGet { get; init; }

    public TcpSocketAction? TcpSocket { get; init; }

    public GrpcAction? Grpc { get; init; }

    public int? InitialDelaySeconds { get; init; }

    public int? TimeoutSeconds { get; init; }

    public int? PeriodSeconds { get; init; }

    public int? SuccessThreshold { get; init; }

    public int? FailureThreshold { get; init; }

    public long? TerminationGracePeriodSeconds { get; init; }
}

public sealed record ExecAction
{
    public IReadOnlyList<string> Command { get; init; } = [];
}

public sealed record HttpGetAction
{
    public string? Path { get; init; }

    /// <summary>A number or the name of a container port.</summary>
    public JsonElement Port { get; init; }

    public string? Host { get; init; }

    public string? Scheme { get; init; }

    public IReadOnlyList<HttpHeader> HttpHeaders { get; init; } = [];
}

public sealed record HttpHeader
{
    public string Name { get; init; } = "";

    public string Value { get; init; } = "";
}

public sealed record TcpSocketAction
{
    public JsonElement Port { get; init; }

    public string? Host { get; init; }
}

public sealed record GrpcAction
{
    public int Port { get; init; }

    public string? Service { get; init; }
}

public sealed record Lifecycle
{
    public LifecycleHandler? PostStart { get; init; }

    public LifecycleHandler? PreStop { get; init; }
}

public sealed record LifecycleHandler
{
    public ExecAction? Exec { get; init; }

    public HttpGetAction? HttpGet { get; init; }

    public SleepAction? Sleep { get; init; }
}

public sealed record SleepAction
{
    public long Seconds { get; init; }
}

public sealed record SecurityContext
{
    public bool? Privileged { get; init; }

    public long? RunAsUser { get; init; }

    public long? RunAsGroup { get; init; }

    public bool? RunAsNonRoot { get; init; }

    public bool? ReadOnlyRootFilesystem { get; init; }

    public bool? AllowPrivilegeEscalation { get; init; }

    public Capabilities? Capabilities { get; init; }
}

public sealed record Capabilities
{
    public IReadOnlyList<string> Add { get; init; } = [];

    public IReadOnlyList<string> Drop { get; init; } = [];
}

public sealed record PodSecurityContext
{
    public long? RunAsUser { get; init; }

    public long? RunAsGroup { get; init; }

    public bool? RunAsNonRoot { get; init; }

    public long? FsGroup { get; init; }

    public IReadOnlyList<long> SupplementalGroups { get; init; } = [];

    public IReadOnlyList<Sysctl> Sysctls { get; init; } = [];
}

public sealed record Sysctl
{
    public string Name { get; init; } = "";

    public string Value { get; init; } = "";
}

public sealed record PodDnsConfig
{
    public IReadOnlyList<string> Nameservers { get; init; } = [];

    public IReadOnlyList<string> Searches { get; init; } = [];

    public IReadOnlyList<PodDnsOption> Options { get; init; } = [];
}

public sealed record PodDnsOption
{
    public string Name { get; init; } = "";

    public string? Value { get; init; }
}

public sealed record HostAlias
{
    public string Ip { get; init; } = "";

    public IReadOnlyList<string> Hostnames { get; init; } = [];
}

public sealed record LocalObjectReference
{
    public string Name { get; init; } = "";
}

/// <summary>core/v1 Toleration.</summary>
public sealed record Toleration
{
    public string? Key { get; init; }

    /// <summary>Equal (the default) or Exists.</summary>
    public string? Operator { get; init; }

    public string? Value { get; init; }

    /// <summary>NoSchedule, PreferNoSchedule or NoExecute; empty fits all.</summary>
    public string? Effect { get; init; }

    public long? TolerationSeconds { get; init; }
}

/// <summary>core/v1 Affinity, its node part.</summary>
public sealed record Affinity
{
    public NodeAffinity? NodeAffinity { get; init; }
}

public sealed record NodeAffinity
{
    public NodeSelector? RequiredDuringSchedulingIgnoredDuringExecution { get; init; }
}

/// <summary>Terms of which one must hold.</summary>
public sealed record NodeSelector
{
    public IReadOnlyList<NodeSelectorTerm> NodeSelectorTerms { get; init; } = [];
}

/// <summary>Requirements that must all hold; a term without any fits no node.</summary>
public sealed record NodeSelectorTerm
{
    public IReadOnlyList<SelectorRequirement>? MatchExpressions { get; init; }

    public IReadOnlyList<SelectorRequirement>? MatchFields { get; init; }
}
