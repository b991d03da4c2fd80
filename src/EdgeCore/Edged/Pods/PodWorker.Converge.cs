using EdgeSync.EdgeCore.Edged.Cri;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Storage;
using PodStatus = EdgeSync.Protocol.Kubernetes.PodStatus;

namespace EdgeSync.EdgeCore.Edged.Pods;

/// <summary>The part that makes a wanted pod run.</summary>
internal sealed partial class PodWorker
{
    /// <summary>More steps than any pod needs in one go; what is left comes with the next round.</summary>
    private const int MaxSteps = 50;

    private readonly Dictionary<string, WaitingReason> _waiting = []; // why planned starts did not happen
    private TimeSpan? _startWake; // when they are tried again
    private string _sandboxProblem = "";
    private WaitingReason _lastStartProblem;

    private async Task<TimeSpan?> ConvergeAsync(WantedPod pod, CancellationToken cancellationToken)
    {
        for (var step = 0; step < MaxSteps; step++)
        {
            var state = await _parts.Runtime.ReadAsync(Uid, cancellationToken);
            _records.Keep(state);
            await _probes.FollowAsync(pod, state, HostOf(pod, state), WasReady);
            var plan = Plan(pod, state);
            var progressed = await ActAsync(pod, state, plan, cancellationToken);
            await ReportAsync(pod, state, plan, cancellationToken);
            if (!progressed)
            {
                await ForgetOldAsync(pod, state, plan, cancellationToken);
                return Earlier(Earlier(plan.Wake, _startWake), plan.IsFinished ? null : DeadlineLeft(pod));
            }
        }

        SignalRuntime();
        return null;
    }

    private static TimeSpan? Earlier(TimeSpan? one, TimeSpan? other) =>
        one is null ? other : other is null || one < other ? one : other;

    private PodPlan Plan(WantedPod pod, RuntimePod state)
    {
        // final phases never go back, whether this agent reported them or the API decided them
        var mustEnd = pod.Pod.Status?.Phase is "Succeeded" or "Failed"
            || _parts.Status.Last(Uid)?.Phase is "Succeeded" or "Failed"
            || DeadlineLeft(pod) <= TimeSpan.Zero;
        return PodPlan.Compute(new PodPlanInput(
            pod, state, mustEnd, _probes.Unhealthy, _records.WasStoppedForChange, _records.SinceExit));
    }

    /// <summary>What is left of activeDeadlineSeconds; null for a pod that may run for ever.</summary>
    private TimeSpan? DeadlineLeft(WantedPod pod) =>
        pod.Spec.ActiveDeadlineSeconds is { } seconds && KubeTime.TryParse(_parts.Status.Last(Uid)?.StartTime, out var started)
            ? started.AddSeconds(seconds) - _parts.Time.GetUtcNow()
            : null;

    /// <returns>Whether something was made, so that it is worth looking again at once.</returns>
    private async Task<bool> ActAsync(WantedPod pod, RuntimePod state, PodPlan plan, CancellationToken cancellationToken)
    {
        _waiting.Clear();
        _startWake = null;
        foreach (var stop in plan.Stops)
        {
            if (stop.Container.IsRunning && state.Newest?.Id == stop.Container.SandboxId && !plan.IsFinished)
            {
                _records.NoteStop(stop.Container, pod);
            }

            if (_stopper.Begin(pod, stop.Container, pod.GracePeriod, pod.Spec))
            {
                LogStopping(Pod, stop.Container.Name, stop.Why);
            }
        }

        var mustStart = plan.NewSandbox is not null || plan.Starts.Count > 0;
        if (plan.IsFinished || (!mustStart && !_objectsChanged))
        {
            return false;
        }

        _objectsChanged = false;
        var fields = FieldsOf(pod, state);
        var volumes = _parts.Volumes.Prepare(pod, fields);
        Failpoint.Hit(EdgeFailpoints.VolumesPrepared);
        if (volumes.Problem is { } problem)
        {
            NoteProblem(pod, mustStart, problem);
            return false;
        }

        if (plan.NewSandbox is { } attempt)
        {
            // the old sandbox's containers hold ports and volumes until they have ended
            return plan.Stops.Count == 0 && await MakeSandboxAsync(pod, state, attempt, cancellationToken);
        }

        return plan.Starts.Count > 0
            && await StartAsync(new StartContext(pod, state.Newest!, fields, volumes.Paths), plan, cancellationToken);
    }

