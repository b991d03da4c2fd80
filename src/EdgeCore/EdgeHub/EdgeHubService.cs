using EdgeSync.EdgeCore.Configuration;
using EdgeSync.EdgeCore.EdgeHub.KubeEdge;
using EdgeSync.EdgeCore.MetaManager;
using EdgeSync.Hosting;
using EdgeSync.Protocol.Wire;
using EdgeSync.Storage;

namespace EdgeSync.EdgeCore.EdgeHub;

/// <summary>
/// The link to the hub: keeps it up (jittered backoff from 0.5 s to 30 s, at once when the network changes), stores what comes
/// down before it acknowledges it, and empties the outbox. Nothing on the box waits for it.
/// </summary>
/// <param name="connector">Dials the hub.</param>
/// <param name="config">The agent's configuration.</param>
/// <param name="meta">Where received objects are stored.</param>
/// <param name="outbox">What the node has to say.</param>
/// <param name="registration">What to say first on each connection: the Node, then its status as it is now.</param>
/// <param name="journal">What is told of the link.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">The log.</param>
internal sealed partial class EdgeHubService(
    HubConnector connector, EdgeCoreConfig config, MetaManager.MetaManager meta, Outbox outbox,
    Func<CancellationToken, Task<IReadOnlyList<UpstreamMessage>>> registration, LinkJournal journal, TimeProvider time,
    ILogger<EdgeHubService> logger) : BackgroundService
{
    private const int StoreBatch = 128;
    private static readonly Backoff s_backoff = new(TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(30));

    private readonly Lock _gate = new();
    private readonly AgentSync _sync = new(new AgentSyncOptions()); // guarded by _gate
    private readonly WakeSignal _sendWake = new();
    private readonly WakeSignal _storeWake = new();
    private readonly WakeSignal _storeRoom = new();
    private volatile bool _outboxDirty = true;
    private volatile bool _heard;
    private volatile bool _extended;
    private volatile KubeEdgeSession? _kubeEdge; // of the present link, where its hub has no extensions
    private MessageSocket? _socket;
    private long _lost; // in the last time without link; the sender's
    private long _reportedDropped; // -1 until this session's first report

    /// <summary>Whether the hub has been heard on the present link.</summary>
    public bool IsConnected { get; private set; }

    /// <summary>Bytes of messages since the agent's start.</summary>
    public (long Sent, long Received) Bytes
    {
        get
        {
            var (sent, received) = journal.EndedBytes;
            var live = IsConnected ? _socket : null;
            return (sent + (live?.BytesSent ?? 0), received + (live?.BytesReceived ?? 0));
        }
    }

    /// <summary>A link is up and the hub has been heard.</summary>
    public event Action? Connected;

    /// <summary>The hub has sent all that this node should hold: what is not stored now is not wanted.</summary>
    public Func<CancellationToken, Task>? Synced { get; set; }

    /// <summary>What links to hubs without extensions need; null where there are none such.</summary>
    public KubeEdgePeer? KubeEdge { get; set; }

    /// <summary>Messages that the API refused for good, since the agent started.</summary>
    public long RejectedCount
    {
        get
        {
            lock (_gate)
            {
                return _sync.RejectedCount;
            }
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
        Task[] loops = [LinkLoopAsync(ending.Token), StoreLoopAsync(ending.Token), WatchOutboxAsync(ending.Token)];
        try
        {
            // without one of them the others are of no use: a failure ends the service, and with it the program
            await await Task.WhenAny(loops);
        }
        finally
        {
            await ending.CancelAsync();
            await Task.WhenAll(loops).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task LinkLoopAsync(CancellationToken cancellationToken)
    {
        using var network = new NetworkWatch();
        var failures = 0;
        var lastProblem = "";
        while (true)
        {
            _heard = false;
            string problem;
            try
            {
                var link = await connector.ConnectAsync(cancellationToken);
                LogConnected(connector.Server, link.Extended);
                problem = await RunSessionAsync(link, cancellationToken);
                LogDisconnected(connector.Server, problem);
            }
            catch (Exception e) when (!cancellationToken.IsCancellationRequested)
            {
                // whatever it is (no network, a broken certificate file, a full disk): it may pass, and nobody else tries again
                problem = Explain(e);
                if (problem != lastProblem)
                {
                    LogUnreachable(connector.Server, problem);
                }
            }

            lastProblem = problem;
            failures = _heard ? 1 : failures + 1;
            await network.PauseAsync(s_backoff.After(failures), cancellationToken);
        }
    }

    private async Task<string> RunSessionAsync(HubLink link, CancellationToken cancellationToken)
    {
        await using var socket = link.Socket;
        var first = await registration(cancellationToken);
        var kubeEdge = _kubeEdge = link.Extended || KubeEdge is not { } peer ? null : new KubeEdgeSession(
            peer, new KubeEdgeLink(socket.SendAsync, Deliver, WakeSender, OnSyncedAsync), first[0]);
        foreach (var message in first.Skip(kubeEdge is null ? 0 : 1))
        {
            await outbox.PutAsync(message, cancellationToken);
        }

        Failpoint.Hit(EdgeFailpoints.Registered);

        lock (_gate)
        {
            _sync.Connected(
                $"{Guid.NewGuid():n}-",
                link.Extended ? () => meta.Snapshot().Select(o => new InventoryItem(o.Key, o.Value.Uid, o.Value.ContentHash)) : null);
        }

        _outboxDirty = true;
        _extended = link.Extended;
        _socket = socket;
        Volatile.Write(ref _reportedDropped, -1);
        journal.Up(outbox.LastSeq());
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task[] loops =
        [
            ReceiveAsync(socket, ending.Token),
            SendAsync(socket, ending.Token),
            HeartbeatAsync(socket, ending.Token),
            .. kubeEdge is null ? (Task[])[] : [kubeEdge.RunAsync(ending.Token)],
        ];
        var ended = await Task.WhenAny(loops);
        IsConnected = false;
        journal.Down(socket.BytesSent, socket.BytesReceived);
        lock (_gate)
        {
            _sync.Disconnected();
        }

        await ending.CancelAsync();
        await socket.CloseAsync("agent closes the session");
        var problem = "the hub closed the connection";
        foreach (var loop in loops.OrderBy(l => l == ended ? 0 : 1))
        {
            try
            {
                await loop;
            }
            catch (OperationCanceledException)
            {
                // how the other loops end once one has; of that one it says that pings went unanswered
                problem = loop == ended ? "the hub does not answer pings" : problem;
            }
            catch (Exception e)
            {
                // the link broke, or the outbox could not be written (a full disk): a new session begins from what is stored
                problem = loop == ended ? Explain(e) : problem;
            }
        }

        cancellationToken.ThrowIfCancellationRequested();
        return problem;
    }

    private async Task ReceiveAsync(MessageSocket socket, CancellationToken cancellationToken)
    {
        while (await socket.ReceiveAsync(cancellationToken) is { } received)
        {
            if (!_heard)
            {
                _heard = true;
                IsConnected = true;
                Connected?.Invoke();
            }

            var message = _kubeEdge is { } kubeEdge ? kubeEdge.Receive(received) : received;
            if (message is null)
            {
                LogTaken(received.Operation, received.Resource, received.Id);
                continue;
            }

            Receipt receipt;
            bool full;
            lock (_gate)
            {
                receipt = _sync.Receive(message, NowMs(), UnixMs());
                full = _sync.IsFull;
            }

            LogReceived(message.Operation, message.Resource, message.Id, receipt);
            switch (receipt)
            {
                case Receipt.Object:
                    Failpoint.Hit(EdgeFailpoints.ObjectReceived);
                    _storeWake.Set();
                    break;
                case Receipt.Synced:
                    await OnSyncedAsync(cancellationToken);
                    break;
                case Receipt.Rejected:
                    LogRejected(message.Resource, System.Text.Encoding.UTF8.GetString(message.Content.Span[..Math.Min(message.Content.Length, 512)]));
                    break;
                case Receipt.Retry:
                    _outboxDirty = true; // there is room for another
                    break;
                case Receipt.Malformed:
                    LogMalformed(message.Resource);
                    break;
            }

            _sendWake.Set();
            while (full)
            {
                // the disk is behind: stop reading, and TCP tells the hub
                await _storeRoom.WaitAsync(cancellationToken);
                lock (_gate)
                {
                    full = _sync.IsFull;
                }
            }
        }
    }

    private async Task OnSyncedAsync(CancellationToken cancellationToken)
    {
        LogSynced();
        journal.Synced();
        Failpoint.Hit(EdgeFailpoints.SyncedReceived);
        await (Synced?.Invoke(cancellationToken) ?? Task.CompletedTask);
        Failpoint.Hit(EdgeFailpoints.SyncedStored);
        _sendWake.Set();
    }

    /// <summary>An answer that holds an object, taken as a push.</summary>
    private void Deliver(Message message)
    {
        lock (_gate)
        {
            _sync.Receive(message, NowMs(), UnixMs());
        }

        _storeWake.Set();
        _sendWake.Set();
    }

    private void WakeSender()
    {
        _outboxDirty = true;
        _sendWake.Set();
    }

    private async Task SendAsync(MessageSocket socket, CancellationToken cancellationToken)
    {
        while (true)
        {
            await SettleAsync(cancellationToken);
            await TellCaughtUpAsync(socket, cancellationToken);
            OfferFromOutbox();
            bool any;
            bool settled;
            Message message;
            long? deadline;
            var now = NowMs();
            lock (_gate)
            {
                any = _sync.TryTake(now, UnixMs(), out message);
                settled = _sync.HasSettled;
                deadline = _sync.NextDeadline;
            }

            if (any)
            {
                LogSending(message.Operation, message.Resource, message.Id);
                var isAnswer = message.ParentId.Length > 0;
                Failpoint.Hit(isAnswer ? EdgeFailpoints.ObjectApplied : EdgeFailpoints.UploadTaken);
                if (_kubeEdge?.FirstReports.ExtraFor(message) is { } extra)
                {
                    await socket.SendAsync(extra, cancellationToken);
                }

                await socket.SendAsync(message, cancellationToken);
                Failpoint.Hit(isAnswer ? EdgeFailpoints.ObjectAcknowledged : EdgeFailpoints.UploadSent);
                continue;
            }

            if (settled)
            {
                continue;
            }

            var wait = deadline is { } due ? TimeSpan.FromMilliseconds(Math.Max(1, due - now)) : Timeout.InfiniteTimeSpan;
            if (!await _sendWake.WaitAsync(wait, cancellationToken))
            {
                _outboxDirty = true; // a pause may have ended
            }
        }
    }

    private async Task SettleAsync(CancellationToken cancellationToken)
    {
        IReadOnlyList<Settlement> settled;
        lock (_gate)
        {
            settled = _sync.TakeSettled();
        }

        if (settled.Count > 0)
        {
            Failpoint.Hit(EdgeFailpoints.AnswerReceived);
            // should this fail the entries are sent once more, which the hub bears
            await outbox.SettleAsync(settled, cancellationToken);
            journal.Taken(settled.Count(s => s.Reason == SettleReason.Taken));
            _outboxDirty = true;
        }
    }

    /// <summary>Once both sides are even after a time without link, says so here and to the hub.</summary>
    private async Task TellCaughtUpAsync(MessageSocket socket, CancellationToken cancellationToken)
    {
        if (journal.DrainTo is { } last && !outbox.HasUpTo(last))
        {
            journal.Drained();
        }

        if (journal.TakeCaughtUp() is not { } caughtUp)
        {
            return;
        }

        LogCaughtUp(caughtUp.Down.TotalSeconds, caughtUp.Stored, caughtUp.Delivered, caughtUp.Lost);
        _lost = caughtUp.Lost;
        await ReportAsync(socket, cancellationToken);
    }

    /// <summary>Tells a hub that knows the extension the agent's own figures.</summary>
    private async Task ReportAsync(MessageSocket socket, CancellationToken cancellationToken)
    {
        if (!_extended)
        {
            return;
        }

        Volatile.Write(ref _reportedDropped, journal.Dropped);
        await socket.SendAsync(
            new Message
            {
                Id = Guid.NewGuid().ToString(),
                Timestamp = UnixMs(),
                Source = Sources.MetaManager,
                Group = Groups.Resource,
                Operation = Operations.Report,
                Resource = Operations.Report,
                Content = journal.Report(_lost, outbox.Count).Write(),
            },
            cancellationToken);
    }

    private void OfferFromOutbox()
    {
        if (!_outboxDirty || _kubeEdge is { IsOpen: false })
        {
            return;
        }

        _outboxDirty = false;
        IReadOnlyList<OutboxItem> next;
        lock (_gate)
        {
            var now = NowMs();
            next = outbox.Next(_sync.RoomOf, key => _sync.IsBusy(key, now));
        }

        var entries = outbox.Read(next);
        lock (_gate)
        {
            _sync.Offer(entries, NowMs());
        }

        // whoever has more to say than there was room for goes on when an answer has made room
    }

    private async Task HeartbeatAsync(MessageSocket socket, CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(config.Modules.EdgeHub.Heartbeat), time);
        var number = 0L;
        do
        {
            if (Volatile.Read(ref _reportedDropped) is >= 0 and var reported && journal.Dropped != reported)
            {
                await ReportAsync(socket, cancellationToken);
            }

            await socket.SendAsync(Keepalive.Create(_extended, ++number, UnixMs()), cancellationToken);
        }
        while (await timer.WaitForNextTickAsync(cancellationToken));
    }

    private async Task StoreLoopAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            IReadOnlyList<PendingStore> batch;
            lock (_gate)
            {
                batch = _sync.TakeStores(StoreBatch);
            }

            if (batch.Count == 0)
            {
                await _storeWake.WaitAsync(cancellationToken);
                continue;
            }

            string? error = null;
            try
            {
                Failpoint.Hit(EdgeFailpoints.ObjectTaken);
                await meta.ApplyAsync([.. batch.Select(b => b.Change)], null, cancellationToken);
                journal.Stored(batch.Count);
            }
            catch (Exception e) when (!cancellationToken.IsCancellationRequested)
            {
                // disk full or failing: tell the hub, which sends again; what runs goes on running
                error = e.Message;
                journal.StoreFailed(batch.Count);
                if (e is DatabaseException { IsDiskFull: true })
                {
                    LogNoRoom(batch.Count, e.Message);
                }
                else
                {
                    LogStoreFailed(e, batch.Count);
                }
            }

            lock (_gate)
            {
                _sync.Stored(batch, error, UnixMs());
            }

            _storeRoom.Set();
            _sendWake.Set();
        }
    }

    private async Task WatchOutboxAsync(CancellationToken cancellationToken)
    {
        await foreach (var _ in outbox.Signal.ReadAllAsync(cancellationToken))
        {
            WakeSender();
        }
    }

    private long NowMs() => time.GetTimestamp() / (time.TimestampFrequency / 1000);

    private long UnixMs() => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>The innermost cause, which is what a person can act on.</summary>
    private static string Explain(Exception e)
    {
        while (e is not DatabaseException && e.InnerException is { } inner)
        {
            e = inner;
        }

        return e is OperationCanceledException ? "no answer in time" : e.Message;
    }

    [LoggerMessage(LogLevel.Information, "Connected to hub {Hub}, extensions {Extended}")]
    private partial void LogConnected(string hub, bool extended);

    [LoggerMessage(LogLevel.Information,
        "In sync with the hub after {Seconds:0.0} s without link: {Stored} updates stored, {Delivered} messages delivered, {Lost} lost")]
    private partial void LogCaughtUp(double seconds, long stored, long delivered, long lost);

    [LoggerMessage(LogLevel.Information, "Everything that this node should hold is stored")]
    private partial void LogSynced();

    [LoggerMessage(LogLevel.Information, "Disconnected from hub {Hub}: {Reason}")]
    private partial void LogDisconnected(string hub, string reason);

    [LoggerMessage(LogLevel.Warning, "Hub {Hub} cannot be reached: {Reason}; pods go on, the agent keeps trying")]
    private partial void LogUnreachable(string hub, string reason);

    [LoggerMessage(LogLevel.Warning, "The API refused {Resource} for good: {Answer}")]
    private partial void LogRejected(string resource, string answer);

    [LoggerMessage(LogLevel.Warning, "The hub sent {Resource}, which cannot be read as an object; the hub was told")]
    private partial void LogMalformed(string resource);

    [LoggerMessage(LogLevel.Error, "Storing {Count} received objects failed; they are not acknowledged and will come again")]
    private partial void LogStoreFailed(Exception error, int count);

    [LoggerMessage(LogLevel.Error, "{Count} received objects wait for the disk and are not acknowledged: {Reason}")]
    private partial void LogNoRoom(int count, string reason);

    [LoggerMessage(LogLevel.Trace, "From hub: {Operation} {Resource} {Id}: {Receipt}")]
    private partial void LogReceived(string operation, string resource, string id, Receipt receipt);

    [LoggerMessage(LogLevel.Trace, "From hub: {Operation} {Resource} {Id}: an answer to a request")]
    private partial void LogTaken(string operation, string resource, string id);

    [LoggerMessage(LogLevel.Trace, "To hub: {Operation} {Resource} {Id}")]
    private partial void LogSending(string operation, string resource, string id);
}
