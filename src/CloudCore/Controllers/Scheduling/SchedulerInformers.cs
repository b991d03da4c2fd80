using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.Scheduling;

/// <summary>What the scheduler reads beside pods and nodes.</summary>
internal sealed class SchedulerInformers(InformerSet informers)
{
    public Informer Claims { get; } = informers.For(ApiResources.PersistentVolumeClaims);

    public Informer Volumes { get; } = informers.For(ApiResources.PersistentVolumes);

    public Informer Namespaces { get; } = informers.For(ApiResources.Namespaces);

    public Informer Budgets { get; } = informers.For(ApiResources.PodDisruptionBudgets);

    /// <summary>A kind by a definition, which another API may not have: nobody waits for it.</summary>
    public Informer Groups { get; } = informers.For(ApiResources.PodGroups);

    public IReadOnlyList<Informer> All => [Claims, Volumes, Namespaces, Groups];

    /// <summary>How many pods of a group must start together; null where there is no such group.</summary>
    public GangRule? Gang(NamespacedName group) =>
        Groups.Get(group) is { } value ? GangRule.Of(value.View(ControllersJson.Default.PodGroupGist).Spec) : null;

    public Task WaitForSyncAsync(CancellationToken ct) => Task.WhenAll(
        Claims.WaitForSyncAsync(ct), Volumes.WaitForSyncAsync(ct), Namespaces.WaitForSyncAsync(ct), Budgets.WaitForSyncAsync(ct));

    public Dictionary<string, IReadOnlyDictionary<string, string>> NamespaceLabels() => Namespaces.Snapshot()
        .ToDictionary(ns => ns.Name, ns => ns.View(KubernetesJson.Default.AnyObject).Metadata.Labels ?? LabelSelectors.NoLabels);
}
