using System.Collections.Concurrent;
using EdgeSync.CloudCore.Controllers.Scheduling;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Storage;

namespace EdgeSync.CloudCore.Controllers.DaemonSets;

/// <summary>The requests by which a DaemonSet's pods are made and deleted.</summary>
internal sealed partial class DaemonPodActions(
    KubeClient client, PodIndex pods, NodeRoom? room, PodControl control, PodsInFlight inFlight, DaemonSetEvents events, ControllersOptions options, ILogger logger)
{
    private const int MaxNameAttempts = 20;

    private readonly ILogger _logger = logger;

    /// <summary>Deletes, then creates.</summary>
    public async Task ApplyAsync(
        KubeObject daemonSet, DaemonSet view, string hash, DaemonSetPlan plan, Action<KubeObject, PodFacts> noteReplaced, CancellationToken ct)
    {
        await DeleteAsync(daemonSet, plan.Delete, noteReplaced, ct);
        if (plan.CreateOn.Count > 0)
        {
            await CreateAsync(daemonSet, new DaemonPodWriter(daemonSet, view, hash), plan.CreateOn, ct);
            LogCreated(daemonSet.Describe(), plan.CreateOn.Count);
        }
    }

    /// <summary>Gives pods the hash of the revision that stands for their template.</summary>
    public Task RelabelAsync(IReadOnlyList<PodFacts> misnamed, string hash, CancellationToken ct) => Batches.InGrowingAsync(
        misnamed,
        options.ParallelRequests,
        async (pod, token) =>
        {
            try
            {
                await client.PatchAsync(
                    ApiResources.Pods, pod.Name.Namespace, pod.Name.Name, PatchType.Merge,
                    MetadataPatch.Label(pod.Uid, DaemonPodWriter.HashLabel, hash), null, token);
            }
            catch (ApiException e) when (e.IsNotFound || e.IsConflict)
            {
                // gone, or another of that name is there
            }
        },
        ct);

    private async Task DeleteAsync(KubeObject daemonSet, IReadOnlyList<PodFacts> delete, Action<KubeObject, PodFacts> noteReplaced, CancellationToken ct)
    {
        events.Ended(daemonSet, delete.Where(pod => pod.IsTerminal));
        var deleted = new ConcurrentQueue<string>();
        try
        {
            await Batches.InGrowingAsync(
                delete,
                options.ParallelRequests,
                async (pod, token) =>
                {
                    await control.DeleteAsync(daemonSet, pod, token);
                    Failpoint.Hit(HubFailpoints.DaemonPodDeleted);
                    deleted.Enqueue(pod.Name.Name);
                    if (pod.IsTerminal)
                    {
                        noteReplaced(daemonSet, pod);
                    }
                },
                ct);
        }
        catch (ApiException e)
        {
            events.FailedToDelete(daemonSet, e);
            throw;
        }
        finally
        {
            events.Deleted(daemonSet, deleted);
        }
    }

    private async Task CreateAsync(KubeObject daemonSet, DaemonPodWriter writer, IReadOnlyList<DaemonPodPlace> places, CancellationToken ct)
    {
        var created = new ConcurrentQueue<string>();
        try
        {
            await Batches.InGrowingAsync(
                places, options.ParallelRequests, async (place, token) => created.Enqueue(await CreateAsync(daemonSet, writer, place, token)), ct);
        }
        catch (ApiException e) when (!IsNamespaceEnding(e))
        {
            events.FailedToCreate(daemonSet, e);
            throw;
        }
        finally
        {
            events.Created(daemonSet, created);
        }
    }

    // no Event could be written there either
    private static bool IsNamespaceEnding(ApiException e) => e.IsForbidden && (e.Status.Message ?? "").Contains("being terminated", StringComparison.Ordinal);

    private async Task<string> CreateAsync(KubeObject daemonSet, DaemonPodWriter writer, DaemonPodPlace place, CancellationToken ct)
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
                return name;
            }
        }

        throw new InvalidOperationException($"{MaxNameAttempts} pod names for node {place.Node} are all taken");
    }

    private async Task<PodFacts> CreateOrGetAsync(
        KubeObject daemonSet, DaemonPodWriter writer, string node, string name, CancellationToken ct)
    {
        var key = new NamespacedName(daemonSet.Namespace, name);
        var isBound = room is null || writer.IsBoundByTemplate || room.TryTake(node, key, writer.Asks);
        try
        {
            return PodFacts.Read(await client.CreateAsync(
                ApiResources.Pods, daemonSet.Namespace, writer.Write(node, name, isBound), ct));
        }
        catch (ApiException e)
        {
            room?.Release(node, key);
            if (!e.IsAlreadyExists)
            {
                throw;
            }

            var existing = await client.GetAsync(ApiResources.Pods, daemonSet.Namespace, name, ct);
            if (existing is null)
            {
                // gone between the two requests: the next reconcile decides anew
                throw;
            }

            return PodFacts.Read(existing);
        }
    }

    [LoggerMessage(LogLevel.Information, "{DaemonSet}: {Count} pods created")]
    private partial void LogCreated(string daemonSet, int count);
}
