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
            var change = subscription.WaitToReadAsync(cancellationToken).AsTask();
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

            while (subscription.TryRead(out _))
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
        var table = resources();
        var resource = table.Find("", "v1", ObjectStore.NamespaceResource)!;
        var remaining = new NamespaceRemains();
        foreach (var content in table.All.Where(r => r is { Namespaced: true, IsStored: true }).DistinctBy(r => r.StorageName))
        {
            foreach (var stored in store.State.Of(content.StorageName).Values.Where(o => o.Key.Namespace == ns.Key.Name))
            {
                if (await DeleteAsync(content, stored, cancellationToken) is { } left)
                {
                    remaining.Add(content, left);
                }
            }
        }

        if (remaining.IsEmpty)
        {
            await FinalizeAsync(Context(resource, ns.Key), cancellationToken);
            return true;
        }

        await writer.UpdateAsync(
            Context(resource, ns.Key), "status", present => remaining.WriteConditions(present, time.GetUtcNow()), cancellationToken);
        return false;
    }

    /// <summary>Takes the server's own finalizer from an empty namespace, and with it the namespace.</summary>
    private async Task FinalizeAsync(WriteContext context, CancellationToken cancellationToken)
    {
        try
        {
            await writer.UpdateAsync(context, "finalize", present =>
            {
                var finalizers = present.Object("spec")?.List("finalizers");
                foreach (var own in finalizers?.Where(f => f.AsText() == "kubernetes").ToList() ?? [])
                {
                    finalizers!.Remove(own);
                }

                return present;
            }, cancellationToken);
        }
        catch (ApiException e) when (e.Reason is StatusReason.NotFound)
        {
            // a namespace controller was here first
        }
    }

    /// <summary>What is left of the object for now; null where it is gone.</summary>
    private async Task<StoredObject?> DeleteAsync(ResourceDescriptor resource, StoredObject stored, CancellationToken cancellationToken)
    {
        try
        {
            // dependents go with the namespace too, so nothing is kept for them
            var options = new DeleteOptions { Uid = stored.Uid, PropagationPolicy = "Background" };
            var result = await writer.DeleteAsync(Context(resource, stored.Key), options, cancellationToken);
            return result.Removed ? null : result.Object;
        }
        catch (ApiException e) when (e.Reason is StatusReason.NotFound)
        {
            return null;
        }
    }

    private static WriteContext Context(ResourceDescriptor resource, NamespacedName key) =>
        new(resource, key, false, "Ignore", _ => { });

    [LoggerMessage(LogLevel.Warning, "Namespace {Namespace} could not be emptied yet")]
    private partial void LogNotCleaned(Exception error, string @namespace);
}
