using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Storage;

namespace EdgeSync.CloudCore.Controllers.Garbage;

/// <summary>
/// Deletes what nobody owns any more and sees off what waits for its dependents, over all resources that the API serves, by
/// the rules that Kubernetes documents for owner references:
/// <code>
/// an owner is     solid      the API has it                           its dependents stay
///                 dangling   the API has it not, or under another UID  its references are removed; without any left the object goes
///                 waiting    it is deleted in the foreground           its dependents go, and it after them
/// </code>
/// A watch's word is never enough: before anything is deleted the API is asked for the object and its owners.
/// </summary>
internal sealed partial class GarbageCollector : IController
{
    // a UID that is gone never comes back, so the answer may be kept; bounded, because it can be found again
    private const int MaxGone = 10_000;

    private readonly KubeClient _client;
    private readonly ControllersOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly OwnerGraph _graph;
    private readonly ServedResources _served;
    private readonly WorkQueue<string> _dependents;
    private readonly WorkQueue<string> _leaving;
    private readonly GoneOwners _gone = new(MaxGone);

    public GarbageCollector(KubeClient client, ControllersOptions options, TimeProvider time, ILogger<GarbageCollector> logger)
    {
        _client = client;
        _options = options;
        _time = time;
        _logger = logger;
        _dependents = new WorkQueue<string>("garbage", time, logger);
        _leaving = new WorkQueue<string>("leaving owners", time, logger);
        _graph = new OwnerGraph(
            uid => options.Deliver(() => _dependents.Add(uid)), uid => options.Deliver(() => _leaving.Add(uid)));
        _served = new ServedResources(client, _graph, time, logger);
    }

    public Task RunAsync(CancellationToken ct) => Task.WhenAll(
        _served.RunAsync(_graph.NoteAll, ct),
        _dependents.RunAsync(_options.Workers, CollectAsync, ct),
        _leaving.RunAsync(_options.Workers, SeeOffAsync, ct),
        Resync.RunAsync(_options.ResyncPeriod, _time, _graph.NoteAll, ct));

    public void Dispose()
    {
        _dependents.Dispose();
        _leaving.Dispose();
        _served.Dispose();
    }

    private async Task CollectAsync(string uid, CancellationToken ct)
    {
        if (_graph.Find(uid) is not { Owners.Count: > 0, Leaving: Leaving.No } known
            || await JudgeAsync(known, known.Owners, ct) is not { } seen || seen.Solid.Count == known.Owners.Count)
        {
            return;
        }

        if (await _client.GetMetadataAsync(known.Resource, known.Name.Namespace, known.Name.Name, ct) is not { } live || live.Uid != uid)
        {
            _graph.Remove(uid);
            return;
        }

        var owners = live.View(KubernetesJson.Default.AnyObject).Metadata.OwnerReferences ?? [];
        if (owners.Count == 0 || live.IsDeleting || await JudgeAsync(known, owners, ct) is not { } judged)
        {
            return;
        }

        if (judged.Solid.Count > 0)
        {
            if (judged.Solid.Count < owners.Count)
            {
                await PatchAsync(known, MetadataPatch.Owners(live, judged.Solid), ct);
            }
        }
        else if (judged.Waiting.Count > 0 && _graph.DependentsOf(uid) is { Count: > 0 } dependents)
        {
            await UnblockCircleAsync(known, live, owners, dependents, ct);
            await DeleteAsync(known, "Foreground", ct);
        }
        else
        {
            await DeleteAsync(known, PolicyOf(live), ct);
            LogCollected(known.Resource, known.Name, owners[0].Kind, owners[0].Name);
        }
    }

    /// <summary>Sorts the owners; null where one of them cannot be judged, and the object is left alone.</summary>
    private async Task<JudgedOwners?> JudgeAsync(OwnedObject dependent, IReadOnlyList<OwnerReference> owners, CancellationToken ct)
    {
        var judged = new JudgedOwners([], []);
        foreach (var owner in owners)
        {
            if (_served.Find(OwnerGraph.GroupOf(owner.ApiVersion), owner.Kind) is not { } resource)
            {
                // what we cannot ask for we leave alone
                return null;
            }

            if (resource.Namespaced && dependent.Name.Namespace.Length == 0)
            {
                LogWrongNamespace(dependent.Resource, dependent.Name, owner.Kind, owner.Name);
                return null;
            }

            // a namespaced owner is looked for beside its dependent, and nowhere else
            var ns = resource.Namespaced ? dependent.Name.Namespace : "";
            switch (await StandingOfAsync(resource, ns, owner, ct))
            {
                case Standing.Solid:
                    judged.Solid.Add(owner);
                    break;
                case Standing.Waiting:
                    judged.Waiting.Add(owner);
                    break;
            }
        }

        return judged;
    }

    private async Task<Standing> StandingOfAsync(ApiResource resource, string ns, OwnerReference owner, CancellationToken ct)
    {
        if (_graph.IsKnownToStay(owner.Uid, ns))
        {
            return Standing.Solid;
        }

        if (_gone.Has(resource, ns, owner))
        {
            return Standing.Dangling;
        }

        var changes = _graph.ChangesOf(owner.Uid);
        var live = await _client.GetMetadataAsync(resource, ns, owner.Name, ct);
        if (live?.Uid != owner.Uid)
        {
            _gone.Add(resource, ns, owner);
            return Standing.Dangling;
        }

        var finalizers = live.View(KubernetesJson.Default.AnyObject).Metadata.Finalizers ?? [];
        if (live.IsDeleting && finalizers.Contains(OwnerGraph.ForegroundFinalizer))
        {
            return Standing.Waiting;
        }

        _graph.NoteStays(owner.Uid, ns, changes);
        return Standing.Solid;
    }

