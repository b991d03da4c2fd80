using Microsoft.Extensions.Hosting;

namespace EdgeSync.Hosting;

/// <summary>Ends the program with a failure when something fails that it cannot go on without; whoever restarts programs does the rest.</summary>
/// <param name="fault">Fails with what happened; never completes otherwise.</param>
public sealed class FaultWatch(Task fault) : BackgroundService
{
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => fault.WaitAsync(stoppingToken);
}
