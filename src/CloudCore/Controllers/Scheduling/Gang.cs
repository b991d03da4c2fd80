using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.Scheduling;

/// <summary>What a pod says of the gang that it belongs to.</summary>
/// <param name="Group">The PodGroup; empty for none.</param>
/// <param name="Task">Its task in there (parameter server, worker); empty for none.</param>
internal readonly record struct GangMember(string Group, string Task)
{
    public static readonly GangMember None = new("", "");

    // Volcano's own, and the older one
    private static readonly string[] s_groups = ["scheduling.k8s.io/group-name", "scheduling.volcano.sh/group-name"];
    private const string TaskAnnotation = "volcano.sh/task-spec";

    public static GangMember Of(IReadOnlyDictionary<string, string>? annotations) =>
        Array.Find(s_groups, key => annotations?.GetValueOrDefault(key) is { Length: > 0 }) is { } key
            ? new GangMember(annotations![key], annotations.GetValueOrDefault(TaskAnnotation) ?? "")
            : None;
}

/// <summary>How many pods of a PodGroup must start together, in all and of each task.</summary>
/// <param name="MinMember">In all.</param>
/// <param name="MinTaskMember">Of each task.</param>
internal sealed record GangRule(int MinMember, IReadOnlyDictionary<string, int> MinTaskMember)
{
    private static readonly Dictionary<string, int> s_noTasks = [];

    /// <summary>Tasks that ask for more than the whole are passed over, as Volcano does.</summary>
    public static GangRule Of(PodGroupSpec? spec)
    {
        var tasks = spec?.MinTaskMember ?? s_noTasks;
        var least = spec?.MinMember ?? 0;
        return new GangRule(least, tasks.Values.Sum(count => (long)count) <= least ? tasks : s_noTasks);
    }

    /// <param name="tasks">The task of each pod that is there.</param>
    public bool IsMetBy(IReadOnlyCollection<string> tasks) => tasks.Count >= MinMember && HasTasks(tasks);

    public bool HasTasks(IReadOnlyCollection<string> tasks) => MinTaskMember.All(wanted => tasks.Count(task => task == wanted.Key) >= wanted.Value);
}

/// <summary>Of a PodGroup (<c>scheduling.volcano.sh/v1beta1</c>) how many of its pods must start together, and what is said of it.</summary>
internal sealed record PodGroupGist
{
    public PodGroupSpec? Spec { get; set; }

    public PodGroupGistStatus? Status { get; set; }
}

internal sealed record PodGroupSpec
{
    public int? MinMember { get; set; }

    public IReadOnlyDictionary<string, int>? MinTaskMember { get; set; }
}

internal sealed record PodGroupGistStatus
{
    public string? Phase { get; set; }

    public int? Running { get; set; }

    public int? Succeeded { get; set; }

    public int? Failed { get; set; }

    public IReadOnlyList<Condition>? Conditions { get; set; }
}
