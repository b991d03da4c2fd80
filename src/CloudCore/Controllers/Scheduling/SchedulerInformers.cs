using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.Scheduling;

/// <summary>What the scheduler reads beside pods and nodes.</summary>
internal sealed class SchedulerInformers(InformerSet informers)
{
    public Informer Claims { get; } = informers.For(ApiResources.PersistentVolumeClaims);

    public Informer Volumes { get; } = informers.For(ApiResources.PersistentVolumes);

    public Informer Namespaces { get; } = informers.For(ApiResources.Namespaces);

    public IReadOnlyList<Informer> All => [Claims, Volumes, Namespaces];

    /// <summary>How many pods of a group must start together; null where there is no such group.</summary>
    public Func<NamespacedName, int?> MinMember { get; init; } = static _ => null;

    public Task WaitForSyncAsync(CancellationToken ct) => Task.WhenAll(All.Select(informer => informer.WaitForSyncAsync(ct)));

    public Dictionary<string, IReadOnlyDictionary<string, string>> NamespaceLabels() => Namespaces.Snapshot()
        .ToDictionary(ns => ns.Name, ns => ns.View(KubernetesJson.Default.AnyObject).Metadata.Labels ?? LabelSelectors.NoLabels);
}
