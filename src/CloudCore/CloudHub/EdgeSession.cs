using System.Diagnostics.CodeAnalysis;
using System.Net.WebSockets;
using EdgeSync.CloudCore.CloudHub.KubeEdge;
using EdgeSync.CloudCore.Ledger;
using EdgeSync.CloudCore.Replicas;
using EdgeSync.Hosting;
using EdgeSync.Protocol.Sync;
using EdgeSync.Protocol.Wire;
using EdgeSync.Storage;

namespace EdgeSync.CloudCore.CloudHub;

/// <summary>
/// One live connection of one node. The reader handles acknowledgements and heartbeats at once; sending what the sync machine
/// has to send, and carrying requests to the API in their order, run only while there is something to do, so that
/// an idle session is one waiting read. Time is looked at by <see cref="SessionSweep"/>. Lives as long as its socket.
/// </summary>
internal sealed partial class EdgeSession : IAsyncDisposable
{
    /// <summary>Requests of a node that may wait; beyond, reading from it pauses.</summary>
    private const int MostRequests = 256;

    private readonly MessageSocket _socket;
    private readonly NodeScope _scope;
    private readonly UpstreamDispatcher _upstream;
    private readonly NodeLedger _ledger;
    private readonly KubeEdgePeer? _kubeEdge; // null for a peer that speaks the extensions
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly CancellationToken _stopping;
    private readonly Lock _gate = new();
    private readonly HubSync _sync; // guarded by _gate
    private readonly Lock _noteGate = new();
    private readonly HashSet<ObjectKey> _noted = []; // guarded by _noteGate
    private readonly Queue<Message> _requests = new(0); // guarded by _noteGate
    private readonly OnDemandLoop _sender;
    private readonly OnDemandLoop _worker;
    private readonly CancellationTokenSource _ending = new();

    private long _lastHeard;
    private SeenNode _seen; // the sender's
    private bool _caughtUp; // the sender's
    private NodeRecord? _record; // from the start of RunAsync on
    private Exception? _failure;
    private string _endReason = "";

    /// <param name="identity">Whose session it is.</param>
    /// <param name="socket">The link; owned from here on.</param>
    /// <param name="scope">What the node should hold.</param>
    /// <param name="upstream">Where its requests go.</param>
    /// <param name="records">What KubeEdge's agents hold.</param>
    /// <param name="ledger">Who is told what became of things.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">The log.</param>
    /// <param name="stopping">The hub's end, which also ends what the session is writing to the API.</param>
    public EdgeSession(
        SessionIdentity identity, MessageSocket socket, NodeScope scope, UpstreamDispatcher upstream, SyncRecords records, NodeLedger ledger,
        TimeProvider time, ILogger logger, CancellationToken stopping)
    {
        Identity = identity;
        _socket = socket;
        _scope = scope;
        _upstream = upstream;
        _ledger = ledger;
        _time = time;
        _logger = logger;
        _stopping = stopping;
        _sender = new OnDemandLoop(SendAllAsync);
        _worker = new OnDemandLoop(HandleRequestsAsync);
        _lastHeard = time.GetTimestamp();
        ConnectedAt = time.GetUtcNow();
        var prefix = $"{time.GetUtcNow().ToUnixTimeMilliseconds():x}-{identity.Epoch:x}-";
        _kubeEdge = identity.Extended ? null : new KubeEdgePeer(identity.Node, records, scope, time);
        _sync = new HubSync(identity.Extended ? new HubSyncOptions { IdPrefix = prefix } : KubeEdgePeer.Options(prefix));
    }

    public SessionIdentity Identity { get; }

    /// <summary>For a node that comes from another replica: what must be asked before something is sent to it.</summary>
    public StaleGuard? Guard { get; init; }

    public string Node => Identity.Node;

    public long Epoch => Identity.Epoch;

    public DateTimeOffset ConnectedAt { get; }

    /// <summary>Time since the node was last heard.</summary>
    public TimeSpan Silence => _time.GetElapsedTime(LastHeard);

    /// <summary>When the node was last heard, time stamp of the clock.</summary>
    public long LastHeard => Interlocked.Read(ref _lastHeard);

    public long BytesSent => _socket.BytesSent;

    public long BytesReceived => _socket.BytesReceived;

    /// <summary>Objects that the node does not hold as it should.</summary>
    public int PendingCount
    {
        get
        {
            lock (_gate)
            {
                return _sync.PendingCount;
            }
        }
    }

    /// <summary>
    /// Runs the session to its end; after that it can write nothing any more. Never throws for what the peer or the link does.
    /// </summary>
    public async Task RunAsync()
    {
        _record = _ledger.Opened(this);
        LogConnected(Node, Epoch, Identity.Extended);
        using (_scope.Listen(Node, OnChanged))
        {
            try
            {
                await ReceiveAsync(_ending.Token);
            }
            catch (Exception e)
            {
                Fail(e);
            }
        }

        await _ending.CancelAsync();
        await _socket.CloseAsync(_endReason);
        await _sender.CloseAsync();
        await _worker.CloseAsync();
        var reason = _endReason.Length > 0 ? _endReason : _failure?.GetBaseException().Message ?? "the node closed the connection";
        _ledger.Closed(this, _record, reason);
        LogDisconnected(Node, Epoch, reason);
        if (_failure is not (null or SessionEndedException or ProtocolException or WebSocketException or TimeoutException or IOException))
        {
            LogFault(_failure, Node);
        }
    }

