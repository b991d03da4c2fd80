using EdgeSync.Hosting;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.EdgeCore.EdgeHub.KubeEdge;

/// <summary>
/// What one link needs beyond the sync itself where the hub is KubeEdge's: the Node is registered before anything else is
/// said, the agent renews its lease, asks for what its pods mention and for its pods' fates, and notices a hub that took the
/// connection and answers nothing (KubeEdge refuses silently).
/// <code>
/// connected ── register Node ──▶ open: outbox, lease every 10 s, queries, pod check ──▶ synced
///      └── nothing heard for 2 heartbeats (4 once something was) ──▶ the link ends, and is tried again
/// </code>
/// Answers that carry objects are handed to the sync as pushes, so that they are stored before they are acknowledged.
/// </summary>
internal sealed partial class KubeEdgeSession
{
    private static readonly Backoff s_registerRetry = new(TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(7));

    private static readonly TimeSpan s_registerTimeout = TimeSpan.FromSeconds(5);

    private readonly KubeEdgePeer _peer;
    private readonly KubeEdgeLink _link;
    private readonly UpstreamMessage _node;
    private readonly HubRequests _requests;
    private readonly NewestSeen _seen = new();
    private readonly ILogger _logger;
    private long _heardAt;
    private volatile bool _heard;
    private volatile bool _isOpen;
    private string _registerProblem = ""; // of the registering task

    /// <param name="peer">The agent.</param>
    /// <param name="link">The link.</param>
    /// <param name="node">The insert of the Node.</param>
    public KubeEdgeSession(KubeEdgePeer peer, KubeEdgeLink link, UpstreamMessage node)
    {
        _peer = peer;
        _link = link;
        _node = node;
        _logger = peer.Logs.CreateLogger<KubeEdgeSession>();
        _requests = new HubRequests(link.SendAsync, peer.Time);
        _heardAt = peer.Time.GetTimestamp();
    }

    /// <summary>Whether the hub has answered to the registration. Before, a status would be refused for want of its Node.</summary>
    public bool IsOpen => _isOpen;

    /// <summary>Requests whose answers are awaited on this link.</summary>
    public HubRequests Requests => _requests;

    /// <summary>Which reports go out twice.</summary>
    public FirstReports FirstReports { get; } = new();

    /// <summary>Looks at each message that comes, first of all.</summary>
    /// <returns>What the sync is to see of it; null for nothing.</returns>
    public Message? Receive(Message message)
    {
        Volatile.Write(ref _heardAt, _peer.Time.GetTimestamp());
        _heard = true;
        if (message.ParentId.Length == 0)
        {
            _seen.Note(message, forgetDeleted: !_requests.AnyWaiting);
            return message;
        }

        var wasAwaited = _requests.TryAnswer(message);
        if (message is { Operation: Operations.Response, Group: Groups.Resource, IsContentOk: false }
            && ObjectKey.TryParse(message.Resource, out var key)
            && key.Type is ResourceTypes.ConfigMap or ResourceTypes.Secret)
        {
            return AsPush(key, message);
        }

        return wasAwaited ? null : message;
    }

