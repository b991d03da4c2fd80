using System.Threading.Channels;

namespace EdgeSync.CloudCore.EmbeddedApi.Store;

/// <summary>One watcher's queue of committed changes. It never blocks the committer: when it is full, it ends.</summary>
internal sealed class WatchSubscription(ObjectStore store, string resource, int length) : IDisposable
{
    private readonly Channel<Change> _channel = Channel.CreateBounded<Change>(new BoundedChannelOptions(length)
    {
        // TryWrite says false when full, and the subscription is closed: the client comes back with its last version
        FullMode = BoundedChannelFullMode.Wait,
        SingleReader = true,
        SingleWriter = true,
    });

    public string Resource => resource;

    /// <summary>The state that the subscription begins with; changes after it come by <see cref="Changes"/>.</summary>
    public required StoreState Start { get; init; }

    /// <summary>The changes between the asked revision and <see cref="Start"/>.</summary>
    public required IReadOnlyList<Change> Replay { get; init; }

    /// <summary>Later changes in order; completes when the watcher was too slow or the store closes.</summary>
    public ChannelReader<Change> Changes => _channel.Reader;

    /// <summary>False where the queue is full.</summary>
    public bool Offer(Change change) => _channel.Writer.TryWrite(change);

    public void Close() => _channel.Writer.TryComplete();

    public void Dispose()
    {
        store.Unsubscribe(this);
        Close();
    }
}
