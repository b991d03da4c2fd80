using EdgeSync.EdgeCore.Configuration;
using EdgeSync.EdgeCore.Edged.Volumes;
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
    private static readonly TimeSpan s_firstWait = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_shortestCap = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_longestCap = TimeSpan.FromSeconds(30);

    private readonly Lock _gate = new();
    private readonly AgentSync _sync = new(new AgentSyncOptions()); // guarded by _gate
    private readonly WakeSignal _sendWake = new();
    private readonly WakeSignal _storeWake = new();
    private readonly WakeSignal _storeRoom = new();
    private volatile bool _outboxDirty = true;
    private volatile bool _heard;
    private volatile bool _extended;
    private volatile KubeEdgeSession? _kubeEdge; // of the present link, where its hub has no extensions
    private volatile HubRequests? _requests; // of the present link, once it takes them
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

    /// <summary>Whether the hub of the present or last link speaks EdgeSync's extensions.</summary>
    public bool HubIsExtended => _extended;

    /// <summary>The hub asks for the stream tunnel.</summary>
    public event Action? TunnelWanted;

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

    /// <summary>Asks the hub for a service account's token; null where there is no link, or the hub gives no answer on it.</summary>
    public async Task<TokenAnswer?> AskForTokenAsync(ObjectKey account, ReadOnlyMemory<byte> request, CancellationToken cancellationToken)
    {
        if (!IsConnected || _kubeEdge is { IsOpen: false } || _requests is not { } requests)
        {
            return null;
        }

        try
        {
            if (await requests.AskAsync(Operations.Query, account.ToString(), request, HubRequests.DefaultTimeout, cancellationToken) is not { } message)
            {
                return new TokenAnswer(default, 0, "no answer in time");
            }

            var answer = ObjectAnswer.Read(message);
            return answer.Object.Length > 0
                ? new TokenAnswer(answer.Object, message.Timestamp, "")
                : new TokenAnswer(default, 0, answer.Problem.Length > 0 ? answer.Problem : "the hub does not know the pod, or the API has no such account");
        }
        catch (Exception e) when (e is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            return null; // the link ended; the next one asks again
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
        await using var network = new NetworkWatch(time, logger);
        var failures = 0;
        var downSince = time.GetTimestamp();
        var lastProblem = "";
        while (true)
        {
            _heard = false;
            string problem;
            try
            {
                var link = await network.TryAsync(connector.ConnectAsync, cancellationToken);
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
            downSince = _heard ? time.GetTimestamp() : downSince;
            if (await network.PauseAsync(WaitAfter(failures, time.GetElapsedTime(downSince)), cancellationToken))
            {
                // what comes up is not at once of use (a switch that learns, a lease to come): the tries begin anew in quick order
                failures = 0;
            }
        }
    }

    /// <summary>
    /// The wait doubles, and is never more than a tenth of the time that the link has been down: a hub that restarts has its
    /// fleet back in 2 s, and one that was away for five minutes in 30 s.
    /// </summary>
    internal static TimeSpan WaitAfter(int failures, TimeSpan down)
    {
        var cap = TimeSpan.FromTicks(Math.Clamp(down.Ticks / 10, s_shortestCap.Ticks, s_longestCap.Ticks));
        return new Backoff(s_firstWait, cap).After(failures);
    }

    private async Task<string> RunSessionAsync(HubLink link, CancellationToken cancellationToken)
    {
        await using var socket = link.Socket;
        var first = await registration(cancellationToken);
        var kubeEdge = _kubeEdge = link.Extended || KubeEdge is not { } peer ? null : new KubeEdgeSession(
            peer, new KubeEdgeLink(socket.SendAsync, Deliver, OnOpened, OnSyncedAsync), first[0]);
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
        _requests = kubeEdge?.Requests ?? new HubRequests(socket.SendAsync, time);
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
        _requests = null;
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

        IsConnected = false; // what came in at the very end has said otherwise
        cancellationToken.ThrowIfCancellationRequested();
        return problem;
    }

    /// <summary>A hub without extensions has taken the node: now it can be told and asked.</summary>
    private void OnOpened()
    {
        WakeSender();
        Connected?.Invoke();
    }

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

    [LoggerMessage(LogLevel.Information, "Disconnected from hub {Hub}: {Reason}")]
    private partial void LogDisconnected(string hub, string reason);

    [LoggerMessage(LogLevel.Warning, "Hub {Hub} cannot be reached: {Reason}; pods go on, the agent keeps trying")]
    private partial void LogUnreachable(string hub, string reason);
}
