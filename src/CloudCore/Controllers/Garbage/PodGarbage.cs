using EdgeSync.CloudCore.KubeApi;

namespace EdgeSync.CloudCore.Controllers.Garbage;

/// <summary>
/// Removes what lies around of pods, as Kubernetes' pod garbage collector: ended pods past a number, deleted pods that never got a node, and
/// deleted pods on a node that is out of service by its taint. Pods of nodes that do not exist: <see cref="PodsOfMissingNodes"/>.
/// </summary>
internal sealed partial class PodGarbage(
    KubeClient client, ClusterView view, ControllersOptions options, TimeProvider time, ILogger<PodGarbage> logger) : IController
{
    /// <summary>Kubernetes' taint by which somebody says that a node has ended for certain.</summary>
    internal const string OutOfService = "node.kubernetes.io/out-of-service";

    private readonly ILogger _logger = logger;

    public async Task RunAsync(CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            await Task.Delay(options.PodGarbagePeriod, time, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            try
            {
                await SweepAsync(ct);
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                return;
            }
            // the loop's edge: what could not be done now is done in the next sweep
            catch (ApiException e)
            {
                LogFailed(e.Message);
            }
        }
    }

    public void Dispose()
    {
        // holds nothing
    }

    /// <summary>Ended pods past the number: evicted ones first, then the oldest.</summary>
    internal static IReadOnlyList<PodFacts> Surplus(IEnumerable<PodFacts> pods, int threshold)
    {
        if (threshold <= 0)
        {
            return [];
        }

        var ended = pods.Where(pod => pod.IsTerminal).ToList();
        return ended.Count <= threshold ? [] :
        [
            .. ended.OrderByDescending(pod => pod.IsEvicted).ThenBy(pod => pod.Created).ThenBy(pod => pod.Name.ToString(), StringComparer.Ordinal)
                .Take(ended.Count - threshold).Where(pod => !pod.IsDeleting),
        ];
    }

    /// <summary>Deleted pods of which no agent will say that they have ended.</summary>
    internal static bool IsStranded(PodFacts pod, Func<string, NodeFacts?> node) =>
        pod.IsDeleting && (pod.IsBound ? node(pod.NodeName) is { IsReady: false } at && at.Taints.Any(taint => taint.Key == OutOfService) : pod.NodeName.Length == 0);

    private async Task SweepAsync(CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        var pods = view.Pods.All();
        var surplus = Surplus(pods, options.TerminatedPodGcThreshold);
        var stranded = pods.Where(pod => IsStranded(pod, view.Nodes.Get)).ToList();
        await Batches.InGrowingAsync(surplus, options.ParallelRequests, DeleteAsync, ct);
        await Batches.InGrowingAsync(stranded, options.ParallelRequests, FailAndDeleteAsync, ct);
        if (surplus.Count + stranded.Count > 0)
        {
            LogRemoved(surplus.Count, stranded.Count);
        }
    }

    private async Task FailAndDeleteAsync(PodFacts pod, CancellationToken ct)
    {
        try
        {
            if (!pod.IsTerminal)
            {
                await DisruptedPod.FailAsync(client, pod, ct);
            }
        }
        catch (ApiException e) when (e.IsNotFound || e.IsConflict)
        {
            return; // gone, or another of that name is there
        }

        await DeleteAsync(pod, ct);
    }

    private async Task DeleteAsync(PodFacts pod, CancellationToken ct)
    {
        try
        {
            await client.DeleteAsync(
                ApiResources.Pods, pod.Name.Namespace, pod.Name.Name, new DeleteOptions { Uid = pod.Uid, GracePeriodSeconds = 0 }, ct);
        }
        catch (ApiException e) when (e.IsNotFound || e.IsConflict)
        {
            // gone, or another of that name is there
        }
    }

    [LoggerMessage(LogLevel.Information, "{Ended} ended pods past the number that is kept and {Stranded} deleted pods that no node answers for are removed")]
    private partial void LogRemoved(int ended, int stranded);

    [LoggerMessage(LogLevel.Warning, "Not all that lies around of pods could be removed; it is tried again: {Error}")]
    private partial void LogFailed(string error);
}
