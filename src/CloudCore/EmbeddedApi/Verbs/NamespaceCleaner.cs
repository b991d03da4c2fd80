using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Store;

namespace EdgeSync.CloudCore.EmbeddedApi.Verbs;

/// <summary>
/// Empties namespaces that are on their way out and removes them when nothing is left. What cannot go at once (pods
/// that a node still runs, finalizers) is looked at again until it is gone.
/// </summary>
internal sealed partial class NamespaceCleaner(
    ObjectStore store, ObjectWriter writer, Func<ResourceTable> resources, TimeProvider time, ILogger logger) : IAsyncDisposable
{
    private static readonly TimeSpan s_again = TimeSpan.FromMilliseconds(500);
    private static readonly string[] s_deletion = ["metadata.deletionTimestamp"];

    private readonly CancellationTokenSource _stop = new();
    private Task _loop = Task.CompletedTask;

    public void Start() => _loop = Task.Run(() => RunAsync(_stop.Token));

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loop;
        _stop.Dispose();
    }

    private async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (!cancellationToken.IsCancellationRequested)
            {
                using var subscription = store.Subscribe(ObjectStore.NamespaceResource, null)!;
                await FollowAsync(subscription, cancellationToken);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // asked to stop
        }
    }

    private async Task FollowAsync(WatchSubscription subscription, CancellationToken cancellationToken)
    {
        while (true)
        {
            var left = await CleanAllAsync(cancellationToken);
            var change = subscription.Changes.WaitToReadAsync(cancellationToken).AsTask();
            if (left)
            {
                await Task.WhenAny(change, Task.Delay(s_again, time, cancellationToken));
                cancellationToken.ThrowIfCancellationRequested();
                continue;
            }

            if (!await change)
            {
                // too slow, or the store closes: then the token ends this soon
                await Task.Delay(s_again, time, cancellationToken);
                return;
            }

            while (subscription.Changes.TryRead(out _))
            {
                // only the fact that something changed counts
            }
        }
    }

    /// <summary>True where some namespace could not be finished.</summary>
    private async Task<bool> CleanAllAsync(CancellationToken cancellationToken)
    {
        var left = false;
        foreach (var ns in store.State.Of(ObjectStore.NamespaceResource).Values)
        {
            if (ns.Fields(s_deletion)[0].Length == 0)
            {
                continue;
            }

            try
            {
                left |= !await CleanAsync(ns, cancellationToken);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                LogNotCleaned(e, ns.Key.Name);
                left = true;
            }
        }

        return left;
    }

    private async Task<bool> CleanAsync(StoredObject ns, CancellationToken cancellationToken)
    {
        var left = 0;
        var table = resources();
        foreach (var resource in table.All.Where(r => r.Namespaced).DistinctBy(r => r.StorageName))
        {
            foreach (var stored in store.State.Of(resource.StorageName).Values.Where(o => o.Key.Namespace == ns.Key.Name))
            {
                left += await DeleteAsync(resource, stored, cancellationToken) ? 0 : 1;
            }
        }

        if (left > 0)
        {
            return false;
        }

        var context = Context(table.Find("", "v1", ObjectStore.NamespaceResource)!, ns.Key);
        await writer.FinishNamespaceAsync(context, cancellationToken);
        return true;
    }

    private async Task<bool> DeleteAsync(ResourceDescriptor resource, StoredObject stored, CancellationToken cancellationToken)
    {
        try
        {
            var result = await writer.DeleteAsync(
                Context(resource, stored.Key), new DeleteOptions { Uid = stored.Uid }, cancellationToken);
            return result.Removed;
        }
        catch (ApiException e) when (e.Reason is StatusReason.NotFound)
        {
            return true;
        }
    }

    private static WriteContext Context(ResourceDescriptor resource, NamespacedName key) =>
        new(resource, key, false, "Ignore", _ => { });

    [LoggerMessage(LogLevel.Warning, "Namespace {Namespace} could not be emptied yet")]
    private partial void LogNotCleaned(Exception error, string @namespace);
}
