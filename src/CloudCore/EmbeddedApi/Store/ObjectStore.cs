using System.Collections.Immutable;
using System.Threading.Channels;
using EdgeSync.Storage;

namespace EdgeSync.CloudCore.EmbeddedApi.Store;

/// <summary>
/// All objects: durable in SQLite, served from memory. One committer decides the order of changes; a change is visible
/// to readers and watchers, and its caller is answered, only after the commit that holds it is on disk. Changes that
/// wait together share one commit.
/// </summary>
internal sealed class ObjectStore : IAsyncDisposable
{
    /// <summary>Where the objects of core/v1 namespaces lie; the committer looks there before it adds to a namespace.</summary>
    public const string NamespaceResource = "namespaces";

    /// <summary>Where custom resource definitions lie; the committer looks there before it adds to a custom resource.</summary>
    public const string DefinitionResource = "customresourcedefinitions.apiextensions.k8s.io";

    private const int MostPerCommit = 512;
    private const int QueueLength = 4096;
    private const int WatchQueueLength = 1024;
    private const long WatchQueueBytes = 4 << 20;

    // rows are removed from the log in portions, not one by one; of so few that no commit is felt to be slower for it
    private const int CompactEvery = 16;

    private readonly Database _database;
    private readonly StoreLimits _limits;
    private readonly Channel<Pending> _queue;
    private readonly Task _committer;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, ChangeHistory> _histories = []; // guarded by _gate
    private readonly Dictionary<string, List<WatchSubscription>> _subscriptions = []; // guarded by _gate
    private readonly Dictionary<string, int> _changesSinceCompaction = []; // the committer's own
    private readonly long _floor; // what came before is not known of any resource
    private volatile StoreState _state;
    private bool _closed; // guarded by _gate

    private ObjectStore(Database database, StoreLimits limits)
    {
        _database = database;
        _limits = limits;
        _state = StoreDatabase.LoadState(database);
        var compacted = StoreDatabase.LoadCompacted(database);
        _floor = compacted.Where(c => c.Resource == StoreDatabase.EveryResource).Select(c => c.Revision).SingleOrDefault();
        foreach (var (resource, revision) in compacted.Where(c => c.Resource != StoreDatabase.EveryResource))
        {
            HistoryOf(resource).StartFrom(revision);
        }

        foreach (var (resource, change) in StoreDatabase.LoadChanges(database))
        {
            HistoryOf(resource).Add(change);
        }

        _queue = Channel.CreateBounded<Pending>(new BoundedChannelOptions(QueueLength)
        {
            // callers wait: a change is never dropped
            FullMode = BoundedChannelFullMode.Wait,
            SingleReader = true,
        });
        _committer = Task.Run(CommitLoopAsync);
    }

    /// <summary>The newest committed state.</summary>
    public StoreState State => _state;

    /// <summary>Fails when the file is gone: nothing more can be stored.</summary>
    public Task Fault => _database.Fault;

    /// <summary>Opens the file in <paramref name="dataDir"/>.</summary>
    /// <exception cref="DatabaseException">Damaged, from a newer version, or not accessible.</exception>
    public static ObjectStore Open(string dataDir, StoreLimits limits, TimeProvider time) =>
        new(StoreDatabase.Open(dataDir, time), limits);

    /// <summary>Stores one change; the task completes after its commit.</summary>
    public async Task<CommitResult> CommitAsync(Mutation mutation, CancellationToken cancellationToken)
    {
        var pending = new Pending(mutation);
        await _queue.Writer.WriteAsync(pending, cancellationToken);
        Failpoint.Hit(HubFailpoints.ChangeQueued);
        // from here on the change may be committed: a caller that goes away does not undo it
        return await pending.Completion.Task;
    }

    /// <summary>
    /// Follows one resource from <paramref name="afterRevision"/> (exclusive; null: from now). Null is returned where the
    /// changes since then are not all known.
    /// </summary>
    public WatchSubscription? Subscribe(string resource, long? afterRevision)
    {
        lock (_gate)
        {
            var state = _state;
            if (afterRevision > state.Revision)
            {
                // a revision that this database never gave: it was restored from a backup, or is another one
                return null;
            }

            var replay = afterRevision is { } after ? HistoryOf(resource).After(after) : [];
            if (replay is null)
            {
                return null;
            }

            var subscription = new WatchSubscription(this, resource, WatchQueueLength, WatchQueueBytes) { Start = state, Replay = replay };
            if (_closed)
            {
                subscription.Close();
                return subscription;
            }

            if (!_subscriptions.TryGetValue(resource, out var others))
            {
                _subscriptions[resource] = others = [];
            }

            others.Add(subscription);
            return subscription;
        }
    }

    /// <summary>
    /// The objects of one resource as they were at a revision: the newest ones, with what came after it undone. Null where
    /// changes since then are not all known any more.
    /// </summary>
    public ImmutableSortedDictionary<NamespacedName, StoredObject>? ObjectsAt(string resource, long revision)
    {
        StoreState state;
        List<Change>? later;
        lock (_gate)
        {
            state = _state;
            later = revision >= state.Revision ? [] : HistoryOf(resource).After(revision);
        }

        var objects = state.Of(resource);
        if (later is not { Count: > 0 })
        {
            return later is null ? null : objects;
        }

        var before = objects.ToBuilder();
        for (var i = later.Count - 1; i >= 0; i--)
        {
            if (later[i].Type == ChangeType.Added)
            {
                before.Remove(later[i].Object.Key);
            }
            else if (later[i].Previous is { } previous)
            {
                before[previous.Key] = previous;
            }
            else
            {
                return null;
            }
        }

        return before.ToImmutable();
    }

