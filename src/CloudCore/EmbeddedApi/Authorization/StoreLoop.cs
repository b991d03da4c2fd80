using EdgeSync.CloudCore.EmbeddedApi.Store;

namespace EdgeSync.CloudCore.EmbeddedApi.Authorization;

/// <summary>
/// Calls a reconcile at start, whenever one of some resources has changed, and when it asked for it; again after a pause where it
/// fails. For the life of the server.
/// </summary>
/// <param name="store">What is followed.</param>
/// <param name="resources">By their names in storage.</param>
/// <param name="reconcile">Converges everything by what is there now; says when to be called again though nothing changes.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">The log.</param>
internal sealed partial class StoreLoop(
    ObjectStore store, IReadOnlyList<string> resources, Func<CancellationToken, Task<TimeSpan?>> reconcile, TimeProvider time, ILogger logger) : IAsyncDisposable
{
    private static readonly TimeSpan s_shortestPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromMinutes(1);

    private readonly CancellationTokenSource _stop = new();
    private Task _loop = Task.CompletedTask;

    public void Start() => _loop = Task.Run(() => RunAsync(_stop.Token));

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loop;
        _stop.Dispose();
    }

    private async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                await FollowAsync(cancellationToken);

                // a queue ran over, or the store closes: then the token ends this soon
                await Task.Delay(s_shortestPause, time, cancellationToken);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // asked to stop
        }
    }

    private async Task FollowAsync(CancellationToken cancellationToken)
    {
        var subscriptions = resources.Select(r => store.Subscribe(r, null)!).ToList();
        try
        {
            var failures = 0;
            while (true)
            {
                foreach (var subscription in subscriptions)
                {
                    while (subscription.TryRead(out _))
                    {
                        // only the fact that something changed counts
                    }
                }

                TimeSpan? again;
                try
                {
                    again = await reconcile(cancellationToken);
                    failures = 0;
                }
                catch (Exception e) when (!cancellationToken.IsCancellationRequested)
                {
                    failures++;
                    again = TimeSpan.FromTicks(Math.Min(s_shortestPause.Ticks << Math.Min(failures, 10), s_longestPause.Ticks))
                        * (0.75 + (Random.Shared.NextDouble() / 2));
                    LogFailed(e, resources[0], again.Value.TotalSeconds);
                }

                if (!await WaitAsync(subscriptions, again, failures > 0, cancellationToken))
                {
                    return;
                }
            }
        }
        finally
        {
            subscriptions.ForEach(s => s.Dispose());
        }
    }

    /// <summary>False where a queue has ended. After a failure changes do not shorten the pause.</summary>
    private async Task<bool> WaitAsync(List<WatchSubscription> subscriptions, TimeSpan? again, bool failed, CancellationToken cancellationToken)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var pause = again is { } due ? Task.Delay(due, time, ended.Token) : Task.Delay(Timeout.InfiniteTimeSpan, ended.Token);
        var changes = failed ? [] : subscriptions.Select(s => s.WaitToReadAsync(ended.Token).AsTask()).ToList();
        var first = await Task.WhenAny([pause, .. changes]);
        var goesOn = first == pause || await (Task<bool>)first;
        await ended.CancelAsync();
        await Task.WhenAll([pause, .. changes]).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellationToken.ThrowIfCancellationRequested();
        return goesOn;
    }

    [LoggerMessage(LogLevel.Warning, "What follows {Resource} failed and is tried again in {Seconds:0.0} s")]
    private partial void LogFailed(Exception error, string resource, double seconds);
}
