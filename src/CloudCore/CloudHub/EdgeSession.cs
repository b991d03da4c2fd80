using System.Net.WebSockets;
using System.Threading.Channels;
using EdgeSync.Hosting;
using EdgeSync.Protocol.Sync;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.CloudCore.CloudHub;

/// <summary>
/// One live connection of one node. Three loops: the reader (acknowledgements and heartbeats are handled at once, requests are
/// handed on), the sender (what the sync machine has to send), and the upstream worker (requests to the API, in order).
/// Lives as long as its socket.
/// </summary>
internal sealed partial class EdgeSession : IAsyncDisposable
{
    /// <summary>More requests than a node may have on their way; beyond, reading from it pauses.</summary>
    private const int UpstreamQueueLength = 256;

    private readonly MessageSocket _socket;
    private readonly NodeScope _scope;
    private readonly UpstreamDispatcher _upstream;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Lock _gate = new();
    private readonly HubSync _sync; // guarded by _gate
    private readonly Lock _noteGate = new();
    private readonly HashSet<ObjectKey> _noted = []; // guarded by _noteGate
    private readonly WakeSignal _wake = new();
    private readonly CancellationTokenSource _ending = new();
    private readonly Channel<Message> _requests = Channel.CreateBounded<Message>(new BoundedChannelOptions(UpstreamQueueLength)
    {
        FullMode = BoundedChannelFullMode.Wait,
        SingleReader = true,
        SingleWriter = true,
    });

    private long _lastHeard;
    private bool _nodeSeen; // the sender's
    private string _endReason = "";

    public EdgeSession(
        SessionIdentity identity, MessageSocket socket, NodeScope scope, UpstreamDispatcher upstream, TimeProvider time, ILogger logger)
    {
        Identity = identity;
        _socket = socket;
        _scope = scope;
        _upstream = upstream;
        _time = time;
        _logger = logger;
        _lastHeard = time.GetTimestamp();
        ConnectedAt = time.GetUtcNow();
        var prefix = $"{time.GetUtcNow().ToUnixTimeMilliseconds():x}-{identity.Epoch:x}-";
        _sync = new HubSync(identity.Extended ? new HubSyncOptions { IdPrefix = prefix } : HubSyncOptions.KubeEdge(prefix));
    }

    public SessionIdentity Identity { get; }

    public string Node => Identity.Node;

    public long Epoch => Identity.Epoch;

    public DateTimeOffset ConnectedAt { get; }

    /// <summary>Time since the node was last heard.</summary>
    public TimeSpan Silence => _time.GetElapsedTime(Interlocked.Read(ref _lastHeard));

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
    /// <param name="silenceLimit">A node of which nothing was heard for so long has lost its session.</param>
    /// <param name="cancellationToken">Ends the session.</param>
    /// <param name="stopping">Ends also what the session is writing to the API.</param>
    public async Task RunAsync(TimeSpan silenceLimit, CancellationToken cancellationToken, CancellationToken stopping)
    {
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(_ending.Token, cancellationToken);
        using var listener = _scope.Listen(Node, OnChanged);
        LogConnected(Node, Epoch, Identity.Extended);
        Task[] loops =
        [
            ReceiveAsync(linked.Token),
            SendAsync(linked.Token),
            HandleRequestsAsync(linked.Token, stopping),
            WatchSilenceAsync(silenceLimit, linked.Token),
        ];
        await Task.WhenAny(loops);
        await linked.CancelAsync();
        await _socket.CloseAsync(_endReason);
        var failure = await EndOfAsync(loops);
        LogDisconnected(Node, Epoch, _endReason.Length > 0 ? _endReason : failure?.GetBaseException().Message ?? "the node closed the connection");
        if (failure is not null and not (SessionEndedException or ProtocolException or WebSocketException or TimeoutException or IOException))
        {
            LogFault(failure, Node);
        }
    }

    /// <summary>Ends the session; its <see cref="RunAsync"/> completes when it has.</summary>
    public void End(string reason)
    {
        _endReason = reason;
        _ending.Cancel();
        _socket.Abort();
    }

    // _ending holds nothing that must be freed, and a late End may still touch it
    public ValueTask DisposeAsync() => _socket.DisposeAsync();

