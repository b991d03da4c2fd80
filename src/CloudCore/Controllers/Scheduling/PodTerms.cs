namespace EdgeSync.CloudCore.Controllers.Scheduling;

/// <summary>Whether a pod is one that a term of pod affinity, or a spread constraint, speaks of.</summary>
internal static class PodTerms
{
    /// <param name="term">The term.</param>
    /// <param name="of">The pod that has it.</param>
    /// <param name="other">The pod that is looked at.</param>
    /// <param name="snapshot">Knows the labels of namespaces.</param>
    public static bool Means(this PodAffinityTerm term, SchedulingPod of, SchedulingPod other, SchedulingSnapshot snapshot) =>
        InNamespaces(term, of, other, snapshot)
        && term.LabelSelector.Matches(other.Labels)
        && (term.MatchLabelKeys ?? []).All(key => !of.Labels.TryGetValue(key, out var value) || other.Labels.GetValueOrDefault(key) == value)
        && (term.MismatchLabelKeys ?? []).All(key => !of.Labels.TryGetValue(key, out var value) || other.Labels.GetValueOrDefault(key) != value);

    /// <summary>Pods of the same namespace that are not on their way out.</summary>
    public static bool Counts(this SpreadConstraint constraint, SchedulingPod of, SchedulingPod other) =>
        !other.IsDeleting && other.Name.Namespace == of.Name.Namespace && constraint.Fits(of, other.Labels);

    public static bool Fits(this SpreadConstraint constraint, SchedulingPod of, IReadOnlyDictionary<string, string> labels) =>
        constraint.LabelSelector.Matches(labels)
        && (constraint.MatchLabelKeys ?? []).All(key => !of.Labels.TryGetValue(key, out var value) || labels.GetValueOrDefault(key) == value);

    private static bool InNamespaces(PodAffinityTerm term, SchedulingPod of, SchedulingPod other, SchedulingSnapshot snapshot)
    {
        var ns = other.Name.Namespace;
        if (term.Namespaces is { Count: > 0 } named && named.Contains(ns))
        {
            return true;
        }

        return term.NamespaceSelector is { } selector
            ? selector.Matches(snapshot.LabelsOfNamespace(ns))
            : term.Namespaces is null or { Count: 0 } && ns == of.Name.Namespace;
    }
}
