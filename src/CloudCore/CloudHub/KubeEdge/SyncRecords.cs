using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Hosting;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.CloudHub.KubeEdge;

/// <summary>
/// The durable memory of what KubeEdge agents hold, which cannot say so themselves: KubeEdge's ObjectSync and ClusterObjectSync
/// objects. A record is there before an object is first sent, so that a deletion can never be forgotten; what is acknowledged
/// is written later, at most once for each object and second: a version that is lost in a crash costs one message that is sent
/// again. Nodes that speak EdgeSync's extensions have no records: they say what they hold.
/// </summary>
internal sealed partial class SyncRecords(
    KubeClient api, ObjectCache nodes, Func<bool> nodesAreKnown, TimeProvider time, ILoggerFactory loggers) : BackgroundService
{
    private const int Parallel = 8;
    private static readonly TimeSpan s_batch = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_probeInterval = TimeSpan.FromMinutes(1);
    private static readonly Backoff s_backoff = new(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(30));

    private readonly ILogger _logger = loggers.CreateLogger<SyncRecords>();
    private readonly RecordIndex _index = new();
    private readonly WakeSignal _wake = new();
    private readonly TaskCompletionSource _known = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _served;

    /// <summary>
    /// Whether this hub removes the records of nodes that are gone. Of several replicas the leader does; another one that becomes it calls
    /// <see cref="ForgetMissingNodesAsync"/>.
    /// </summary>
    public Func<bool> IsLeader { get; init; } = () => true;

    /// <summary>Whether another replica has the node: what waits here to be written of it is out of date, and would take away what that one writes.</summary>
    public Func<string, bool> IsElsewhere { get; init; } = _ => false;

    /// <summary>Records of all nodes.</summary>
    public int Count => _index.Count;

    /// <summary>Records that wait for their write to the API.</summary>
    public int WaitingCount => _index.WaitingCount;

    /// <summary>Completes when it is known what the nodes hold, or that this API keeps no records.</summary>
    public Task WaitUntilKnownAsync(CancellationToken cancellationToken) => _known.Task.WaitAsync(cancellationToken);

    /// <summary>What the node holds, or may hold.</summary>
    public IReadOnlyList<SyncRecord> Of(string node) => _index.Of(node);

    /// <summary>Makes sure that there is a record of the object, which is about to be sent to the node for the first time.</summary>
    /// <exception cref="ApiException">The API is not available; the object must not be sent now.</exception>
    public async Task BeginAsync(string node, KubeObject sent, CancellationToken cancellationToken)
    {
        if (!_served || _index.Has(node, sent.Uid))
        {
            return;
        }

        var record = SyncRecord.Of(node, sent);
        try
        {
            await api.CreateAsync(record.Resource, record.Namespace, record.ToJson(), cancellationToken);
        }
        catch (ApiException e) when (e.IsAlreadyExists)
        {
            // written by an earlier life of this hub, or by KubeEdge's
        }
        catch (ApiException e) when (!e.IsTransient)
        {
            // a namespace that is being deleted takes nothing new; what it holds is deleted while the node is connected
            LogNotWritten(node, record.RecordName, e.Message);
            return;
        }

        _index.Created(record);
    }

    /// <summary>The node has stored this version of the object.</summary>
    public void Stored(string node, KubeObject stored)
    {
        if (_served)
        {
            _index.Write(SyncRecord.Of(node, stored) with { Version = stored.ResourceVersion });
            _wake.Set();
        }
    }

    /// <summary>The node no longer holds the object.</summary>
    public void Removed(string node, string uid)
    {
        _index.Drop(node, uid);
        _wake.Set();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!await IsServedAsync(stoppingToken))
        {
            await Task.Delay(s_probeInterval, time, stoppingToken);
        }

        Informer[] informers =
        [
            new(api, ApiResources.ObjectSyncs, null, time, loggers.CreateLogger<Informer>()),
            new(api, ApiResources.ClusterObjectSyncs, null, time, loggers.CreateLogger<Informer>()),
        ];
        using var first = informers[0].Subscribe(_index.OnChange);
        using var second = informers[1].Subscribe(_index.OnChange);
        using var deletions = nodes.Subscribe(OnNodeChange);
        _served = true;
        await Task.WhenAll([.. informers.Select(i => i.RunAsync(stoppingToken)), AnnounceAsync(informers, stoppingToken), WriteAsync(stoppingToken)]);
    }

    /// <summary>Whether the API knows the two kinds: a real cluster does once their definitions have been applied.</summary>
    private async Task<bool> IsServedAsync(CancellationToken cancellationToken)
    {
        for (var failures = 1; ; failures++)
        {
            try
            {
                if (await api.ServesAsync(ApiResources.ObjectSyncs, cancellationToken)
                    && await api.ServesAsync(ApiResources.ClusterObjectSyncs, cancellationToken))
                {
                    return true;
                }

                if (_known.TrySetResult())
                {
                    LogNotServed();
                }

                return false;
            }
            catch (ApiException e)
            {
                LogUnavailable(e.Message);
                await Task.Delay(s_backoff.After(failures), time, cancellationToken);
            }
        }
    }

    private async Task AnnounceAsync(Informer[] informers, CancellationToken cancellationToken)
    {
        await Task.WhenAll(informers.Select(i => i.WaitForSyncAsync(cancellationToken)));
        while (!nodesAreKnown())
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), time, cancellationToken);
        }

        ForgetMissingNodes();
        _known.TrySetResult();
    }

    /// <summary>Once it is known what there is: removes the records of nodes that went while nobody did so.</summary>
    public async Task ForgetMissingNodesAsync(CancellationToken cancellationToken)
    {
        await WaitUntilKnownAsync(cancellationToken);
        ForgetMissingNodes();
    }

    private void ForgetMissingNodes()
    {
        foreach (var node in _index.Nodes.Where(n => nodes.Get(new NamespacedName("", n)) is null))
        {
            Forget(node);
        }
    }

    /// <summary>A node that is gone holds nothing that this hub answers for.</summary>
    private void OnNodeChange(InformerChange change)
    {
        if (change.New is null)
        {
            Forget(change.Old!.Name);
        }
    }

    private void Forget(string node)
    {
        if (!IsLeader())
        {
            return;
        }

        foreach (var record in _index.Of(node))
        {
            _index.Drop(node, record.Uid);
        }

        _wake.Set();
    }

    private async Task WriteAsync(CancellationToken cancellationToken)
    {
        var failures = 0;
        while (true)
        {
            if (failures == 0)
            {
                await _wake.WaitAsync(cancellationToken);
            }

            await Task.Delay(failures == 0 ? s_batch : s_backoff.After(failures), time, cancellationToken);
            var failed = false;
            await System.Threading.Tasks.Parallel.ForEachAsync(
                _index.TakeWaiting(),
                new ParallelOptions { MaxDegreeOfParallelism = Parallel, CancellationToken = cancellationToken },
                async (waiting, token) =>
                {
                    if (!await TryWriteAsync(waiting, token))
                    {
                        failed = true;
                    }
                });
            failures = failed ? failures + 1 : 0;
        }
    }

    private async Task<bool> TryWriteAsync(RecordIndex.Waiting waiting, CancellationToken cancellationToken)
    {
        var record = waiting.Record;
        try
        {
            if (IsElsewhere(record.Node))
            {
                // it is sent or taken away once more there, and recorded
            }
            else if (waiting.IsRemoval)
            {
                await RemoveAsync(record, cancellationToken);
            }
            else
            {
                await PatchAsync(record, cancellationToken);
            }
        }
        catch (ApiException e) when (e.IsTransient)
        {
            LogUnavailable(e.Message);
            return false;
        }
        catch (ApiException e)
        {
            LogNotWritten(record.Node, record.RecordName, e.Message);
        }

        _index.Written(waiting);
        return true;
    }

    private async Task RemoveAsync(SyncRecord record, CancellationToken cancellationToken)
    {
        try
        {
            await api.DeleteAsync(record.Resource, record.Namespace, record.RecordName, null, cancellationToken);
        }
        catch (ApiException e) when (e.IsNotFound)
        {
            // gone already
        }
    }

    private async Task PatchAsync(SyncRecord record, CancellationToken cancellationToken)
    {
        try
        {
            await PatchStatusAsync();
        }
        catch (ApiException e) when (e.IsNotFound)
        {
            await api.CreateAsync(record.Resource, record.Namespace, record.ToJson(), cancellationToken);
            await PatchStatusAsync();
        }

        Task PatchStatusAsync() => api.PatchAsync(
            record.Resource, record.Namespace, record.RecordName, PatchType.Merge, record.StatusPatch(), "status", cancellationToken);
    }

    [LoggerMessage(LogLevel.Warning, "The API knows no ObjectSync: what is deleted while a KubeEdge agent is away stays there; apply deploy/cloud/crds")]
    private partial void LogNotServed();

    [LoggerMessage(LogLevel.Warning, "Records of what KubeEdge agents hold wait: {Text}")]
    private partial void LogUnavailable(string text);

    [LoggerMessage(LogLevel.Warning, "Record {Record} of node {Node} was not written: {Text}")]
    private partial void LogNotWritten(string node, string record, string text);
}
