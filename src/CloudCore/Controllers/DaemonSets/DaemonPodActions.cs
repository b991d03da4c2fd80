using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Storage;

namespace EdgeSync.CloudCore.Controllers.DaemonSets;

/// <summary>The requests by which a DaemonSet's pods are made, deleted, adopted and released.</summary>
internal sealed partial class DaemonPodActions(
    KubeClient client, PodIndex pods, PodsInFlight inFlight, ControllersOptions options, ILogger logger)
{
    private const int MaxNameAttempts = 20;

    private readonly ILogger _logger = logger;

    /// <summary>
    /// Deletes, then creates: one request first, then twice as many at a time while all succeed, so that a pod that
    /// the API refuses is refused once and not five thousand times.
    /// </summary>
    public async Task ApplyAsync(
        KubeObject daemonSet, DaemonSet view, string hash, DaemonSetPlan plan, Action<KubeObject, PodFacts> noteReplaced, CancellationToken ct)
    {
        await InGrowingBatchesAsync(
            plan.Delete,
            async (pod, token) =>
            {
                await DeleteAsync(daemonSet, pod, token);
                if (pod.IsTerminal)
                {
                    noteReplaced(daemonSet, pod);
                }
            },
            ct);
        if (plan.CreateOn.Count > 0)
        {
            var writer = new DaemonPodWriter(daemonSet, view, hash);
            await InGrowingBatchesAsync(plan.CreateOn, (place, token) => CreateAsync(daemonSet, writer, place, token), ct);
            LogCreated(daemonSet.Describe(), plan.CreateOn.Count);
        }
    }

    /// <summary>
    /// Takes pods that fit the selector and that nobody controls, and lets go of own ones that no longer fit, as
    /// Kubernetes does: that is how a DaemonSet deleted with --cascade=orphan and made again finds its pods.
    /// </summary>
    public async Task ClaimAsync(KubeObject daemonSet, DaemonSet view, CancellationToken ct)
    {
        var selector = view.Spec.Selector;
        if (selector is null || (selector.MatchLabels is null or { Count: 0 } && selector.MatchExpressions is null or { Count: 0 }))
        {
            return;
        }

        var adopt = pods.Uncontrolled(daemonSet.Namespace).Where(pod => !pod.IsDeleting && selector.Matches(pod.Labels)).ToList();
        if (adopt.Count > 0 && await IsCurrentAsync(daemonSet, ct))
        {
            foreach (var pod in adopt)
            {
                await SetOwnersAsync(pod, pod.Owners.Append(DaemonSetOwner.Of(daemonSet)), ct);
                LogAdopted(daemonSet.Describe(), pod.Name);
            }
        }

        var release = pods.OwnedBy(daemonSet.Uid)
            .Where(pod => pod.Controller?.Uid == daemonSet.Uid && !pod.IsDeleting && !selector.Matches(pod.Labels));
        foreach (var pod in release)
        {
            await SetOwnersAsync(pod, pod.Owners.Where(owner => owner.Uid != daemonSet.Uid), ct);
            LogReleased(daemonSet.Describe(), pod.Name);
        }
    }

    /// <summary>Asks the API about made pods that the cache should have shown by now, and forgets those that are gone.</summary>
    public async Task SettleOverdueAsync(string owner, CancellationToken ct)
    {
        foreach (var pod in inFlight.Overdue(owner))
        {
            var live = await client.GetAsync(ApiResources.Pods, pod.Name.Namespace, pod.Name.Name, ct);
            if (live?.Uid != pod.Uid)
            {
                inFlight.Settle(owner, pod.Uid, gone: true);
            }
        }
    }

    private async Task CreateAsync(KubeObject daemonSet, DaemonPodWriter writer, DaemonPodPlace place, CancellationToken ct)
    {
        // not from the cache, which may show by now the very pod that is made here: from what the decision saw
        var predecessor = place.Beside.Length > 0 ? place.Beside : pods.LastGone(daemonSet.Uid, place.Node);
        for (var attempt = 0; attempt < MaxNameAttempts; attempt++)
        {
            var name = writer.Name(place.Node, predecessor, attempt);
            var pod = await CreateOrGetAsync(daemonSet, writer, place.Node, name, ct);
            if (pod.Controller?.Uid == daemonSet.Uid && pod.NodeName == place.Node)
            {
                Failpoint.Hit(HubFailpoints.DaemonPodMade);
                inFlight.NoteMade(daemonSet.Uid, pod);
                return;
            }
        }

        throw new InvalidOperationException($"{MaxNameAttempts} pod names for node {place.Node} are all taken");
    }

    private async Task<PodFacts> CreateOrGetAsync(
        KubeObject daemonSet, DaemonPodWriter writer, string node, string name, CancellationToken ct)
    {
        try
        {
            return PodFacts.Read(await client.CreateAsync(
                ApiResources.Pods, daemonSet.Namespace, writer.Write(node, name), ct));
        }
        catch (ApiException e) when (e.IsAlreadyExists)
        {
            var existing = await client.GetAsync(ApiResources.Pods, daemonSet.Namespace, name, ct);
            if (existing is null)
            {
                // gone between the two requests: the next reconcile decides anew
                throw;
            }

            return PodFacts.Read(existing);
        }
    }

    private async Task DeleteAsync(KubeObject daemonSet, PodFacts pod, CancellationToken ct)
    {
        try
        {
            await client.DeleteAsync(ApiResources.Pods, pod.Name.Namespace, pod.Name.Name, new DeleteOptions { Uid = pod.Uid }, ct);
            LogDeleted(daemonSet.Describe(), pod.Name, pod.NodeName);
        }
        catch (ApiException e) when (e.IsNotFound || e.IsConflict)
        {
            // gone, or another of that name is there
        }

        Failpoint.Hit(HubFailpoints.DaemonPodDeleted);
        inFlight.NoteDeleted(daemonSet.Uid, pod.Uid);
    }

    private async Task SetOwnersAsync(PodFacts pod, IEnumerable<OwnerReference> owners, CancellationToken ct)
    {
        try
        {
            await client.PatchAsync(
                ApiResources.Pods, pod.Name.Namespace, pod.Name.Name, PatchType.Merge, MetadataPatch.Owners(pod.Uid, owners), null, ct);
        }
        catch (ApiException e) when (e.IsNotFound || e.IsConflict)
        {
            // gone, or another of that name is there
        }
    }

    // the cache may still show a DaemonSet that is gone; what it adopted would be collected as garbage
    private async Task<bool> IsCurrentAsync(KubeObject daemonSet, CancellationToken ct)
    {
        var live = await client.GetAsync(ApiResources.DaemonSets, daemonSet.Namespace, daemonSet.Name, ct);
        return live is { IsDeleting: false } && live.Uid == daemonSet.Uid;
    }

    private async Task InGrowingBatchesAsync<T>(IReadOnlyList<T> items, Func<T, CancellationToken, Task> act, CancellationToken ct)
    {
        var parallel = new ParallelOptions { CancellationToken = ct };
        for (int done = 0, size = 1; done < items.Count; done += size, size *= 2)
        {
            size = Math.Min(size, items.Count - done);
            parallel.MaxDegreeOfParallelism = Math.Min(size, options.ParallelRequests);
            await Parallel.ForEachAsync(items.Skip(done).Take(size), parallel, async (item, token) => await act(item, token));
        }
    }

    [LoggerMessage(LogLevel.Information, "{DaemonSet}: {Count} pods created")]
    private partial void LogCreated(string daemonSet, int count);

    [LoggerMessage(LogLevel.Debug, "{DaemonSet}: pod {Pod} on {Node} deleted")]
    private partial void LogDeleted(string daemonSet, NamespacedName pod, string node);

    [LoggerMessage(LogLevel.Information, "{DaemonSet}: pod {Pod} adopted")]
    private partial void LogAdopted(string daemonSet, NamespacedName pod);

    [LoggerMessage(LogLevel.Information, "{DaemonSet}: pod {Pod} released, it no longer fits the selector")]
    private partial void LogReleased(string daemonSet, NamespacedName pod);
}