    private static async Task<Exception?> EndOfAsync(Task[] loops)
    {
        Exception? first = null;
        foreach (var loop in loops)
        {
            try
            {
                await loop;
            }
            catch (OperationCanceledException)
            {
                // how the other loops end once one has
            }
            catch (Exception e)
            {
                first ??= e;
            }
        }

        return first;
    }

    /// <summary>Something that the node should hold may have changed; called under the informers' locks, so only noted.</summary>
    private void OnChanged(ObjectKey key)
    {
        lock (_noteGate)
        {
            _noted.Add(key);
        }

        _wake.Set();
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
            var wanted = _scope.Lookup(Node, key);
            if (key.Type == ResourceTypes.Node)
            {
                if (wanted is null && _nodeSeen)
                {
                    // as KubeEdge: the node registers anew when it comes back
                    throw new SessionEndedException("its Node object was deleted");
                }

                _nodeSeen |= wanted is not null;
            }

            lock (_gate)
            {
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
                default:
                    await _requests.Writer.WriteAsync(message, cancellationToken);
                    break;
            }
        }
    }

    private void Acknowledge(Message message)
    {
        bool known;
        lock (_gate)
        {
            known = _sync.Acknowledge(message.ParentId);
        }

        if (known)
        {
            _wake.Set();
        }
    }

    /// <summary>The node could not store an object: the sync machine tries again.</summary>
    private void Refuse(Message message)
    {
        var text = message.ContentAsString() ?? "(no text)";
        lock (_gate)
        {
            _sync.SetTime(NowMs(), UnixMs());
            _sync.Refuse(message.ParentId, text);
        }

        LogNodeError(Node, message.Resource, text);
        _wake.Set();
    }

    private void ReceiveInventory(Message message)
    {
        int pending;
        lock (_gate)
        {
            _sync.ReceiveInventory(message);
            pending = _sync.PendingCount;
        }

        LogInventory(Node, pending);
        _wake.Set();
    }

    private async Task SendAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            bool any;
            Message message;
            long? deadline;
            var now = NowMs();
            TakeNotes();
            lock (_gate)
            {
                any = _sync.TryTake(now, UnixMs(), out message);
                deadline = _sync.NextDeadline;
            }

            if (any)
            {
                LogSending(Node, message.Operation, message.Resource, message.Id);
                await _socket.SendAsync(message, cancellationToken);
                continue;
            }

            var wait = deadline is { } due ? TimeSpan.FromMilliseconds(Math.Max(1, due - now)) : Timeout.InfiniteTimeSpan;
            await _wake.WaitAsync(wait, cancellationToken);
        }
    }

    private async Task HandleRequestsAsync(CancellationToken cancellationToken, CancellationToken stopping)
    {
        await foreach (var request in _requests.Reader.ReadAllAsync(cancellationToken))
        {
            // what the API has been asked is awaited though the session ends: a request that is given up may still be carried
            // out, after what the next session writes. The API client's own time limit bounds it.
            var reply = await _upstream.HandleAsync(Identity, request, stopping);
            cancellationToken.ThrowIfCancellationRequested();
            if (reply is not null)
            {
                await _socket.SendAsync(reply, cancellationToken);
            }
        }
    }

    private async Task WatchSilenceAsync(TimeSpan limit, CancellationToken cancellationToken)
    {
        while (true)
        {
            var left = limit - Silence;
            if (left <= TimeSpan.Zero)
            {
                throw new SessionEndedException($"nothing was heard for {limit.TotalSeconds:0} s");
            }

            await Task.Delay(left, _time, cancellationToken);
        }
    }

    /// <summary>The session ends by the hub's own decision.</summary>
    private sealed class SessionEndedException(string reason) : Exception(reason);

    private long UnixMs() => _time.GetUtcNow().ToUnixTimeMilliseconds();

    private long NowMs() => _time.GetTimestamp() / (_time.TimestampFrequency / 1000);

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

    [LoggerMessage(LogLevel.Trace, "From node {Node}: {Operation} {Resource} {Id}")]
    private partial void LogReceived(string node, string operation, string resource, string id);

    [LoggerMessage(LogLevel.Trace, "To node {Node}: {Operation} {Resource} {Id}")]
    private partial void LogSending(string node, string operation, string resource, string id);
}
