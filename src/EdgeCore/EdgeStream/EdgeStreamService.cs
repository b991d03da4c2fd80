using System.Security.Authentication;
using EdgeSync.EdgeCore.EdgeHub;
using EdgeSync.Hosting;
using EdgeSync.Hosting.Tunnel;

namespace EdgeSync.EdgeCore.EdgeStream;

/// <summary>
/// The tunnel for logs, exec, attach, port-forward and figures: a connection of its own, so that no bulk is ever before the objects of
/// the link. Our hub asks for it when somebody wants something, and it is closed when nobody has wanted anything for a while; a KubeEdge
/// hub cannot ask, so there it is always up.
/// </summary>
internal sealed partial class EdgeStreamService(
    TunnelConnector connector, KubeletRequests requests, EdgeHubService hub, TimeProvider time, ILogger<EdgeStreamService> logger)
    : BackgroundService
{
    // a balancer gives each connection to any of the replicas: of two, the right one is among so many but once in a thousand
    private const int MisdirectedTries = 10;

    private static readonly Backoff s_backoff = new(TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(30));
    private static readonly Backoff s_misdirected = new(TimeSpan.FromMilliseconds(100), TimeSpan.FromMilliseconds(400));
    private static readonly TimeSpan s_wishLasts = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_idleLimit = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan s_idleLook = TimeSpan.FromSeconds(15);

    private readonly WakeSignal _wanted = new();

    /// <summary>The hub asks for the tunnel.</summary>
    public void Want() => _wanted.Set();

    /// <summary>The link is up: a hub that cannot ask gets its tunnel now.</summary>
    public void OnConnected()
    {
        if (!hub.HubIsExtended)
        {
            Want();
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            while (true)
            {
                await _wanted.WaitAsync(stoppingToken);
                await HoldAsync(stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // the agent stops
        }
    }

    /// <summary>Keeps the tunnel up for as long as it is wanted.</summary>
    private async Task HoldAsync(CancellationToken cancellationToken)
    {
        var since = time.GetTimestamp();
        var failures = 0;
        var misdirected = 0;
        var lastProblem = "";
        while (true)
        {
            var server = connector.Server(hub.HubIsExtended);
            try
            {
                var (socket, isExtended) = await connector.ConnectAsync(server, cancellationToken);
                (failures, misdirected) = (0, 0);
                LogUp(server);
                var reason = await RunAsync(socket, isExtended, cancellationToken);
                LogDown(server, reason);
                cancellationToken.ThrowIfCancellationRequested();
                if (hub.HubIsExtended)
                {
                    return; // whoever wants it again asks again
                }
            }
            catch (MisdirectedTunnelException) when (++misdirected <= MisdirectedTries)
            {
                await Task.Delay(s_misdirected.After(misdirected), time, cancellationToken);
                continue;
            }
            catch (Exception e) when (e is IOException or HttpRequestException or OperationCanceledException or AuthenticationException
                or UnauthorizedAccessException or System.Security.Cryptography.CryptographicException)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var problem = e is OperationCanceledException ? "no answer in time" : e.GetBaseException().Message;
                if (problem != lastProblem)
                {
                    LogUnreachable(server, problem);
                    lastProblem = problem;
                }
            }

            if (hub.HubIsExtended && time.GetElapsedTime(since) > s_wishLasts)
            {
                return;
            }

            await Task.Delay(s_backoff.After(++failures), time, cancellationToken);
        }
    }

    private async Task<string> RunAsync(RawWebSocket socket, bool isExtended, CancellationToken cancellationToken)
    {
        await using var session = new TunnelSession(socket, isExtended, requests.ServeAsync, time);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var watching = isExtended ? EndWhenIdleAsync(session, ending.Token) : Task.CompletedTask;
        try
        {
            return await session.RunAsync(cancellationToken);
        }
        finally
        {
            await ending.CancelAsync();
            await watching;
        }
    }

    private async Task EndWhenIdleAsync(TunnelSession session, CancellationToken cancellationToken)
    {
        try
        {
            while (session.Idle < s_idleLimit)
            {
                await Task.Delay(s_idleLook, time, cancellationToken);
            }

            session.End("nobody has wanted anything");
        }
        catch (OperationCanceledException)
        {
            // the tunnel has ended before
        }
    }

    [LoggerMessage(LogLevel.Information, "Stream tunnel to {Server} is up")]
    private partial void LogUp(string server);

    [LoggerMessage(LogLevel.Information, "Stream tunnel to {Server} is closed: {Reason}")]
    private partial void LogDown(string server, string reason);

    [LoggerMessage(LogLevel.Warning, "Stream tunnel to {Server} cannot be opened: {Reason}; logs and exec of this node wait for it")]
    private partial void LogUnreachable(string server, string reason);
}
