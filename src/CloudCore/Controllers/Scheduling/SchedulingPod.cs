using System.Text.Json;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.Scheduling;

/// <summary>A port of the node that a pod takes for itself.</summary>
internal readonly record struct HostPort(string Address, string Protocol, int Port)
{
    private const string All = "0.0.0.0";

    /// <summary>Whether not both can be had: all addresses of a node include each of them.</summary>
    public bool Collides(HostPort other) =>
        Port == other.Port && Protocol == other.Protocol && (Address == other.Address || Address == All || other.Address == All);

    public static HostPort Of(ContainerPort port) => new(
        port.HostIP is { Length: > 0 } address ? address : All,
        port.Protocol is { Length: > 0 } protocol ? protocol : "TCP",
        port.HostPort!.Value);
}

/// <summary>A pod as the scheduler sees it: read once, immutable.</summary>
internal sealed record SchedulingPod
{
    public const string DefaultScheduler = "default-scheduler";
    public const string GangScheduler = "volcano";

    public required NamespacedName Name { get; init; }

    public required string Uid { get; init; }

    public IReadOnlyDictionary<string, string> Labels { get; init; } = LabelSelectors.NoLabels;

    /// <summary>Empty while no node has been chosen.</summary>
    public string NodeName { get; init; } = "";

    /// <summary>The node on which room is being made for it; empty for none.</summary>
    public string NominatedNode { get; init; } = "";

    public string SchedulerName { get; init; } = DefaultScheduler;

    public int Priority { get; init; }

    /// <summary>Whether pods of lower priority may be removed for it.</summary>
    public bool MayPreempt { get; init; } = true;

    /// <summary>What it asks for: cpu in thousandths, all else in whole units; without the pod itself.</summary>
    public IReadOnlyDictionary<string, long> Requests { get; init; } = Demand.None;

    public IReadOnlyList<HostPort> Ports { get; init; } = [];

    public IReadOnlyDictionary<string, string> NodeSelector { get; init; } = LabelSelectors.NoLabels;

    public SchedulingAffinity? Affinity { get; init; }

    public IReadOnlyList<Toleration> Tolerations { get; init; } = [];

    public IReadOnlyList<SpreadConstraint> Spread { get; init; } = [];

    /// <summary>Claims of its namespace whose volumes it mounts.</summary>
    public IReadOnlyList<string> Claims { get; init; } = [];

    /// <summary>Whether it says already which folders they are (<see cref="EdgeAnnotations.ClaimFolders"/>).</summary>
    public bool HasClaimFolders { get; init; }

    /// <summary>Somebody still holds it back (schedulingGates).</summary>
    public bool IsGated { get; init; }

    public GangMember Gang { get; init; } = GangMember.None;

    /// <summary>The PodGroup that it belongs to; empty for none.</summary>
    public string Group => Gang.Group;

    /// <summary>The UID of the controller that made it; empty for none.</summary>
    public string Controller { get; init; } = "";

    public DateTimeOffset Created { get; init; }

    /// <summary>When its node took it on; of one that has not been taken on, later than all others, as Kubernetes has it.</summary>
    public DateTimeOffset Started { get; init; } = DateTimeOffset.MaxValue;

    /// <summary>The PodScheduled condition, as last written.</summary>
    public Condition? Scheduled { get; init; }

    public bool IsDeleting { get; init; }

    public long Generation { get; init; }

