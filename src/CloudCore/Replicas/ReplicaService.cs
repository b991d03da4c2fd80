namespace EdgeSync.CloudCore.Replicas;

/// <summary>
/// This process as one of several replicas: takes part in the election, runs what one of them runs at a time while it leads, and lets go of its
/// nodes when the API has been away for so long that another replica may serve them better. As long as the program.
/// </summary>
/// <param name="election">Who leads.</param>
/// <param name="options">Its times.</param>
/// <param name="endSessions">Ends all sessions of this replica for a reason; how many there were.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">The log.</param>
internal sealed partial class ReplicaService(
    LeaderElection election, LeaderElectionOptions options, Func<string, int> endSessions, TimeProvider time, ILogger<ReplicaService> logger) : BackgroundService
{
    /// <summary>
    /// Without the API for so long, a replica ends its sessions. Long after it has left its Service (it is not ready after the renew deadline), so
    /// that an API that is away for a minute costs no connection; well before a cluster evicts pods (five minutes after a node is NotReady).
    /// </summary>
    public static readonly TimeSpan LetGoAfter = TimeSpan.FromSeconds(90);

    /// <summary>What only the leader does. Each is run once for each term; its token ends it at once.</summary>
    public IReadOnlyList<Func<CancellationToken, Task>> Works { get; init; } = [];

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(election.RunAsync(LeadAsync, stoppingToken), WatchApiAsync(stoppingToken));

    /// <summary>All works; where one fails, the others end, and the program with them.</summary>
    private async Task LeadAsync(CancellationToken term)
    {
        using var all = CancellationTokenSource.CreateLinkedTokenSource(term);
        var running = Works.Select(work => work(all.Token)).Append(Task.Delay(Timeout.InfiniteTimeSpan, time, all.Token)).ToList();
        await Task.WhenAny(running);
        await all.CancelAsync();
        await Task.WhenAll(running);
    }

    private async Task WatchApiAsync(CancellationToken ct)
    {
        var hasLetGo = false;
        using var timer = new PeriodicTimer(options.RetryPeriod, time);
        while (await timer.WaitForNextTickAsync(ct))
        {
            if (election.ApiSilence < LetGoAfter)
            {
                hasLetGo = false;
            }
            else if (!hasLetGo)
            {
                hasLetGo = true;
                var ended = endSessions("the Kubernetes API does not answer this replica of the hub");
                LogLetGo(ended, LetGoAfter.TotalSeconds);
            }
        }
    }

    [LoggerMessage(LogLevel.Warning, "The Kubernetes API has not answered for {Seconds} s: {Sessions} sessions were ended, so that another replica may take their nodes")]
    private partial void LogLetGo(int sessions, double seconds);
}
