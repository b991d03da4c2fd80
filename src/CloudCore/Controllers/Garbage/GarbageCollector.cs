using EdgeSync.CloudCore.Controllers.DaemonSets;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Storage;

namespace EdgeSync.CloudCore.Controllers.Garbage;

/// <summary>An object that others may own.</summary>
internal sealed record Dependent(ApiResource Resource, NamespacedName Name, string Uid, IReadOnlyList<OwnerReference> Owners, bool IsDeleting);

/// <summary>
/// Deletes pods and ControllerRevisions whose owners are all gone (by UID), and carries out the deletions of
/// DaemonSets that wait for their dependents: <c>foregroundDeletion</c> (dependents first) and <c>orphan</c>
/// (dependents are let go).
/// </summary>
internal sealed partial class GarbageCollector : IDisposable
{
    private const string Foreground = "foregroundDeletion";
    private const string Orphan = "orphan";

    private readonly KubeClient _client;
    private readonly ClusterView _view;
    private readonly ControllersOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly OwnerGraph _owners;
    private readonly WorkQueue<(ApiResource Resource, NamespacedName Name)> _dependents;
    private readonly WorkQueue<NamespacedName> _leaving;

    public GarbageCollector(
        KubeClient client, ClusterView view, ControllersOptions options, TimeProvider time, ILogger<GarbageCollector> logger)
    {
        _client = client;
        _view = view;
        _options = options;
        _time = time;
        _logger = logger;
        _owners = new OwnerGraph(client, view);
        _dependents = new WorkQueue<(ApiResource, NamespacedName)>("garbage", time, logger);
        _leaving = new WorkQueue<NamespacedName>("leaving daemonsets", time, logger);
        view.Pods.OnChange(NotePod);
        view.Revisions.OnChange(NoteRevision);
    }

    public async Task RunAsync(CancellationToken ct)
    {
        _view.Follow(_view.DaemonSets, NoteDaemonSet);
        await Task.WhenAll(
            _dependents.RunAsync(_options.Workers, CollectAsync, ct),
            _leaving.RunAsync(_options.Workers, LetGoAsync, ct),
            Resync.RunAsync(_options.ResyncPeriod, _time, LookAtAll, ct));
    }

    public void Dispose()
    {
        _dependents.Dispose();
        _leaving.Dispose();
    }

    private void NotePod(PodChange change) => NoteDependent(
        ApiResources.Pods, change.New?.Name, change.Old?.Owners, change.New?.Owners, change.Old?.Name.Namespace);

    private void NoteRevision(RevisionFacts? old, RevisionFacts? now) => NoteDependent(
        ApiResources.ControllerRevisions, now?.Name, old?.Owners, now?.Owners, old?.Name.Namespace);

    private void NoteDependent(
        ApiResource resource, NamespacedName? present, IReadOnlyList<OwnerReference>? oldOwners, IReadOnlyList<OwnerReference>? owners, string? ns)
    {
        // a new object, or one with other owners; most changes are neither
        if (present is { } name && owners!.Count > 0 && (oldOwners is null || !oldOwners.SequenceEqual(owners)))
        {
            _options.Deliver(() => _dependents.Add((resource, name)));
        }

        // an owner that leaves may have waited for this one
        foreach (var owner in present is null ? oldOwners ?? [] : [])
        {
            if (owner.IsDaemonSet())
            {
                _options.Deliver(() => _leaving.Add(new NamespacedName(ns!, owner.Name)));
            }
        }
    }

    private void NoteDaemonSet(InformerChange change)
    {
        if (change.New is { IsDeleting: true })
        {
            _options.Deliver(() => _leaving.Add(change.Name));
        }
        else if (change.New is null)
        {
            var uid = change.Old!.Uid;
            foreach (var dependent in DependentsOf(uid))
            {
                _options.Deliver(() => _dependents.Add((dependent.Resource, dependent.Name)));
            }
        }
    }

    private void LookAtAll()
    {
        foreach (var pod in _view.Pods.All().Where(pod => pod.Owners.Count > 0))
        {
            _dependents.Add((ApiResources.Pods, pod.Name));
        }

        foreach (var revision in _view.Revisions.All().Where(revision => revision.Owners.Count > 0))
        {
            _dependents.Add((ApiResources.ControllerRevisions, revision.Name));
        }

        foreach (var daemonSet in _view.DaemonSets.Snapshot().Where(value => value.IsDeleting))
        {
            _leaving.Add(NamespacedName.Of(daemonSet));
        }
    }

    private async Task CollectAsync((ApiResource Resource, NamespacedName Name) key, CancellationToken ct)
    {
        if (Find(key.Resource, key.Name) is not { IsDeleting: false, Owners.Count: > 0 } dependent)
        {
            return;
        }

        foreach (var owner in dependent.Owners)
        {
            if (await _owners.ExistsAsync(owner, key.Name.Namespace, ct))
            {
                return;
            }
        }

        await DeleteAsync(dependent, ct);
        LogCollected(key.Resource, key.Name, dependent.Owners[0].Kind, dependent.Owners[0].Name);
    }

