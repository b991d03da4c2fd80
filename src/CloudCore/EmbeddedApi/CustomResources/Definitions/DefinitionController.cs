using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Store;
using EdgeSync.CloudCore.EmbeddedApi.Verbs;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.EmbeddedApi.CustomResources.Definitions;

/// <summary>
/// Makes of the stored definitions what is served: gives them their names, swaps the table of resources, ends the watches of what has
/// changed, and empties a definition that is on its way out. One loop, level-triggered: each pass looks at all definitions.
/// </summary>
internal sealed partial class DefinitionController(
    ObjectStore store, ObjectWriter writer, ResourceCatalog catalog, TypeSchema objectMeta, TimeProvider time, ILogger logger) : IAsyncDisposable
{
    private const string Resource = ObjectStore.DefinitionResource;

    private static readonly TimeSpan s_again = TimeSpan.FromMilliseconds(500);

    // whoever wrote a definition waits so long for it to be served before the answer goes out; it is served later then
    private static readonly TimeSpan s_longestWait = TimeSpan.FromSeconds(5);

    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<string, Known> _known = []; // the loop's own
    private Dictionary<string, CustomKind> _served = []; // the loop's own: by storage name
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _asked = new(0);
    private List<TaskCompletionSource> _waiting = []; // guarded by _gate: each wants a pass that begins after it
    private Task _loop = Task.CompletedTask;

    private string Now => KubeTime.Format(time.GetUtcNow());

    /// <summary>The first pass, before the first request is served.</summary>
    public async Task PrepareAsync() => await PassAsync(_stop.Token);

    public void Start() => _loop = Task.Run(() => RunAsync(_stop.Token));

    /// <summary>Completes when every definition that is stored now is served, or after a while where it cannot be.</summary>
    public async Task CaughtUpAsync()
    {
        var passed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            _waiting.Add(passed);
        }

        _asked.Release();
        try
        {
            await passed.Task.WaitAsync(s_longestWait, time);
        }
        catch (TimeoutException)
        {
            LogBehind(store.State.Revision);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loop;
        _stop.Dispose();
        _asked.Dispose();
    }

    private async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (!cancellationToken.IsCancellationRequested)
            {
                using var subscription = store.Subscribe(Resource, null)!;
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
        Task<bool>? change = null;
        Task? asked = null;
        while (true)
        {
            var left = await TryPassAsync(cancellationToken);
            change ??= subscription.WaitToReadAsync(cancellationToken).AsTask();
            asked ??= _asked.WaitAsync(cancellationToken);
            if (left)
            {
                await Task.WhenAny(change, asked, Task.Delay(s_again, time, cancellationToken));
            }
            else
            {
                await Task.WhenAny(change, asked);
            }

            cancellationToken.ThrowIfCancellationRequested();
            asked = asked.IsCompleted ? null : asked;
            if (!change.IsCompleted)
            {
                continue;
            }

            if (!await change)
            {
                // too slow, or the store closes: then the token ends this soon
                await Task.Delay(s_again, time, cancellationToken);
                return;
            }

            change = null;
            while (subscription.TryRead(out _))
            {
                // only the fact that something changed counts
            }
        }
    }

    private async Task<bool> TryPassAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await PassAsync(cancellationToken);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            LogPassFailed(e);
            return true;
        }
    }

    /// <summary>True where there is something left to do that no change will tell of.</summary>
    private async Task<bool> PassAsync(CancellationToken cancellationToken)
    {
        List<TaskCompletionSource> waiting;
        lock (_gate)
        {
            (waiting, _waiting) = (_waiting, []);
        }

        var left = true;
        try
        {
            left = await SettleAsync(cancellationToken);
            Refresh();
        }
        finally
        {
            if (left)
            {
                // they are told after the pass that finds nothing left
                lock (_gate)
                {
                    _waiting.AddRange(waiting);
                }
            }
            else
            {
                waiting.ForEach(w => w.TrySetResult());
            }
        }

        foreach (var stored in store.State.Of(Resource).Values)
        {
            var definition = stored.Parse();
            if (HasToBeEmptied(definition))
            {
                left |= !await EmptyAsync(stored, definition, cancellationToken);
            }
        }

        return left;
    }

    /// <summary>Names and conditions; true where another writer came first.</summary>
    private async Task<bool> SettleAsync(CancellationToken cancellationToken)
    {
        var all = store.State.Of(Resource).Values.Select(s => (Stored: s, Definition: s.Parse())).ToList();
        var names = new DefinitionNames();
        all.ForEach(d => names.Hold(d.Definition));
        var stale = false;
        foreach (var (stored, definition) in all.OrderBy(d => d.Definition.Object("metadata")?.Text("creationTimestamp"), StringComparer.Ordinal))
        {
            var changed = names.Settle(definition, Problem(definition), Now);
            if (HasToBeEmptied(definition))
            {
                changed |= DefinitionConditions.Set(
                    definition, DefinitionConditions.Terminating, true, "InstanceDeletionInProgress", "CustomResource deletion is in progress", Now);
            }

            if (changed)
            {
                stale |= !await CommitAsync(stored, definition, remove: false, cancellationToken);
            }
        }

        return stale;
    }

    /// <summary>Why a definition cannot be served though it is stored; null where it can.</summary>
    private string? Problem(JsonObject definition)
    {
        var name = definition.Object("metadata")?.Text("name") ?? "";
        var identity = IdentityOf(definition);
        if (_known.TryGetValue(name, out var known) && known.Identity == identity)
        {
            return known.Problem;
        }

        try
        {
            var kind = CustomKind.Read(definition, objectMeta);
            if (catalog.IsBuiltIn(kind.Group, kind.Plural))
            {
                throw new FormatException("the resource is built in");
            }

            _ = kind.Descriptors();
            _known[name] = new Known(identity, kind, null);
            return null;
        }
        catch (Exception e) when (e is FormatException or InvalidOperationException or ArgumentException)
        {
            LogUnreadable(name, e.Message);
            _known[name] = new Known(identity, null, e.Message);
            return e.Message;
        }
    }

    /// <summary>What must change for a definition to be read again: the generation does not tell, it grows with a deletion too.</summary>
    private static (string Uid, string Spec) IdentityOf(JsonObject definition) =>
        (definition.Object("metadata")?.Text("uid") ?? "", definition.Object("spec")?.ToJsonString() ?? "");

    /// <summary>Swaps the table, then ends the watches of those whose definition has changed: they come again and get the new form.</summary>
    private void Refresh()
    {
        var served = new Dictionary<string, CustomKind>();
        var descriptors = new List<ResourceDescriptor>();
        foreach (var stored in store.State.Of(Resource).Values)
        {
            var definition = stored.Parse();
            if (!DefinitionConditions.IsTrue(definition, DefinitionConditions.Established)
                || !_known.TryGetValue(stored.Key.Name, out var known) || known.Kind is null || known.Identity != IdentityOf(definition))
            {
                continue;
            }

            descriptors.AddRange(known.Kind.WithStatus(definition).Descriptors());
            served[known.Kind.StorageName] = known.Kind;
        }

        catalog.Swap(descriptors);
        foreach (var (storageName, kind) in _served)
        {
            if (!ReferenceEquals(served.GetValueOrDefault(storageName), kind))
            {
                store.EndWatches(storageName);
            }
        }

        foreach (var name in _known.Keys.Where(n => store.State.Get(Resource, new NamespacedName("", n)) is null).ToList())
        {
            _known.Remove(name);
        }

        _served = served;
    }

    /// <summary>Deletes the objects of a definition that is on its way out, then lets go of it; true where it is gone.</summary>
    private async Task<bool> EmptyAsync(StoredObject stored, JsonObject definition, CancellationToken cancellationToken)
    {
        var wasServed = DefinitionConditions.IsTrue(definition, DefinitionConditions.Established);
        var left = 0;
        if (wasServed && _known.GetValueOrDefault(stored.Key.Name)?.Kind is { } kind && kind.WithStatus(definition).Descriptors() is [var resource, ..])
        {
            foreach (var instance in store.State.Of(kind.StorageName).Values)
            {
                left += await DeleteAsync(resource, instance, cancellationToken) ? 0 : 1;
            }
        }

        if (left > 0)
        {
            return false;
        }

        var metadata = definition.Object("metadata")!;
        var rest = metadata.List("finalizers")!.Where(f => f.AsText() != DefinitionDefaults.CleanupFinalizer).Select(f => f?.DeepClone()).ToArray();
        if (rest.Length == 0)
        {
            // watchers are told of the last version that there was
            return await CommitAsync(stored, definition, remove: true, cancellationToken);
        }

        var (reason, message) = wasServed ? ("InstanceDeletionCompleted", "removed all instances") : ("NeverEstablished", "resource was never established");
        DefinitionConditions.Set(definition, DefinitionConditions.Terminating, false, reason, message, Now);
        metadata["finalizers"] = new JsonArray(rest);
        return await CommitAsync(stored, definition, remove: false, cancellationToken);
    }

    // where only somebody else's finalizer holds it there is nothing to do
    private static bool HasToBeEmptied(JsonObject definition) => definition.Object("metadata") is { } metadata
        && metadata["deletionTimestamp"] is not null
        && metadata.List("finalizers")?.Any(f => f.AsText() == DefinitionDefaults.CleanupFinalizer) == true;

    private async Task<bool> DeleteAsync(ResourceDescriptor resource, StoredObject instance, CancellationToken cancellationToken)
    {
        try
        {
            var context = new WriteContext(resource, instance.Key, false, "Ignore", _ => { });
            var result = await writer.DeleteAsync(context, new DeleteOptions { Uid = instance.Uid }, cancellationToken);
            return result.Removed;
        }
        catch (ApiException e) when (e.Reason is StatusReason.NotFound)
        {
            return true;
        }
    }

    private async Task<bool> CommitAsync(StoredObject stored, JsonObject definition, bool remove, CancellationToken cancellationToken)
    {
        var result = await store.CommitAsync(
            new Mutation
            {
                Resource = Resource,
                Key = stored.Key,
                Uid = stored.Uid,
                ExpectedVersion = stored.ResourceVersion,
                Object = PreparedObject.From(definition),
                Remove = remove,
            },
            cancellationToken);
        return result.Outcome == CommitOutcome.Committed;
    }

    [LoggerMessage(LogLevel.Error, "CustomResourceDefinition {Name} cannot be served: {Reason}")]
    private partial void LogUnreadable(string name, string reason);

    [LoggerMessage(LogLevel.Warning, "CustomResourceDefinitions up to revision {Revision} are stored and not served yet")]
    private partial void LogBehind(long revision);

    [LoggerMessage(LogLevel.Error, "CustomResourceDefinitions could not be looked at; it is tried again")]
    private partial void LogPassFailed(Exception error);

    /// <summary>What a definition was found to be, at one version of its spec.</summary>
    private sealed record Known((string Uid, string Spec) Identity, CustomKind? Kind, string? Problem);
}
