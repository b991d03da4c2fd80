using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSync.EdgeCore.Configuration;
using EdgeSync.EdgeCore.MetaManager;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;
using KubeNode = EdgeSync.Protocol.Kubernetes.Node;

namespace EdgeSync.EdgeCore.Edged.Node;

/// <summary>
/// Works out the Node object and its status, and puts the status into the outbox: computed every 10 s, sent when it
/// has changed, and every 5 min when it has not (the kubelet's nodeStatusUpdateFrequency and -ReportFrequency). The outbox
/// holds the key alone: what is sent is the status at the time of sending.
/// </summary>
internal sealed class NodeStatusSource
{
    private const string StatusKey = "nodestatus";
    private const string KubeletVersion = "v1.32.0-edgesync-v";
    private const long MemoryReserve = 100L * 1024 * 1024; // evictionHard memory.available
    private const double DiskReserve = 0.1; // evictionHard nodefs.available
    private const double ThreadReserve = 0.05;

    private static readonly TimeSpan s_computePeriod = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_runtimePatience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_reportPeriod = TimeSpan.FromMinutes(5);

    private readonly EdgedSettings _settings;
    private readonly MetaManager.MetaManager _objects;
    private readonly Outbox _outbox;
    private readonly RuntimeHealth _runtime;
    private readonly TimeProvider _time;
    private IReadOnlyList<Condition>? _lastConditions; // of the status loop and of registration; swapped whole
    private volatile string _sent = ""; // the status last sent, whoever asked for that
    private volatile bool _waits; // the loop's message has not been sent: it will hold what is true then

    public NodeStatusSource(
        EdgedSettings settings, MetaManager.MetaManager objects, Outbox outbox, RuntimeHealth runtime, TimeProvider time)
    {
        _settings = settings;
        _objects = objects;
        _outbox = outbox;
        _runtime = runtime;
        _time = time;
        outbox.SetRenderer(StatusKey, (_, _) => BuildStatusPatch());
    }

    /// <summary>What a connection begins with: the Node for where there is none yet, then its status as it is now.</summary>
    public async Task<IReadOnlyList<UpstreamMessage>> RegistrationAsync(CancellationToken cancellationToken)
    {
        // an agent that has just started would call the node unready for want of the runtime's first word
        await _runtime.HeardAsync(s_runtimePatience, cancellationToken);
        var node = BuildNode();
        return
        [
            new UpstreamMessage(
                "node", Lane.Control, Each: false, Sources.Edged, Groups.Meta, Operations.Insert, $"null/{ResourceTypes.Node}/{_settings.NodeName}",
                JsonSerializer.SerializeToUtf8Bytes(node, KubernetesJson.Default.Node)),
            StatusMessage(),
        ];
    }

    /// <summary>The Node as it is to be registered, its status included.</summary>
    public KubeNode BuildNode()
    {
        var labels = new Dictionary<string, string>
        {
            ["kubernetes.io/hostname"] = _settings.NodeName,
            ["kubernetes.io/os"] = "linux",
            ["kubernetes.io/arch"] = HostFacts.Architecture,
            ["beta.kubernetes.io/os"] = "linux",
            ["beta.kubernetes.io/arch"] = HostFacts.Architecture,
            ["node-role.kubernetes.io/edge"] = "",
            ["node-role.kubernetes.io/agent"] = "",
        };
        foreach (var (key, value) in _settings.NodeLabels)
        {
            labels[key] = value;
        }

        return new KubeNode
        {
            ApiVersion = "v1",
            Kind = "Node",
            Metadata = new ObjectMeta
            {
                Name = _settings.NodeName,
                Labels = labels,
                Annotations = new Dictionary<string, string> { ["volumes.kubernetes.io/controller-managed-attach-detach"] = "true" },
            },
            // the hub takes them for a Node that it makes, not for one that is there
            Spec = new NodeSpec { Taints = _settings.Kubelet.RegisterWithTaints is { Count: > 0 } taints ? [.. taints.Select(Write)] : null },
            Status = BuildStatus(),
        };
    }

    /// <summary>The status alone, as the strategic merge patch that KubeEdge sends: a JSON string that holds JSON.</summary>
    public byte[] BuildStatusPatch()
    {
        var node = BuildNode();
        _waits = false;
        _sent = Comparable(node.Status!);
        var status = JsonSerializer.SerializeToNode(node, KubernetesJson.Default.Node)!["status"]!.DeepClone();
        return QuotedJson.Quote(QuotedJson.Write(new JsonObject { ["status"] = status }));
    }