    /// <summary>Two that each own the other would wait for each other for ever.</summary>
    private async Task UnblockCircleAsync(
        OwnedObject known, KubeObject live, IReadOnlyList<OwnerReference> owners, IReadOnlyList<OwnedObject> dependents, CancellationToken ct)
    {
        if (dependents.Any(d => d.Leaving == Leaving.Foreground) && owners.Any(o => o.BlockOwnerDeletion == true))
        {
            await PatchAsync(known, MetadataPatch.Owners(live, owners.Select(o => o with { BlockOwnerDeletion = false })), ct);
        }
    }

    private async Task SeeOffAsync(string uid, CancellationToken ct)
    {
        if (_graph.Find(uid) is not { Leaving: Leaving.Foreground or Leaving.Orphan } known
            || await _client.GetMetadataAsync(known.Resource, known.Name.Namespace, known.Name.Name, ct) is not { } live || live.Uid != uid)
        {
            return;
        }

        var finalizers = live.View(KubernetesJson.Default.AnyObject).Metadata.Finalizers ?? [];
        switch (OwnerGraph.LeavingOf(live, finalizers))
        {
            case Leaving.Orphan:
                await ReleaseDependentsAsync(known, ct);
                await RemoveFinalizerAsync(known, live, finalizers, OwnerGraph.OrphanFinalizer, ct);
                break;
            case Leaving.Foreground when !NoteBlocking(uid):
                await RemoveFinalizerAsync(known, live, finalizers, OwnerGraph.ForegroundFinalizer, ct);
                break;
        }
    }

    /// <summary>True while dependents are left that block the owner; their going brings us back.</summary>
    private bool NoteBlocking(string uid)
    {
        var blocking = false;
        foreach (var dependent in _graph.DependentsOf(uid))
        {
            if (dependent.Owners.Any(o => o.Uid == uid && o.BlockOwnerDeletion == true))
            {
                blocking = true;
                if (dependent.Leaving == Leaving.No)
                {
                    _dependents.Add(dependent.Uid);
                }
            }
        }

        return blocking;
    }

    // from the API, not the graph: a dependent that no watch has shown yet would lose its owner and be collected
    private async Task ReleaseDependentsAsync(OwnedObject owner, CancellationToken ct)
    {
        var ns = owner.Name.Namespace;
        foreach (var resource in _served.All.Where(r => ns.Length == 0 || r.Namespaced))
        {
            var list = await _client.ListAsync(resource, ns.Length == 0 ? null : ns, new ListOptions { MetadataOnly = true }, ct);
            foreach (var item in list.Items)
            {
                var references = item.View(KubernetesJson.Default.AnyObject).Metadata.OwnerReferences ?? [];
                if (references.Any(reference => reference.Uid == owner.Uid))
                {
                    var dependent = new OwnedObject(resource, NamespacedName.Of(item), item.Uid, references, Leaving.No);
                    await PatchAsync(dependent, MetadataPatch.Owners(item, references.Where(r => r.Uid != owner.Uid)), ct);
                }
            }
        }
    }

    private async Task PatchAsync(OwnedObject target, byte[] patch, CancellationToken ct)
    {
        try
        {
            await _client.PatchAsync(target.Resource, target.Name.Namespace, target.Name.Name, PatchType.Merge, patch, null, ct);
        }
        catch (ApiException e) when (e.IsNotFound)
        {
            // gone meanwhile
        }
    }

    private async Task RemoveFinalizerAsync(
        OwnedObject owner, KubeObject live, IReadOnlyList<string> finalizers, string done, CancellationToken ct)
    {
        await PatchAsync(owner, MetadataPatch.Finalizers(live, finalizers.Where(finalizer => finalizer != done)), ct);
    }

    private async Task DeleteAsync(OwnedObject dependent, string policy, CancellationToken ct)
    {
        try
        {
            await _client.DeleteAsync(
                dependent.Resource, dependent.Name.Namespace, dependent.Name.Name,
                new DeleteOptions { Uid = dependent.Uid, PropagationPolicy = policy }, ct);
            Failpoint.Hit(HubFailpoints.DependentDeleted);
        }
        catch (ApiException e) when (e.IsNotFound || e.IsConflict)
        {
            // gone, or another of that name is there
        }
    }

    /// <summary>What its own finalizers say of its dependents; else they go after it.</summary>
    private static string PolicyOf(KubeObject live)
    {
        var finalizers = live.View(KubernetesJson.Default.AnyObject).Metadata.Finalizers ?? [];
        return finalizers.Contains(OwnerGraph.OrphanFinalizer) ? "Orphan"
            : finalizers.Contains(OwnerGraph.ForegroundFinalizer) ? "Foreground" : "Background";
    }

    private enum Standing
    {
        Solid,
        Dangling,
        Waiting,
    }

    /// <summary>The owners of an object that are there, and those among them that wait for it to go.</summary>
    private sealed record JudgedOwners(List<OwnerReference> Solid, List<OwnerReference> Waiting);

    [LoggerMessage(LogLevel.Information, "{Resource} {Name} deleted: its owner {OwnerKind} {OwnerName} is gone")]
    private partial void LogCollected(ApiResource resource, NamespacedName name, string ownerKind, string ownerName);

    [LoggerMessage(LogLevel.Warning, "{Resource} {Name} is left alone: it belongs to the cluster, and names an owner {OwnerKind} {OwnerName} that belongs to some namespace")]
    private partial void LogWrongNamespace(ApiResource resource, NamespacedName name, string ownerKind, string ownerName);
}
