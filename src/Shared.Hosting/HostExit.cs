using Microsoft.Extensions.Hosting;

namespace EdgeSync.Hosting;

/// <summary>
/// The exit code of a program whose host has stopped. A background service that failed stops the host, which itself
/// reports that as an orderly end; whoever restarts programs must be told the difference.
/// </summary>
public static class HostExit
{
    /// <summary>0 where the host was asked to stop, 1 where a service failed (the host has logged it).</summary>
    public static int Code(IEnumerable<IHostedService> services) =>
        services.OfType<BackgroundService>().Any(s => s.ExecuteTask is { IsFaulted: true }) ? 1 : 0;

    /// <summary>Starts the host. Where that fails its services are stopped in order, or the host would take the end of each for a failure.</summary>
    public static async Task StartAsync(IHost host, CancellationToken cancellationToken)
    {
        try
        {
            await host.StartAsync(cancellationToken);
        }
        catch (IOException)
        {
            await host.StopAsync(CancellationToken.None);
            throw;
        }
    }
}