    private void NoteProblem(WantedPod pod, bool mustStart, string problem)
    {
        LogVolumes(Pod, problem);
        if (!mustStart)
        {
            return; // it runs on with the files it has
        }

        foreach (var container in pod.Spec.InitContainers.Concat(pod.Spec.Containers))
        {
            _waiting[container.Name] = new WaitingReason("CreateContainerConfigError", problem);
        }

        // objects that come signal this worker; a hostPath that appears does not
        _startWake = TimeSpan.FromSeconds(10);
    }

    private async Task<bool> MakeSandboxAsync(WantedPod pod, RuntimePod state, int attempt, CancellationToken cancellationToken)
    {
        if (_makeDelay.Left is var left && left > TimeSpan.Zero)
        {
            NoteSandboxWait(pod, left);
            return false;
        }

        if (state.Newest is { } old)
        {
            await _parts.Cri.StopPodSandboxAsync(old.Id, cancellationToken); // gives its address and ports back
        }

        var config = SandboxOptions.Build(pod, _parts.Settings, attempt);
        Directory.CreateDirectory(config.LogDirectory);
        await _parts.StartSlots.WaitAsync(cancellationToken);
        try
        {
            await _parts.Cri.RunPodSandboxAsync(config, pod.Spec.RuntimeClassName ?? "", cancellationToken);
            Failpoint.Hit(EdgeFailpoints.SandboxMade);
            _sandboxProblem = "";
            return true;
        }
        catch (CriException e) when (!e.IsAway)
        {
            _sandboxProblem = e.Message;
            NoteSandboxWait(pod, _makeDelay.Fail());
            LogSandboxFailed(Pod, e.Message);
            return false;
        }
        finally
        {
            _parts.StartSlots.Release();
        }
    }

    private void NoteSandboxWait(WantedPod pod, TimeSpan left)
    {
        foreach (var container in pod.Spec.InitContainers.Concat(pod.Spec.Containers))
        {
            _waiting[container.Name] = new WaitingReason("ContainerCreating", $"failed to create the pod sandbox: {_sandboxProblem}");
        }

        _startWake = left;
    }

    private async Task<bool> StartAsync(StartContext context, PodPlan plan, CancellationToken cancellationToken)
    {
        var started = false;
        foreach (var start in plan.Starts)
        {
            if (_makeDelay.Left is var left && left > TimeSpan.Zero)
            {
                _waiting[start.Name] = _lastStartProblem;
                _startWake = left;
                continue;
            }

            if (await _starter.StartAsync(context, start, cancellationToken) is not { } reason)
            {
                LogStarted(Pod, start.Name, start.Attempt);
                _makeDelay.Succeed();
                started = true;
                continue;
            }

            _waiting[start.Name] = reason;
            if (reason.Reason == "CreateContainerError")
            {
                _lastStartProblem = reason;
                _startWake = _makeDelay.Fail();
                LogStartFailed(Pod, start.Name, reason.Message);
            }
        }

        return started;
    }

    private async Task ReportAsync(WantedPod pod, RuntimePod state, PodPlan plan, CancellationToken cancellationToken)
    {
        var waiting = new Dictionary<string, WaitingReason>(plan.Waiting);
        foreach (var (name, reason) in _waiting)
        {
            waiting[name] = reason;
        }

        await _parts.Status.ReportAsync(pod, BuildStatus(pod, state, waiting, plan.IsFinished), cancellationToken);
    }