    /// <summary>Runs until the link ends.</summary>
    /// <exception cref="TimeoutException">The hub answers nothing.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await Task.WhenAll(EndingAllAsync(WatchSilenceAsync(ending.Token), ending), EndingAllAsync(TalkAsync(ending.Token), ending));
    }

    private static async Task EndingAllAsync(Task part, CancellationTokenSource ending)
    {
        try
        {
            await part;
        }
        catch
        {
            await ending.CancelAsync();
            throw;
        }
    }

    private async Task TalkAsync(CancellationToken cancellationToken)
    {
        var registered = false;
        for (var failures = 1; !_isOpen; failures++)
        {
            registered = await TryRegisterAsync(cancellationToken);
            if (!_heard)
            {
                // also where the hub was not ready: what it answers before it has made its session is lost
                await Task.Delay(s_registerRetry.After(failures), _peer.Time, cancellationToken);
                continue;
            }

            _isOpen = true;
            _link.Opened();
        }

        var lease = new NodeLease(_peer.NodeName, _peer.Objects, _requests, _peer.Time, _logger);
        var queries = new ReferenceQueries(_peer.Objects, _requests, _peer.Time, _logger);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await Task.WhenAll(
            EndingAllAsync(registered ? Task.CompletedTask : RegisterAsync(ending.Token), ending),
            EndingAllAsync(CheckPodsAsync(ending.Token), ending),
            EndingAllAsync(queries.RunAsync(ending.Token), ending),
            EndingAllAsync(lease.RunAsync(ending.Token), ending));
    }

    private async Task RegisterAsync(CancellationToken cancellationToken)
    {
        for (var failures = 1; !await TryRegisterAsync(cancellationToken); failures++)
        {
            await Task.Delay(s_registerRetry.After(failures), _peer.Time, cancellationToken);
        }
    }

    private async Task<bool> TryRegisterAsync(CancellationToken cancellationToken)
    {
        var answer = await _requests.AskForObjectAsync(_node.Operation, _node.Resource, _node.Content, s_registerTimeout, cancellationToken);
        if (answer.Succeeded || answer.Code == 409)
        {
            return true; // made, or there already
        }

        if (answer.Problem != _registerProblem)
        {
            _registerProblem = answer.Problem;
            LogNotRegistered(_peer.NodeName, answer.Problem);
        }

        return false;
    }

    private async Task CheckPodsAsync(CancellationToken cancellationToken)
    {
        var check = new PodCheck(_peer.NodeName, _peer.Objects, _requests, Adopt, Remove, _peer.Time, _logger);
        await check.RunAsync(_peer.Running, cancellationToken);
        LogChecked();
        await _link.SyncedAsync(cancellationToken);
    }

    private async Task WatchSilenceAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var limit = _heard ? _peer.Heartbeat * 4 : _peer.Heartbeat * 2;
            var left = limit - _peer.Time.GetElapsedTime(Volatile.Read(ref _heardAt));
            if (left <= TimeSpan.Zero)
            {
                if (!_heard)
                {
                    LogSilent(_peer.NodeName, limit.TotalSeconds);
                }

                throw new TimeoutException($"the hub has answered nothing for {limit.TotalSeconds:0} s");
            }

            await Task.Delay(left, _peer.Time, cancellationToken);
        }
    }

    private void Adopt(ObjectKey key, KubeObject pod) => Push(key, pod, Guid.NewGuid().ToString());

    private void Remove(ObjectKey key, string uid) => _link.Deliver(DeleteOf(key, uid, Guid.NewGuid().ToString()));

    private void Push(ObjectKey key, KubeObject found, string id)
    {
        if (_seen.IsNews(key, found))
        {
            _link.Deliver(PushOf(key, Operations.Update, found.Json, id));
        }
    }

    /// <summary>
    /// The answer to a query. An object is stored like a pushed one, and acknowledged: the hub waits for that, and sends nothing
    /// else meanwhile. A failure is no object, and wants no acknowledgement.
    /// </summary>
    private Message? AsPush(ObjectKey key, Message message)
    {
        var answer = ObjectAnswer.Read(message);
        if (!answer.Succeeded)
        {
            return null;
        }

        try
        {
            var found = KubeObject.Parse(answer.Object);
            if (_seen.IsNews(key, found))
            {
                return PushOf(key, Operations.Update, answer.Object, message.Id);
            }

            // older than what was pushed meanwhile: what is stored stays, and the hub has its acknowledgement
            return _peer.Objects.Get(key) is { } held
                ? PushOf(key, Operations.Update, held.Json, message.Id)
                : DeleteOf(key, found.Uid, message.Id);
        }
        catch (KubeObjectException)
        {
            return message with { ParentId = "", Operation = Operations.Update }; // the sync says what is wrong with it
        }
    }

    private Message DeleteOf(ObjectKey key, string uid, string id) => PushOf(
        key, Operations.Delete,
        System.Text.Encoding.UTF8.GetBytes($$$"""{"metadata":{"name":"{{{key.Name}}}","namespace":"{{{key.Namespace}}}","uid":"{{{uid}}}"}}"""),
        id);

    private Message PushOf(ObjectKey key, string operation, ReadOnlyMemory<byte> content, string id) => new()
    {
        Id = id,
        Timestamp = _peer.Time.GetUtcNow().ToUnixTimeMilliseconds(),
        Source = Sources.EdgeController,
        Group = Groups.Resource,
        Operation = operation,
        Resource = key.ToString(),
        Content = content,
    };

    [LoggerMessage(LogLevel.Warning, "Node {Node} is not registered: {Reason}; trying again")]
    private partial void LogNotRegistered(string node, string reason);

    [LoggerMessage(LogLevel.Information, "Every pod that is stored or runs here has been compared with the hub's")]
    private partial void LogChecked();

    [LoggerMessage(LogLevel.Warning, "The hub took the connection of node {Node} and has answered nothing for {Seconds} s: it may have refused the node without saying so (its nodeLimit or authorization; see its log). Trying again")]
    private partial void LogSilent(string node, double seconds);
}
