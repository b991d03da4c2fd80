using EdgeSync.EdgeCore.Edged.Cri;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.EdgeCore.Edged.Probes;

/// <summary>The probes of one running container, one loop each, until it is disposed of.</summary>
internal sealed class ProbedContainer : IAsyncDisposable
{
    private readonly ProbeChecks _checks;
    private readonly ProbeTarget _target;
    private readonly DateTimeOffset _startedAt;
    private readonly TimeProvider _time;
    private readonly Action _wake;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _work;
    private volatile bool _isStarted;
    private volatile bool _isReady;
    private volatile string? _unhealthy;

    public ProbedContainer(
        ProbeChecks checks, ProbeTarget target, bool wasReady, DateTimeOffset startedAt, TimeProvider time, Action wake)
    {
        (_checks, _target, _startedAt, _time, _wake) = (checks, target, startedAt, time, wake);
        // what was ready before the agent restarted has started, and stays ready until a check says otherwise
        _isStarted = target.Container.StartupProbe is null || wasReady;
        _isReady = target.Container.ReadinessProbe is null || wasReady;
        _work = Task.Run(() => RunAsync(_stop.Token), CancellationToken.None);
    }

    public bool IsStarted => _isStarted;

    public bool IsReady => _isReady;

    /// <summary>Why the container must be restarted.</summary>
    public string? Unhealthy => _unhealthy;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _work;
        _stop.Dispose();
    }

    private async Task RunAsync(CancellationToken stop)
    {
        var spec = _target.Container;
        try
        {
            if (spec.StartupProbe is { } startup && !_isStarted)
            {
                await LoopAsync(startup, NoteStartup, stop);
            }

            await Task.WhenAll(
                spec.LivenessProbe is { } liveness ? LoopAsync(liveness, NoteLiveness, stop) : Task.CompletedTask,
                spec.ReadinessProbe is { } readiness ? LoopAsync(readiness, NoteReadiness, stop) : Task.CompletedTask);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // the container has ended, or the agent stops
        }
    }

    /// <summary>Checks every period, and notes when successes or failures in a row reach their threshold.</summary>
    private async Task LoopAsync(Probe probe, Func<string?, bool> note, CancellationToken stop)
    {
        var period = Seconds(probe.PeriodSeconds, 10);
        var first = Seconds(probe.InitialDelaySeconds ?? 0, 0) - (_time.GetUtcNow() - _startedAt);
        if (first > TimeSpan.Zero)
        {
            // at most the delay itself, whatever the wall clock says
            await Task.Delay(TimeSpan.FromTicks(Math.Min(first.Ticks, Seconds(probe.InitialDelaySeconds, 0).Ticks)), _time, stop);
        }

        var (row, lastFailed) = (0, false);
        while (true)
        {
            string? failure;
            try
            {
                failure = await _checks.CheckAsync(_target, probe, Seconds(probe.TimeoutSeconds, 1), stop);
            }
            catch (CriException)
            {
                // the runtime is away, which says nothing about the container
                await Task.Delay(period, _time, stop);
                continue;
            }

            row = (failure is not null) == lastFailed ? row + 1 : 1;
            lastFailed = failure is not null;
            var threshold = failure is null ? probe.SuccessThreshold ?? 1 : probe.FailureThreshold ?? 3;
            if (row >= threshold && note(failure))
            {
                return;
            }

            await Task.Delay(period, _time, stop);
        }
    }

    private static TimeSpan Seconds(int? value, int standard) => TimeSpan.FromSeconds(Math.Max(value ?? standard, standard == 0 ? 0 : 1));

    /// <returns>Whether the loop is over.</returns>
    private bool NoteStartup(string? failure)
    {
        if (failure is null)
        {
            _isStarted = true;
        }
        else
        {
            _unhealthy = $"startup probe failed: {failure}";
        }

        _wake();
        return true;
    }

    private bool NoteLiveness(string? failure)
    {
        if (failure is null)
        {
            return false;
        }

        _unhealthy = $"liveness probe failed: {failure}";
        _wake();
        return true;
    }

    private bool NoteReadiness(string? failure)
    {
        if (_isReady != (failure is null))
        {
            _isReady = failure is null;
            _wake();
        }

        return false;
    }
}
