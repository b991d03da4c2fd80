using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Hosting;

namespace EdgeSync.CloudCore.Controllers.Garbage;

/// <summary>
/// Follows the metadata of one resource into the graph: a list, then a watch, and a list again where the watch cannot go on.
/// It keeps no objects of its own.
/// </summary>
internal sealed partial class OwnershipWatch(
    KubeClient client, ApiResource resource, OwnerGraph graph, Action changed, TimeProvider time, ILogger logger)
{
    private static readonly Backoff s_backoff = new(TimeSpan.FromMilliseconds(50), TimeSpan.FromSeconds(10));
    private static readonly TimeSpan s_healthyWatch = TimeSpan.FromSeconds(20);

    private readonly ILogger _logger = logger;
    private readonly TaskCompletionSource _listed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private string? _version; // only the run loop touches it

    /// <summary>Completes when the first list is in the graph.</summary>
    public Task Listed => _listed.Task;

    public async Task RunAsync(CancellationToken ct)
    {
        var failures = 0;
        while (!ct.IsCancellationRequested)
        {
            var began = time.GetTimestamp();
            try
            {
                await ListIfNeededAsync(ct);
                await WatchAsync(ct);
            }
            catch (ApiException e) when (e.IsGone)
            {
                _version = null;
            }
            catch (ApiException e)
            {
                LogFailed(resource, e.Message);
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                return;
            }

            failures = time.GetElapsedTime(began) > s_healthyWatch ? 1 : failures + 1;
            await Task.Delay(s_backoff.After(failures), time, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task ListIfNeededAsync(CancellationToken ct)
    {
        // an API whose store was replaced counts from an earlier version, and a watch from ours would stay silent
        if (_version is not null
            && ulong.TryParse(_version, out var ours)
            && ulong.TryParse(await client.GetListVersionAsync(resource, null, ct), out var theirs) && theirs >= ours)
        {
            return;
        }

        _version = null;
        var list = await client.ListAsync(resource, null, new ListOptions { MetadataOnly = true }, ct);
        graph.Replace(resource, list.Items);
        _version = list.ResourceVersion;
        _listed.TrySetResult();
    }

    private async Task WatchAsync(CancellationToken ct)
    {
        var options = new ListOptions { MetadataOnly = true, ResourceVersion = _version };
        await foreach (var change in client.WatchAsync(resource, null, options, ct))
        {
            if (change.Type == WatchEventType.Deleted)
            {
                graph.Remove(change.Object.Uid);
            }
            else if (change.Type != WatchEventType.Bookmark)
            {
                graph.Put(resource, change.Object);
            }

            if (change.Object.ResourceVersion.Length > 0)
            {
                _version = change.Object.ResourceVersion;
            }

            changed();
        }
    }

    [LoggerMessage(LogLevel.Debug, "Metadata of {Resource} cannot be followed for now: {Error}")]
    private partial void LogFailed(ApiResource resource, string error);
}
