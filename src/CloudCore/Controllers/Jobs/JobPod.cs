using System.Globalization;
using System.Runtime.CompilerServices;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.Jobs;

/// <summary>A pod of a Job: its facts, and what only Jobs ask of pods.</summary>
internal sealed record JobPod
{
    private static readonly ConditionalWeakTable<KubeObject, JobPod> s_read = [];

    public required PodFacts Facts { get; init; }

    /// <summary>Whether it still holds the finalizer: it may be in no count yet.</summary>
    public bool IsTracked { get; init; } = true;

    /// <summary>Its completion index; null for none.</summary>
    public int? Index { get; init; }

    /// <summary>How often pods of its index had failed before it.</summary>
    public int FailuresBefore { get; init; }

    public int Restarts { get; init; }

    /// <summary>When its last container ended; the pod's creation where nobody says.</summary>
    public DateTimeOffset FinishedAt { get; init; }

    public IReadOnlyList<(string Container, int Code)> ExitCodes { get; init; } = [];

    public IReadOnlyList<Condition> Conditions { get; init; } = [];

    public string Uid => Facts.Uid;

    public bool IsActive => Facts is { IsTerminal: false, IsDeleting: false };

    public bool IsTerminating => Facts is { IsTerminal: false, IsDeleting: true };

    /// <summary>One that was made and is not in the cache yet.</summary>
    public static JobPod Made(PodFacts facts) => new() { Facts = facts, Index = IndexOf(facts.Labels.GetValueOrDefault(JobNames.Index)), FinishedAt = facts.Created };

    /// <summary>From the object; an object is read once.</summary>
    /// <exception cref="KubeObjectException">A field has a wrong type.</exception>
    public static JobPod Read(KubeObject value, PodFacts facts) =>
        s_read.GetValue(value, static value => Parse(value)) with { Facts = facts };

    private static JobPod Parse(KubeObject value)
    {
        var gist = value.View(ControllersJson.Default.JobPodGist);
        var statuses = (gist.Status?.ContainerStatuses ?? []).Concat(gist.Status?.InitContainerStatuses ?? []).ToList();
        var facts = PodFacts.Read(value);
        var ended = statuses.Select(status => status.State.Terminated).OfType<ContainerStateTerminated>().ToList();
        var annotations = gist.Metadata?.Annotations ?? LabelSelectors.NoLabels;
        return new JobPod
        {
            Facts = facts,
            IsTracked = gist.Metadata?.Finalizers?.Contains(JobNames.Finalizer) == true,
            Index = IndexOf(annotations.GetValueOrDefault(JobNames.Index)),
            FailuresBefore = IndexOf(annotations.GetValueOrDefault(JobNames.IndexFailures)) ?? 0,
            Restarts = statuses.Sum(status => status.RestartCount),
            FinishedAt = ended.Select(end => KubeTime.TryParse(end.FinishedAt, out var at) ? at : facts.Created).DefaultIfEmpty(facts.ReadySince > facts.Created ? facts.ReadySince : facts.Created).Max(),
            ExitCodes = [.. statuses.Where(status => status.State.Terminated is not null).Select(status => (status.Name, status.State.Terminated!.ExitCode))],
            Conditions = gist.Status?.Conditions ?? [],
        };
    }

    private static int? IndexOf(string? text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var index) ? index : null;
}

/// <summary>Of a pod what <see cref="JobPod"/> is made of.</summary>
internal sealed record JobPodGist
{
    public ObjectMeta? Metadata { get; set; }

    public JobPodGistStatus? Status { get; set; }
}

internal sealed record JobPodGistStatus
{
    public IReadOnlyList<ContainerStatus>? InitContainerStatuses { get; set; }

    public IReadOnlyList<ContainerStatus>? ContainerStatuses { get; set; }

    public IReadOnlyList<Condition>? Conditions { get; set; }
}
