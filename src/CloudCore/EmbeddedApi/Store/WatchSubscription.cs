using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;

namespace EdgeSync.CloudCore.EmbeddedApi.Store;

/// <summary>
/// One watcher's queue of committed changes. It never blocks the committer: when it holds too many changes or bytes, it
/// ends, and the client comes back with the last version that it saw.
/// </summary>
/// <param name="store">Where it is subscribed.</param>
/// <param name="resource">What it follows.</param>
/// <param name="length">Most changes that wait.</param>
/// <param name="bytes">Most bytes of objects that wait; one object alone may be larger.</param>
internal sealed class WatchSubscription(ObjectStore store, string resource, int length, long bytes) : IDisposable
{
    // continuations run elsewhere: they must not hold the committer up
    private readonly TaskCompletionSource _overflow = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Channel<Change> _channel = Channel.CreateBounded<Change>(new BoundedChannelOptions(length)
    {
        // TryWrite says false when full, and the subscription is closed
        FullMode = BoundedChannelFullMode.Wait,
        SingleReader = true,
        SingleWriter = true,
    });

    private long _waiting; // bytes; both sides change it

    public string Resource => resource;

    /// <summary>The state that the subscription begins with; changes after it come by <see cref="TryRead"/>.</summary>
    public required StoreState Start { get; init; }

    /// <summary>The changes between the asked revision and <see cref="Start"/>.</summary>
    public required IReadOnlyList<Change> Replay { get; init; }

    /// <summary>Completes when the watcher was too slow: what still waits may be read, more does not come.</summary>
    public Task Overflow => _overflow.Task;

    /// <summary>False when the watcher was too slow or the store closes, and nothing waits any more.</summary>
    public ValueTask<bool> WaitToReadAsync(CancellationToken cancellationToken) => _channel.Reader.WaitToReadAsync(cancellationToken);

    /// <summary>The next change, where one waits.</summary>
    public bool TryRead([MaybeNullWhen(false)] out Change change)
    {
        if (!_channel.Reader.TryRead(out change))
        {
            return false;
        }

        Interlocked.Add(ref _waiting, -change.Object.Json.Length);
        return true;
    }

    /// <summary>False where the queue is full; then it is to be closed.</summary>
    public bool Offer(Change change)
    {
        var size = change.Object.Json.Length;
        var waiting = Interlocked.Add(ref _waiting, size);
        return (waiting <= bytes || waiting == size) && _channel.Writer.TryWrite(change);
    }

    /// <summary>Ends it because the watcher does not keep up.</summary>
    public void CloseSlow()
    {
        Close();
        _overflow.TrySetResult();
    }

    public void Close() => _channel.Writer.TryComplete();

    public void Dispose()
    {
        store.Unsubscribe(this);
        Close();
    }
}