    public void Unsubscribe(WatchSubscription subscription)
    {
        lock (_gate)
        {
            _subscriptions.GetValueOrDefault(subscription.Resource)?.Remove(subscription);
        }
    }

    /// <summary>Ends the watches, finishes the waiting commits and closes the file.</summary>
    public async ValueTask DisposeAsync()
    {
        CloseWatches();
        _queue.Writer.TryComplete();
        await _committer;
        await _database.DisposeAsync();
    }

    /// <summary>Ends the watches of one resource; their clients come again and see what it is now.</summary>
    public void EndWatches(string resource)
    {
        lock (_gate)
        {
            if (_subscriptions.Remove(resource, out var subscriptions))
            {
                subscriptions.ForEach(s => s.Close());
            }
        }
    }

    /// <summary>Ends all watches, so that their clients reconnect elsewhere and the server can stop.</summary>
    public void CloseWatches()
    {
        lock (_gate)
        {
            _closed = true;
            foreach (var subscription in _subscriptions.Values.SelectMany(s => s))
            {
                subscription.Close();
            }

            _subscriptions.Clear();
        }
    }

    private async Task CommitLoopAsync()
    {
        var batch = new List<Pending>(MostPerCommit);
        while (await _queue.Reader.WaitToReadAsync())
        {
            while (batch.Count < MostPerCommit && _queue.Reader.TryRead(out var pending))
            {
                batch.Add(pending);
            }

            await CommitAsync(batch);
            batch.Clear();
        }
    }

    private async Task CommitAsync(List<Pending> batch)
    {
        try
        {
            var draft = new StateDraft(_state);
            foreach (var pending in batch)
            {
                pending.Result = draft.Apply(pending.Mutation);
            }

            if (draft.Changes.Count > 0)
            {
                var compactions = DueCompactions(draft.Changes);
                await _database.WriteAsync(session => Write(session, draft.Changes, compactions), CancellationToken.None);
                Failpoint.Hit(HubFailpoints.ChangeCommitted);
                Publish(draft);
                Failpoint.Hit(HubFailpoints.ChangePublished);
            }
        }
        catch (Exception e)
        {
            // disk full, I/O error: nothing of the batch is durable or visible, and every caller is told so
            foreach (var pending in batch)
            {
                pending.Completion.SetException(e);
            }

            return;
        }

        foreach (var pending in batch)
        {
            pending.Completion.SetResult(pending.Result);
        }
    }

    private static void Write(SqlSession session, List<(string Resource, Change Change)> changes, List<(string Resource, long Revision)> compactions)
    {
        foreach (var (resource, change) in changes)
        {
            StoreDatabase.Write(session, resource, change);
        }

        foreach (var (resource, revision) in compactions)
        {
            StoreDatabase.Compact(session, resource, revision);
        }

        Failpoint.Hit(HubFailpoints.ChangeWritten);
    }

    private List<(string Resource, long Revision)> DueCompactions(List<(string Resource, Change Change)> changes)
    {
        var due = new List<(string, long)>();
        foreach (var (resource, _) in changes)
        {
            var count = _changesSinceCompaction.GetValueOrDefault(resource) + 1;
            if (count >= CompactEvery)
            {
                count = 0;
                lock (_gate)
                {
                    due.Add((resource, HistoryOf(resource).CompactedRevision));
                }
            }

            _changesSinceCompaction[resource] = count;
        }

        return due;
    }

    private void Publish(StateDraft draft)
    {
        lock (_gate)
        {
            _state = draft.ToState();
            foreach (var (resource, change) in draft.Changes)
            {
                HistoryOf(resource).Add(change);
                if (_subscriptions.TryGetValue(resource, out var watchers))
                {
                    Offer(watchers, change);
                }
            }
        }
    }

    private static void Offer(List<WatchSubscription> watchers, Change change)
    {
        for (var i = watchers.Count - 1; i >= 0; i--)
        {
            if (!watchers[i].Offer(change))
            {
                watchers[i].CloseSlow();
                watchers.RemoveAt(i);
            }
        }
    }

    private ChangeHistory HistoryOf(string resource)
    {
        if (!_histories.TryGetValue(resource, out var history))
        {
            _histories[resource] = history = new ChangeHistory(_limits.HistoryChanges, _limits.HistoryBytes);
            history.StartFrom(_floor);
        }

        return history;
    }

    private sealed class Pending(Mutation mutation)
    {
        public Mutation Mutation { get; } = mutation;

        public CommitResult Result { get; set; }

        public TaskCompletionSource<CommitResult> Completion { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}

/// <summary>How much of the past is kept per resource.</summary>
/// <param name="HistoryChanges">Changes that a watch can resume from, and that a list in pages can be undone by.</param>
/// <param name="HistoryBytes">Bytes of those changes' objects.</param>
internal sealed record StoreLimits(int HistoryChanges = 4096, long HistoryBytes = 16 << 20);