    private PodStatus BuildStatus(
        WantedPod pod, RuntimePod state, IReadOnlyDictionary<string, WaitingReason> waiting, bool isFinished) =>
        PodStatusBuilder.Build(new PodStatusInput(
            pod, state, waiting, _probes.IsReady, _probes.IsStarted,
            isFinished && !state.Containers.Any(c => c.IsRunning), DeadlineLeft(pod) <= TimeSpan.Zero, _parts.Status.Last(Uid), _parts.Settings.NodeIP,
            dead => PodFiles.ReadTerminationLog(_parts.Settings, Uid, dead.Name, dead.Attempt), _parts.Time.GetUtcNow()));

    /// <summary>Keeps the newest two containers of each name (the second is lastState), and sandboxes that still hold one.</summary>
    private async Task ForgetOldAsync(WantedPod pod, RuntimePod state, PodPlan plan, CancellationToken cancellationToken)
    {
        var kept = state.Containers.GroupBy(c => c.Name).SelectMany(g => g.Take(2)).ToHashSet();
        foreach (var old in state.Containers.Where(c => !kept.Contains(c) && !c.IsRunning))
        {
            await _parts.Cri.RemoveContainerAsync(old.Id, cancellationToken);
            PodFiles.Forget(_parts.Settings, Uid, old);
        }

        foreach (var sandbox in state.Sandboxes.Where(s => s != state.Newest && kept.All(c => c.SandboxId != s.Id)))
        {
            await _parts.Cri.StopPodSandboxAsync(sandbox.Id, cancellationToken);
            await _parts.Cri.RemovePodSandboxAsync(sandbox.Id, cancellationToken);
        }

        if (plan.IsFinished && state.Newest is { IsReady: true } idle && !state.Containers.Any(c => c.IsRunning))
        {
            // its containers stay for their logs; the address goes back
            LogFinished(Pod, pod.RestartPolicy);
            await _parts.Cri.StopPodSandboxAsync(idle.Id, cancellationToken);
        }
    }

    private DownwardFields FieldsOf(WantedPod pod, RuntimePod state) => new(
        pod, _parts.Settings.NodeName, _parts.Settings.NodeIP,
        pod.Spec.HostNetwork ? [_parts.Settings.NodeIP] : state.Newest?.IPs ?? []);

    private static string HostOf(WantedPod pod, RuntimePod state) =>
        pod.Spec.HostNetwork || state.Newest is not { IPs.Count: > 0 } sandbox ? "127.0.0.1" : sandbox.IPs[0];

    private bool WasReady(RuntimeContainer container) =>
        _parts.Status.Last(Uid)?.ContainerStatuses?.Any(s => s.Ready && s.ContainerID == PodStatusBuilder.ContainerId(container)) == true;

    [LoggerMessage(LogLevel.Information, "Pod {Pod}: container {Container} started (restart count {RestartCount})")]
    private partial void LogStarted(string pod, string container, int restartCount);

    [LoggerMessage(LogLevel.Warning, "Pod {Pod}: container {Container} cannot be started: {Reason}")]
    private partial void LogStartFailed(string pod, string container, string reason);

    [LoggerMessage(LogLevel.Warning, "Pod {Pod}: its sandbox cannot be made: {Reason}")]
    private partial void LogSandboxFailed(string pod, string reason);

    [LoggerMessage(LogLevel.Warning, "Pod {Pod}: {Reason}")]
    private partial void LogVolumes(string pod, string reason);

    [LoggerMessage(LogLevel.Information, "Pod {Pod}: stopping container {Container}: {Reason}")]
    private partial void LogStopping(string pod, string container, string reason);

    [LoggerMessage(LogLevel.Information, "Pod {Pod} has run to its end (restart policy {RestartPolicy})")]
    private partial void LogFinished(string pod, string restartPolicy);
}