    /// <summary>Ends a session that has been silent for too long; sends again what was not acknowledged in time.</summary>
    public void LookAtTime(TimeSpan silenceLimit)
    {
        if (Silence >= silenceLimit)
        {
            End($"nothing was heard for {silenceLimit.TotalSeconds:0} s");
            return;
        }

        bool isDue;
        lock (_gate)
        {
            isDue = _sync.NextDeadline <= _time.NowMs();
        }

        if (isDue)
        {
            _sender.Wake();
        }
    }

    /// <summary>Asks the node to open its stream tunnel; it is asked as often as somebody waits for one.</summary>
    public Task AskForTunnelAsync(CancellationToken cancellationToken) => _socket.SendAsync(
        new Message { Id = Guid.NewGuid().ToString("n"), Timestamp = _time.UnixMs(), Operation = Operations.Tunnel }, cancellationToken);

    /// <summary>Ends the session; its <see cref="RunAsync"/> completes when it has.</summary>
    public void End(string reason)
    {
        _endReason = reason;
        _ending.Cancel();
        _socket.Abort();
    }

    // _ending holds nothing that must be freed, and a late End may still touch it
    public ValueTask DisposeAsync() => _socket.DisposeAsync();

    /// <summary>Ends the session for a reason of its own. The first one counts; cancellation is how the rest ends then.</summary>
    private void Fail(Exception failure)
    {
        if (failure is OperationCanceledException && _ending.IsCancellationRequested)
        {
            return;
        }

        Interlocked.CompareExchange(ref _failure, failure, null);
        _ending.Cancel();
    }

    /// <summary>Something that the node should hold may have changed; called under the informers' locks, so only noted.</summary>
    private void OnChanged(ObjectKey key)
    {
        lock (_noteGate)
        {
            _noted.Add(key);
        }

        _sender.Wake();
    }

    /// <summary>Brings the sync machine up to date with what has been noted. Only the sender calls it, so the last look wins.</summary>
    private void TakeNotes()
    {
        ObjectKey[] keys;
        lock (_noteGate)
        {
            if (_noted.Count == 0)
            {
                return;
            }

            keys = [.. _noted];
            _noted.Clear();
        }

        foreach (var key in keys)
        {
            var wanted = _kubeEdge is null ? _scope.Lookup(Node, key) : _kubeEdge.Wanted(key);
            if (key.Type == ResourceTypes.Node && _seen.Look(wanted) is { } reason)
            {
                // as KubeEdge: the node registers anew when it comes back
                throw new SessionEndedException(reason);
            }

            if (key.Type == ResourceTypes.Node && wanted is not null && Identity.Claim?.IsLostTo(wanted) == true)
            {
                throw new SessionEndedException(NodeClaims.LostText(NodeClaim.Of(wanted)!));
            }

            lock (_gate)
            {
                _sync.SetTime(_time.NowMs(), _time.UnixMs());
                if (wanted is not null)
                {
                    _sync.Want(key, wanted);
                }
                else
                {
                    _sync.Forget(key);
                }
            }
        }
    }

    private async Task ReceiveAsync(CancellationToken cancellationToken)
    {
        while (await _socket.ReceiveAsync(cancellationToken) is { } message)
        {
            Interlocked.Exchange(ref _lastHeard, _time.GetTimestamp());
            LogReceived(Node, message.Operation, message.Resource, message.Id);
            switch (message.Operation)
            {
                case Operations.Keepalive:
                    break;
                case Operations.Response:
                    Acknowledge(message);
                    break;
                case Operations.Error:
                    Refuse(message);
                    break;
                case Operations.Inventory when Identity.Extended:
                    ReceiveInventory(message);
                    break;
                case Operations.Report when Identity.Extended:
                    _record!.Reported(EdgeReport.Read(message.Content));
                    break;
                default:
                    await RequestAsync(message, cancellationToken);
                    break;
            }
        }
    }

    private void Acknowledge(Message message)
    {
        bool known;
        Acknowledged acknowledged;
        ObjectKey? freed;
        lock (_gate)
        {
            _sync.SetTime(_time.NowMs(), _time.UnixMs());
            known = _sync.Acknowledge(message.ParentId, out acknowledged);

            // before the sender can take the next message, which would be the one on its way then
            freed = known ? _kubeEdge?.Acknowledge(message.ParentId) : null;
        }

        if (known)
        {
            if (freed is { } key)
            {
                OnChanged(key);
            }

            Failpoint.Hit(HubFailpoints.Acknowledged);
            _record!.Acknowledged(acknowledged.LagMs);
            _sender.Wake();
        }
    }