    /// <summary>Keeps the outbox's node status up to date.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var putAt = _time.GetTimestamp();
        while (true)
        {
            await _runtime.AskAsync(cancellationToken);
            var changed = !_waits && Comparable(BuildNode().Status!) != _sent;
            if (changed || _time.GetElapsedTime(putAt) >= s_reportPeriod)
            {
                _waits = true;
                await _outbox.PutAsync(StatusMessage(), cancellationToken);
                putAt = _time.GetTimestamp();
            }

            await Task.Delay(s_computePeriod, _time, cancellationToken);
        }
    }

    private static Taint Write(NodeTaint taint) => new() { Key = taint.Key, Value = taint.Value.Length > 0 ? taint.Value : null, Effect = taint.Effect };

    private static string Comparable(NodeStatus status)
    {
        var timeless = status with { Conditions = [.. status.Conditions!.Select(c => c with { LastHeartbeatTime = null })] };
        return JsonSerializer.Serialize(new KubeNode { Status = timeless }, KubernetesJson.Default.Node);
    }

    private static JsonElement Amount(string text) => JsonSerializer.SerializeToElement(text, NodeJson.Default.String);

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    private UpstreamMessage StatusMessage() => new(
        StatusKey, Lane.Control, Each: false, Sources.Edged, Groups.Meta, Operations.Patch,
        $"null/{ResourceTypes.NodePatch}/{_settings.NodeName}", Content: null);

    private NodeStatus BuildStatus()
    {
        var (disk, diskFree) = HostFacts.Disk(_settings.RootDirectory);
        var memory = HostFacts.MemoryTotal;
        return new NodeStatus
        {
            Capacity = Resources(memory, disk),
            Allocatable = Resources(Math.Max(0, memory - MemoryReserve), (long)(disk * (1 - DiskReserve))),
            Conditions = Conditions(disk, diskFree),
            Addresses =
            [
                .. _settings.NodeIP.Length > 0 ? (NodeAddress[])[new NodeAddress { Type = "InternalIP", Address = _settings.NodeIP }] : [],
                new NodeAddress { Type = "Hostname", Address = _settings.NodeName },
            ],
            NodeInfo = new NodeSystemInfo
            {
                MachineID = HostFacts.MachineId,
                SystemUUID = HostFacts.SystemUuid,
                BootID = HostFacts.BootId,
                KernelVersion = HostFacts.KernelVersion,
                OsImage = HostFacts.OsImage,
                ContainerRuntimeVersion = _runtime.Version,
                KubeletVersion = KubeletVersion + typeof(NodeStatusSource).Assembly.GetName().Version!.ToString(3),
                OperatingSystem = "linux",
                Architecture = HostFacts.Architecture,
            },
        };
    }

    private Dictionary<string, JsonElement> Resources(long memory, long disk) => new()
    {
        ["cpu"] = Amount(Number(Environment.ProcessorCount)),
        ["memory"] = Amount(Number(memory / 1024) + "Ki"),
        ["pods"] = Amount(Number(_settings.Kubelet.MaxPods)),
        ["ephemeral-storage"] = Amount(Number(disk / 1024) + "Ki"),
    };

    private Condition[] Conditions(long disk, long diskFree)
    {
        var (threads, threadLimit) = HostFacts.Threads;
        var memoryLow = HostFacts.MemoryAvailable < MemoryReserve;
        var diskLow = diskFree < disk * DiskReserve;
        var threadsLow = threadLimit > 0 && threads > threadLimit * (1 - ThreadReserve);
        var problem = _runtime.Problem;
        Condition[] conditions =
        [
            Condition("MemoryPressure", memoryLow, memoryLow ? "EdgeHasInsufficientMemory" : "EdgeHasSufficientMemory", memoryLow ? "memory is nearly used up" : "enough memory is available"),
            Condition("DiskPressure", diskLow, diskLow ? "EdgeHasDiskPressure" : "EdgeHasNoDiskPressure", diskLow ? "the disk is nearly full" : "the disk has room"),
            Condition("PIDPressure", threadsLow, threadsLow ? "EdgeHasInsufficientPID" : "EdgeHasSufficientPID", threadsLow ? "process ids are nearly used up" : "enough process ids are available"),
            Condition("Ready", problem is null, problem is null ? "EdgeReady" : "EdgeNotReady", problem ?? "edge is posting ready status"),
        ];
        _lastConditions = conditions;
        return conditions;
    }

    private Condition Condition(string type, bool isTrue, string reason, string message)
    {
        var status = isTrue ? "True" : "False";
        var now = KubeTime.Format(_time.GetUtcNow());
        var before = (_lastConditions ?? StoredConditions())?.FirstOrDefault(c => c.Type == type && c.Status == status);
        return new Condition
        {
            Type = type,
            Status = status,
            Reason = reason,
            Message = message,
            LastHeartbeatTime = now,
            LastTransitionTime = before?.LastTransitionTime ?? now,
        };
    }

    /// <summary>As the hub last sent the Node: since when things are as they are, from before this start.</summary>
    private IReadOnlyList<Condition>? StoredConditions()
    {
        try
        {
            return _objects.Get(new ObjectKey("", ResourceTypes.Node, _settings.NodeName))?.View(KubernetesJson.Default.Node).Status?.Conditions;
        }
        catch (KubeObjectException)
        {
            return null; // only times would have been taken from it
        }
    }
}