    private async Task LetGoAsync(NamespacedName key, CancellationToken ct)
    {
        if (_view.DaemonSets.Get(key) is not { IsDeleting: true } owner)
        {
            return;
        }

        var finalizers = owner.View(KubernetesJson.Default.AnyObject).Metadata.Finalizers ?? [];
        if (finalizers.Contains(Orphan))
        {
            await ReleaseDependentsAsync(owner, ct);
            await RemoveFinalizerAsync(owner, finalizers, Orphan, ct);
        }
        else if (finalizers.Contains(Foreground) && !await DeleteDependentsAsync(owner, ct))
        {
            await RemoveFinalizerAsync(owner, finalizers, Foreground, ct);
        }
    }

    // true while dependents are left that the owner has to wait for; their going brings us back
    private async Task<bool> DeleteDependentsAsync(KubeObject owner, CancellationToken ct)
    {
        var blocked = false;
        foreach (var dependent in DependentsOf(owner.Uid))
        {
            if (!dependent.IsDeleting)
            {
                await DeleteAsync(dependent, ct);
            }

            blocked |= dependent.Owners.Any(reference => reference.Uid == owner.Uid && reference.BlockOwnerDeletion == true);
        }

        return blocked;
    }

    // from the API, not the cache: a pod that the cache does not show yet would lose its owner and be collected
    private async Task ReleaseDependentsAsync(KubeObject owner, CancellationToken ct)
    {
        foreach (var resource in new[] { ApiResources.Pods, ApiResources.ControllerRevisions })
        {
            var list = await _client.ListAsync(resource, owner.Namespace, null, ct);
            foreach (var item in list.Items)
            {
                var references = item.View(KubernetesJson.Default.AnyObject).Metadata.OwnerReferences ?? [];
                if (references.Any(reference => reference.Uid == owner.Uid))
                {
                    await ReleaseAsync(resource, item, references.Where(reference => reference.Uid != owner.Uid), ct);
                }
            }
        }
    }

    private async Task ReleaseAsync(ApiResource resource, KubeObject item, IEnumerable<OwnerReference> rest, CancellationToken ct)
    {
        try
        {
            await _client.PatchAsync(
                resource, item.Namespace, item.Name, PatchType.Merge, MetadataPatch.Owners(item.Uid, rest), null, ct);
        }
        catch (ApiException e) when (e.IsNotFound || e.IsConflict)
        {
            // gone meanwhile, or another of that name is there
        }
    }

    private async Task RemoveFinalizerAsync(KubeObject owner, IReadOnlyList<string> finalizers, string done, CancellationToken ct)
    {
        try
        {
            await _client.PatchAsync(
                ApiResources.DaemonSets, owner.Namespace, owner.Name, PatchType.Merge,
                MetadataPatch.Finalizers(owner, finalizers.Where(finalizer => finalizer != done)), null, ct);
        }
        catch (ApiException e) when (e.IsNotFound)
        {
            // gone already
        }
    }

    private async Task DeleteAsync(Dependent dependent, CancellationToken ct)
    {
        try
        {
            await _client.DeleteAsync(
                dependent.Resource, dependent.Name.Namespace, dependent.Name.Name,
                new DeleteOptions { Uid = dependent.Uid, PropagationPolicy = "Background" }, ct);
            Failpoint.Hit(HubFailpoints.DependentDeleted);
        }
        catch (ApiException e) when (e.IsNotFound || e.IsConflict)
        {
            // gone, or another of that name is there
        }
    }

    private IEnumerable<Dependent> DependentsOf(string uid) =>
        _view.Pods.OwnedBy(uid).Select(Of).Concat(_view.Revisions.OwnedBy(uid).Select(Of));

    private Dependent? Find(ApiResource resource, NamespacedName name) => resource == ApiResources.Pods
        ? _view.Pods.Get(name) is { } pod ? Of(pod) : null
        : _view.Revisions.Get(name) is { } revision ? Of(revision) : null;

    private static Dependent Of(PodFacts pod) => new(ApiResources.Pods, pod.Name, pod.Uid, pod.Owners, pod.IsDeleting);

    private static Dependent Of(RevisionFacts revision) =>
        new(ApiResources.ControllerRevisions, revision.Name, revision.Uid, revision.Owners, revision.IsDeleting);

    [LoggerMessage(LogLevel.Information, "{Resource} {Name} deleted: its owner {OwnerKind} {OwnerName} is gone")]
    private partial void LogCollected(ApiResource resource, NamespacedName name, string ownerKind, string ownerName);
}