    /// <summary>The node could not store an object: the sync machine tries again.</summary>
    private void Refuse(Message message)
    {
        var text = message.ContentAsString() ?? "(no text)";
        lock (_gate)
        {
            _sync.SetTime(_time.NowMs(), _time.UnixMs());
            _sync.Refuse(message.ParentId, text);
        }

        _ledger.Totals.StoreFailed();
        LogNodeError(Node, message.Resource, text);
        _sender.Wake();
    }

    private void ReceiveInventory(Message message)
    {
        int pending;
        Failpoint.Hit(HubFailpoints.InventoryReceived);
        lock (_gate)
        {
            _sync.SetTime(_time.NowMs(), _time.UnixMs());
            _sync.ReceiveInventory(message);
            pending = _sync.PendingCount;
        }

        _record!.Differs(pending);
        LogInventory(Node, pending);
        Failpoint.Hit(HubFailpoints.InventoryCompared);
        _sender.Wake();
    }

    private async Task SendAllAsync()
    {
        try
        {
            await OpenKubeEdgeAsync();
            TakeNotes();
            await SendUnacknowledgedAsync();
            while (Next() is { } message)
            {
                if (Guard is not null && !await Guard.MayGoAsync(message, _ending.Token))
                {
                    LogWithheld(Node, message.Operation, message.Resource);
                    continue;
                }

                if (!await PrepareForKubeEdgeAsync(message))
                {
                    continue;
                }

                LogSending(Node, message.Operation, message.Resource, message.Id);
                Failpoint.Hit(HubFailpoints.ObjectTaken);
                await _socket.SendAsync(message, _ending.Token);
                Failpoint.Hit(message.Operation == Operations.Delete ? HubFailpoints.DeleteSent : HubFailpoints.ObjectSent);
                TakeNotes();
                await SendUnacknowledgedAsync();
            }
        }
        catch (Exception e)
        {
            Fail(e);
        }
    }

    private Message? Next()
    {
        Message? next;
        bool inSync;
        lock (_gate)
        {
            next = _sync.TryTake(_time.NowMs(), _time.UnixMs(), out var message) ? message : null;
            inSync = _sync.IsOpen && _sync.PendingCount == 0;
        }

        if (inSync && !_caughtUp)
        {
            _caughtUp = true;
            _ledger.CaughtUp(_record!);
        }

        return next;
    }

    private async Task RequestAsync(Message message, CancellationToken cancellationToken)
    {
        int waiting;
        lock (_noteGate)
        {
            _requests.Enqueue(message);
            waiting = _requests.Count;
        }

        _worker.Wake();
        if (waiting >= MostRequests)
        {
            await _worker.IdleAsync().WaitAsync(cancellationToken);
        }
    }

    private async Task HandleRequestsAsync()
    {
        try
        {
            while (!_ending.IsCancellationRequested && TryDequeue(out var request))
            {
                // what the API has been asked is awaited though the session ends: a request that is given up may still be carried
                // out, after what the next session writes. The API client's own time limit bounds it.
                Failpoint.Hit(HubFailpoints.RequestReceived);
                var reply = await _upstream.HandleAsync(Identity, request, _stopping);
                Failpoint.Hit(HubFailpoints.RequestDone);
                await BeforeKubeEdgeAnswerAsync(request);
                if (reply is not null)
                {
                    await _socket.SendAsync(reply, _ending.Token);
                    Failpoint.Hit(HubFailpoints.RequestAnswered);
                }

                await AfterKubeEdgeAnswerAsync(request);
            }
        }
        catch (Exception e)
        {
            Fail(e);
        }
    }

    private bool TryDequeue([NotNullWhen(true)] out Message? request)
    {
        lock (_noteGate)
        {
            return _requests.TryDequeue(out request);
        }
    }

    [LoggerMessage(LogLevel.Information, "Node {Node} connected, session {Epoch}, extensions {Extended}")]
    private partial void LogConnected(string node, long epoch, bool extended);

    [LoggerMessage(LogLevel.Information, "Node {Node} disconnected, session {Epoch}: {Reason}")]
    private partial void LogDisconnected(string node, long epoch, string reason);

    [LoggerMessage(LogLevel.Error, "Session of node {Node} failed")]
    private partial void LogFault(Exception error, string node);

    [LoggerMessage(LogLevel.Debug, "Node {Node} said what it holds; {Pending} objects differ")]
    private partial void LogInventory(string node, int pending);

    [LoggerMessage(LogLevel.Warning, "Node {Node} could not store {Resource}: {Text}")]
    private partial void LogNodeError(string node, string resource, string text);

    [LoggerMessage(LogLevel.Debug, "To node {Node}: {Operation} {Resource} waits until this replica has seen what the API has")]
    private partial void LogWithheld(string node, string operation, string resource);

    [LoggerMessage(LogLevel.Trace, "From node {Node}: {Operation} {Resource} {Id}")]
    private partial void LogReceived(string node, string operation, string resource, string id);

    [LoggerMessage(LogLevel.Trace, "To node {Node}: {Operation} {Resource} {Id}")]
    private partial void LogSending(string node, string operation, string resource, string id);
}
