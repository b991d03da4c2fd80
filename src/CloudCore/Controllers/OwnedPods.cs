using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers;

/// <summary>From changes of pods to the objects that have to look at them.</summary>
internal static class OwnedPods
{
    /// <summary>
    /// Settles what was in flight and names each controller of that kind that the pod had or has; a pod that nobody controls concerns all that
    /// select it (<paramref name="claimants"/>).
    /// </summary>
    public static void Note(
        PodChange change, ApiResource kind, PodsInFlight inFlight, Informer? claimants, Action<NamespacedName> add)
    {
        foreach (var pod in new[] { change.Old, change.New })
        {
            if (pod?.Controller is { } owner && owner.Is(kind))
            {
                inFlight.Settle(owner.Uid, pod.Uid, gone: change.New is null);
                add(new NamespacedName(pod.Name.Namespace, owner.Name));
            }
        }

        if (claimants is not null && change.New is { Controller: null, IsDeleting: false } free && !SameLabels(change.Old, free))
        {
            foreach (var name in ClaimantsOf(claimants, free))
            {
                add(name);
            }
        }
    }

    private static bool SameLabels(PodFacts? old, PodFacts now) =>
        old is { Controller: null } && old.Labels.Count == now.Labels.Count
        && old.Labels.All(label => now.Labels.TryGetValue(label.Key, out var value) && value == label.Value);

    private static IEnumerable<NamespacedName> ClaimantsOf(Informer claimants, PodFacts pod) => claimants.Snapshot()
        .Where(value => value.Namespace == pod.Name.Namespace && SelectorOf(value).Matches(pod.Labels))
        .Select(NamespacedName.Of);

    // one that cannot be read selects nothing; its own controller says so
    private static LabelSelector? SelectorOf(KubeObject value)
    {
        try
        {
            return value.View(ControllersJson.Default.SelectingGist).Spec?.Selector;
        }
        catch (KubeObjectException)
        {
            return null;
        }
    }
}

/// <summary>Of a workload its selector.</summary>
internal sealed record SelectingGist
{
    public SelectingGistSpec? Spec { get; set; }
}

internal sealed record SelectingGistSpec
{
    public LabelSelector? Selector { get; set; }
}
