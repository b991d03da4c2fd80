using EdgeSync.Hosting;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Storage;

namespace EdgeSync.CloudCore.KubeApi;

/// <summary>What an informer is narrowed to.</summary>
internal sealed record InformerOptions
{
    /// <summary>Null spans all namespaces.</summary>
    public string? Namespace { get; init; }

    public string? LabelSelector { get; init; }

    public string? FieldSelector { get; init; }
}

/// <summary>
/// Keeps all objects of one kind in memory, as the API server's bytes, by a list and then a watch:
/// <code>
/// list ──► watch from the list's version ──► ended ──► is the API's version still at or past ours?
///  ▲                                                     yes: watch on      no: list
///  └── 410, or the API's version went back (restored or replaced store) ─────────────┘
/// </code>
/// A list replaces the cache by difference, so that what went away unseen is announced as gone.
/// </summary>
internal sealed partial class Informer
{
    private static readonly Backoff s_backoff = new(TimeSpan.FromMilliseconds(50), TimeSpan.FromSeconds(10));

    // a round that lasted this long was a working one
    private static readonly TimeSpan s_healthyWatch = TimeSpan.FromSeconds(20);

    private readonly KubeClient _client;
    private readonly InformerOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly TaskCompletionSource _synced = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // of the last list, event or bookmark; null: list first. Only the run loop touches it.
    private string? _version;
    private int _failures;
    private ulong _seen; // the version as a number
    private long _listBegan; // of the newest list that is in
    private volatile bool _listWanted;
    private readonly Lock _roundGate = new();
    private CancellationTokenSource? _round; // guarded by _roundGate; the list and watch that run

    public Informer(KubeClient client, ApiResource resource, InformerOptions? options, TimeProvider time, ILogger logger)
    {
        _client = client;
        Resource = resource;
        _options = options ?? new InformerOptions();
        _time = time;
        _logger = logger;
    }

    public ApiResource Resource { get; }

    /// <summary>What is known now.</summary>
    public ObjectCache Cache { get; } = new();

    /// <summary>Whether the first list is in.</summary>
    public bool HasSynced => _synced.Task.IsCompletedSuccessfully;

    /// <summary>The version up to which the cache is complete; 0 where it is no number.</summary>
    public ulong Version => Volatile.Read(ref _seen);

    /// <summary>When the newest list that is in the cache was begun, time stamp of the clock; 0 before the first.</summary>
    public long ListBegan => Volatile.Read(ref _listBegan);

    /// <summary>Completes when the first list is in the cache and announced.</summary>
    public Task WaitForSyncAsync(CancellationToken ct) => _synced.Task.WaitAsync(ct);

    public KubeObject? Get(NamespacedName name) => Cache.Get(name);

    /// <summary>All objects now; a copy of the references.</summary>
    public IReadOnlyCollection<KubeObject> Snapshot() => Cache.Snapshot();

    /// <summary><see cref="ObjectCache.Subscribe"/>.</summary>
    public IDisposable Subscribe(Action<InformerChange> handler) => Cache.Subscribe(handler);

    /// <summary>Ends the watch for a new list.</summary>
    public void ListAnew()
    {
        lock (_roundGate)
        {
            _listWanted = true;
            _round?.Cancel();
        }
    }

    /// <summary>Lists and watches until cancelled. An API that is away is waited for, 50 ms to 10 s between tries.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            TimeSpan? retryAfter = null;
            var began = _time.GetTimestamp();
            using var round = CancellationTokenSource.CreateLinkedTokenSource(ct);
            try
            {
                Enter(round);
                await ListIfNeededAsync(round.Token);
                await WatchOnceAsync(round.Token);
            }
            catch (ApiException e) when (e.IsGone)
            {
                LogExpired(Resource, _version);
                _version = null;
            }
            catch (ApiException e)
            {
                retryAfter = e.RetryAfter;
                LogFailed(Resource, _failures + 1, e.Message);
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                return;
            }
            catch (OperationCanceledException) when (round.IsCancellationRequested)
            {
                // a new list is wanted
            }
            finally
            {
                Enter(null);
            }

            await PauseAsync(_time.GetElapsedTime(began), retryAfter, ct);
        }
    }

    private void Enter(CancellationTokenSource? round)
    {
        lock (_roundGate)
        {
            _round = round;
        }
    }

    // also after a watch that ended well: a server that ends each of them at once must not be called in a tight loop
    private async Task PauseAsync(TimeSpan lasted, TimeSpan? retryAfter, CancellationToken ct)
    {
        _failures = lasted > s_healthyWatch ? 1 : _failures + 1;
        var wait = s_backoff.After(_failures);
        await Task.Delay(retryAfter > wait ? retryAfter.Value : wait, _time, ct)
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task ListIfNeededAsync(CancellationToken ct)
    {
        if (!_listWanted && _version is not null && await IsVersionKnownAsync(_version, ct))
        {
            return;
        }

        _listWanted = false;
        _version = null;
        var began = _time.GetTimestamp();
        var list = await _client.ListAsync(
            Resource, _options.Namespace,
            new ListOptions { LabelSelector = _options.LabelSelector, FieldSelector = _options.FieldSelector }, ct);
        Cache.Replace(list.Items);
        See(list.ResourceVersion);
        Volatile.Write(ref _listBegan, began);
        Failpoint.Hit(HubFailpoints.InformerListed);
        _synced.TrySetResult();
        LogListed(Resource, list.Items.Count, list.ResourceVersion);
    }

    // An API whose store was restored or replaced counts from an earlier version; a watch from a version that lies
    // in its future is accepted and stays silent about everything up to there.
    private async Task<bool> IsVersionKnownAsync(string version, CancellationToken ct)
    {
        var current = await _client.GetListVersionAsync(Resource, _options.Namespace, ct);
        return ulong.TryParse(version, out var ours) && ulong.TryParse(current, out var theirs) && theirs >= ours;
    }

    private async Task WatchOnceAsync(CancellationToken ct)
    {
        var options = new ListOptions
        {
            LabelSelector = _options.LabelSelector,
            FieldSelector = _options.FieldSelector,
            ResourceVersion = _version,
        };
        await foreach (var change in _client.WatchAsync(Resource, _options.Namespace, options, ct))
        {
            _failures = 0;
            Apply(change);
            Failpoint.Hit(HubFailpoints.InformerChanged);
            if (change.Object.ResourceVersion.Length > 0)
            {
                See(change.Object.ResourceVersion);
            }
        }
    }

    private void See(string version)
    {
        _version = version;
        Volatile.Write(ref _seen, ulong.TryParse(version, out var number) ? number : 0);
    }

    private void Apply(WatchEvent change)
    {
        if (change.Type == WatchEventType.Deleted)
        {
            Cache.Remove(change.Object);
        }
        else if (change.Type != WatchEventType.Bookmark)
        {
            Cache.Put(change.Object);
        }
    }

    [LoggerMessage(LogLevel.Debug, "Listed {Resource}: {Count} objects at {ResourceVersion}")]
    private partial void LogListed(ApiResource resource, int count, string resourceVersion);

    [LoggerMessage(LogLevel.Debug, "Watch of {Resource} fell behind {ResourceVersion}, listing anew")]
    private partial void LogExpired(ApiResource resource, string? resourceVersion);

    [LoggerMessage(LogLevel.Warning, "List or watch of {Resource} failed, try {Failures}: {Error}")]
    private partial void LogFailed(ApiResource resource, int failures, string error);
}
