using EdgeSync.Protocol.Wire;

namespace EdgeSync.EdgeCore.EdgeHub.KubeEdge;

/// <summary>
/// Requests whose answer somebody waits for, of one session: KubeEdge ties an answer to its request by <c>parent_msg_id</c>,
/// and gives no answer to some requests that fail. These are asked anew and never stored: what must survive goes by the outbox.
/// </summary>
/// <param name="send">Writes to the link.</param>
/// <param name="time">The clock.</param>
internal sealed class HubRequests(Func<Message, CancellationToken, Task> send, TimeProvider time)
{
    /// <summary>For what no limit of its own is named for.</summary>
    public static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(20);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, TaskCompletionSource<Message>> _waiting = []; // guarded by _gate
    private readonly string _idPrefix = $"{Guid.NewGuid():n}-q";
    private long _lastId;

    /// <summary>Whether any request waits for its answer.</summary>
    public bool AnyWaiting
    {
        get
        {
            lock (_gate)
            {
                return _waiting.Count > 0;
            }
        }
    }

    /// <summary>Sends a request and waits for its answer; null where none comes in time.</summary>
    public async Task<Message?> AskAsync(
        string operation, string resource, ReadOnlyMemory<byte> content, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var answered = new TaskCompletionSource<Message>(TaskCreationOptions.RunContinuationsAsynchronously);
        var id = $"{_idPrefix}{Interlocked.Increment(ref _lastId)}";
        lock (_gate)
        {
            _waiting.Add(id, answered);
        }

        try
        {
            var request = new Message
            {
                Id = id,
                Timestamp = time.GetUtcNow().ToUnixTimeMilliseconds(),
                Source = Sources.Edged,
                Group = Groups.Meta,
                Operation = operation,
                Resource = resource,
                Content = content,
            };
            await send(request, cancellationToken);
            return await answered.Task.WaitAsync(timeout, time, cancellationToken);
        }
        catch (TimeoutException) when (!answered.Task.IsCompleted)
        {
            return null;
        }
        finally
        {
            lock (_gate)
            {
                _waiting.Remove(id);
            }
        }
    }

    /// <summary>Asks for an object, or to have one written; an answer that does not come is one that failed.</summary>
    public async Task<ObjectAnswer> AskForObjectAsync(
        string operation, string resource, ReadOnlyMemory<byte> content, TimeSpan timeout, CancellationToken cancellationToken) =>
        await AskAsync(operation, resource, content, timeout, cancellationToken) is { } answer
            ? ObjectAnswer.Read(answer)
            : new ObjectAnswer(default, ObjectAnswer.NoStatus, $"no answer within {timeout.TotalSeconds:0} s");

    /// <summary>Hands the message to whoever waits for it.</summary>
    /// <returns>Whether somebody did.</returns>
    public bool TryAnswer(Message message)
    {
        lock (_gate)
        {
            return _waiting.TryGetValue(message.ParentId, out var waiting) && waiting.TrySetResult(message);
        }
    }
}
