namespace EdgeSync.CloudCore.Controllers;

/// <summary>What is to become of the revisions that hold the present template.</summary>
/// <param name="Current">The one that stands for it; null where none does, and one has to be made.</param>
/// <param name="Number">What its <c>revision</c> has to be: the highest there is.</param>
/// <param name="Duplicates">Others that hold the same template.</param>
internal sealed record RevisionPlan(RevisionFacts? Current, long Number, IReadOnlyList<RevisionFacts> Duplicates)
{
    /// <summary>
    /// Of revisions with the same template the newest is kept (Kubernetes' dedupCurHistories for DaemonSets and FindEqualRevisions for
    /// StatefulSets); it becomes the highest again where somebody has gone back to an earlier template.
    /// </summary>
    /// <param name="known">Those of the workload, in the order of <see cref="RevisionIndex.InOrder"/>.</param>
    /// <param name="digest">Of its present template.</param>
    public static RevisionPlan Decide(IReadOnlyList<RevisionFacts> known, string digest)
    {
        var same = known.Where(revision => revision.Digest == digest && !revision.IsDeleting).ToList();
        var next = known.Where(revision => revision.Digest != digest).Select(revision => revision.Revision).DefaultIfEmpty(0).Max() + 1;
        return same.Count == 0
            ? new RevisionPlan(null, Math.Max(next, known.Count == 0 ? 1 : known[^1].Revision + 1), [])
            : new RevisionPlan(same[^1], Math.Max(next, same[^1].Revision), same[..^1]);
    }

    /// <summary>
    /// Pods that stand under a duplicate's hash and are of the current one as much. Kubernetes relabels all pods of the DaemonSet there,
    /// also those of other templates, which its rollout then passes over.
    /// </summary>
    public static IReadOnlyList<PodFacts> PodsOf(IReadOnlyList<RevisionFacts> duplicates, IEnumerable<PodFacts> pods, string label) =>
        [.. pods.Where(pod => duplicates.Any(duplicate => pod.Labels.GetValueOrDefault(label) == duplicate.Hash))];
}

/// <summary>The revision of a workload's present template.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Hash">What its pods are labelled with.</param>
/// <param name="Duplicates">Others that hold the same template.</param>
internal sealed record CurrentRevision(string Name, string Hash, IReadOnlyList<RevisionFacts> Duplicates);
