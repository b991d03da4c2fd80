using EdgeSync.EdgeCore.Edged.Cri;
using EdgeSync.Protocol.Kubernetes;
using Container = EdgeSync.Protocol.Kubernetes.Container;

namespace EdgeSync.EdgeCore.Edged.Pods;

/// <summary>
/// Stops containers beside the worker, which goes on meanwhile and is woken when one has ended: first the preStop hook,
/// then the stop signal, then the kill, all within the grace period. Of one pod's worker.
/// </summary>
internal sealed partial class ContainerStopper(EdgedParts parts, Action wake) : IAsyncDisposable
{
    /// <summary>After a preStop hook that used the grace up, the app still gets this much (the kubelet's figure).</summary>
    private static readonly TimeSpan s_afterHook = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan s_retry = TimeSpan.FromSeconds(1);

    private readonly ILogger _logger = parts.Logs.CreateLogger<ContainerStopper>();
    private readonly Dictionary<string, Stopping> _stopping = [];
    private readonly CancellationTokenSource _stop = new();

    /// <summary>
    /// Sees that a container is being stopped with at most this grace from now. Asking again is free; asking with less
    /// grace than is left shortens it.
    /// </summary>
    /// <param name="pod">The pod, for its hooks; null where it is not known any more.</param>
    /// <param name="container">What to stop.</param>
    /// <param name="grace">Between the stop signal and the kill.</param>
    /// <param name="spec">The pod's spec, where there is one.</param>
    /// <returns>Whether this began something.</returns>
    public bool Begin(WantedPod? pod, RuntimeContainer container, TimeSpan grace, PodSpec? spec)
    {
        Forget();
        var now = parts.Time.GetTimestamp();
        if (_stopping.TryGetValue(container.Id, out var running))
        {
            var left = running.Grace - parts.Time.GetElapsedTime(running.Since, now);
            if (grace + s_retry >= left)
            {
                return false;
            }
        }

        var hook = running is null ? spec?.Containers.FirstOrDefault(c => c.Name == container.Name) : null;
        var task = Task.Run(() => StopAsync(pod, container, hook, grace, _stop.Token), CancellationToken.None);
        _stopping[container.Id] = new Stopping(running is null ? task : Task.WhenAll(running.Task, task), now, grace);
        return true;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_stopping.Values.Select(s => s.Task));
        _stop.Dispose();
    }

    private void Forget()
    {
        foreach (var (id, _) in _stopping.Where(s => s.Value.Task.IsCompleted).ToArray())
        {
            _stopping.Remove(id);
        }
    }

    private async Task StopAsync(
        WantedPod? pod, RuntimeContainer container, Container? spec, TimeSpan grace, CancellationToken cancellationToken)
    {
        try
        {
            var begun = parts.Time.GetTimestamp();
            if (spec?.Lifecycle?.PreStop is { } hook && grace > TimeSpan.Zero && container.IsRunning)
            {
                if (await parts.Hooks.RunAsync(pod!, container.Id, spec, hook, grace, cancellationToken) is { } problem)
                {
                    LogHookFailed(pod!.Describe, container.Name, problem);
                }

                var left = grace - parts.Time.GetElapsedTime(begun);
                grace = left > s_afterHook ? left : s_afterHook;
            }

            await parts.Cri.StopContainerAsync(container.Id, grace, cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return; // the agent stops; its next life goes on with the stopping
        }
        catch (CriException e)
        {
            LogStopFailed(pod?.Describe ?? "", container.Name, e.Message);
            await Task.WhenAny(Task.Delay(s_retry, parts.Time, cancellationToken));
        }

        wake();
    }

    [LoggerMessage(LogLevel.Warning, "Pod {Pod}: stopping container {Container} failed: {Reason}")]
    private partial void LogStopFailed(string pod, string container, string reason);

    [LoggerMessage(LogLevel.Warning, "Pod {Pod}: the preStop hook of container {Container} failed: {Reason}")]
    private partial void LogHookFailed(string pod, string container, string reason);

    private sealed record Stopping(Task Task, long Since, TimeSpan Grace);
}
