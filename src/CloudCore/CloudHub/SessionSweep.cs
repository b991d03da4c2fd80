namespace EdgeSync.CloudCore.CloudHub;

/// <summary>
/// Looks at every session once a second: ends those of which nothing was heard for too long, and wakes those that have
/// something to send again. One timer for all, not two for each.
/// </summary>
internal sealed class SessionSweep(SessionRegistry registry, CloudHubOptions options, TimeProvider time) : BackgroundService
{
    private static readonly TimeSpan s_period = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(s_period, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            foreach (var session in registry.Live)
            {
                session.LookAtTime(options.SilenceLimit);
            }
        }
    }
}