    /// <exception cref="KubeObjectException">A field has a wrong type.</exception>
    public static SchedulingPod Read(KubeObject value)
    {
        var pod = value.View(ControllersJson.Default.PodToScheduleGist);
        var spec = pod.Spec ?? new PodToScheduleSpec();
        return new SchedulingPod
        {
            Name = NamespacedName.Of(value),
            Uid = value.Uid,
            Labels = pod.Metadata?.Labels ?? LabelSelectors.NoLabels,
            NodeName = spec.NodeName ?? "",
            NominatedNode = pod.Status?.NominatedNodeName ?? "",
            SchedulerName = spec.SchedulerName is { Length: > 0 } name ? name : DefaultScheduler,
            Priority = spec.Priority ?? 0,
            MayPreempt = spec.PreemptionPolicy != "Never",
            Requests = Demand.Of(spec),
            Ports = [.. (spec.Containers ?? []).Concat(spec.InitContainers ?? []).SelectMany(c => c.Ports ?? []).Where(p => p.HostPort > 0).Select(HostPort.Of)],
            NodeSelector = spec.NodeSelector ?? LabelSelectors.NoLabels,
            Affinity = spec.Affinity,
            Tolerations = spec.Tolerations ?? [],
            Spread = spec.TopologySpreadConstraints ?? [],
            Claims = spec.Claims(),
            HasClaimFolders = pod.Metadata?.Annotations?.ContainsKey(EdgeAnnotations.ClaimFolders) == true,
            IsGated = spec.SchedulingGates is { Count: > 0 },
            Gang = GangMember.Of(pod.Metadata?.Annotations),
            Controller = pod.Metadata?.OwnerReferences?.FirstOrDefault(owner => owner.Controller == true)?.Uid ?? "",
            Created = KubeTime.TryParse(pod.Metadata?.CreationTimestamp, out var created) ? created : default,
            Started = KubeTime.TryParse(pod.Status?.StartTime, out var started) ? started : DateTimeOffset.MaxValue,
            Scheduled = pod.Status?.Conditions?.FirstOrDefault(condition => condition.Type == "PodScheduled"),
            IsDeleting = value.IsDeleting,
            Generation = pod.Metadata?.Generation ?? 0,
        };
    }
}

/// <summary>What pods ask of a node, as Kubernetes sums it up.</summary>
internal static class Demand
{
    public const string Cpu = "cpu";
    public const string Memory = "memory";
    public const string Storage = "ephemeral-storage";
    public const string Pods = "pods";

    public static readonly IReadOnlyDictionary<string, long> None = new Dictionary<string, long>();

    /// <summary>
    /// The containers and sidecars together, or what is needed while one init container runs beside the sidecars before it, whichever is
    /// more; and the pod's own overhead.
    /// </summary>
    public static IReadOnlyDictionary<string, long> Of(PodToScheduleSpec spec)
    {
        var running = new Dictionary<string, long>();
        foreach (var container in spec.Containers ?? [])
        {
            Add(running, Asked(container));
        }

        var sidecars = new Dictionary<string, long>();
        var starting = new Dictionary<string, long>();
        foreach (var container in spec.InitContainers ?? [])
        {
            var asked = Asked(container);
            if (container.RestartPolicy == "Always")
            {
                Add(running, asked);
                Add(sidecars, asked);
                Raise(starting, sidecars);
            }
            else
            {
                Add(asked, sidecars);
                Raise(starting, asked);
            }
        }

        Raise(running, starting);
        Add(running, Read(spec.Overhead));
        return running.Count == 0 ? None : running;
    }

    // what has a limit alone is asked for up to it, which a pod says by itself and a template leaves to the API
    private static Dictionary<string, long> Asked(ContainerDemand container)
    {
        var asked = Read(container.Resources?.Limits);
        foreach (var (name, value) in Read(container.Resources?.Requests))
        {
            asked[name] = value;
        }

        return asked;
    }

    /// <summary>A resource list in the units of <see cref="SchedulingPod.Requests"/>; what is no quantity is left out.</summary>
    public static Dictionary<string, long> Read(IReadOnlyDictionary<string, JsonElement>? list)
    {
        var read = new Dictionary<string, long>();
        foreach (var (name, json) in list ?? new Dictionary<string, JsonElement>())
        {
            if (Quantity.TryRead(json, out var quantity))
            {
                read[name] = name == Cpu ? quantity.Milli : quantity.Whole;
            }
        }

        return read;
    }

    private static void Add(Dictionary<string, long> sum, Dictionary<string, long> more)
    {
        foreach (var (name, value) in more)
        {
            sum[name] = sum.GetValueOrDefault(name) + value;
        }
    }

    private static void Raise(Dictionary<string, long> most, Dictionary<string, long> other)
    {
        foreach (var (name, value) in other)
        {
            most[name] = Math.Max(most.GetValueOrDefault(name), value);
        }
    }
}
