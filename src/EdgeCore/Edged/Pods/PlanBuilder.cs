using System.Globalization;
using EdgeSync.EdgeCore.Edged.Cri;
using Container = EdgeSync.Protocol.Kubernetes.Container;

namespace EdgeSync.EdgeCore.Edged.Pods;

/// <summary>Collects the steps of one <see cref="PodPlan"/> of a pod whose sandbox is there.</summary>
internal sealed class PlanBuilder(PodPlanInput input)
{
    private readonly List<PlannedStop> _stops = [];
    private readonly List<PlannedStart> _starts = [];
    private readonly Dictionary<string, WaitingReason> _waiting = [];
    private TimeSpan? _wake;
    private bool _initFailed;
    private int _finished;

    public PodPlan Build(int? newSandbox) => new()
    {
        NewSandbox = newSandbox,
        Stops = _stops,
        Starts = _starts,
        Waiting = _waiting,
        Wake = _wake,
        IsFinished = newSandbox is null
            && (_initFailed || (input.Pod.Spec.Containers.Count > 0 && _finished == input.Pod.Spec.Containers.Count)),
    };

    /// <summary>Containers of an earlier sandbox, and of names that the spec does not have, must not run.</summary>
    public void StopStrangers(string sandboxId)
    {
        var names = input.Pod.Spec.Containers.Concat(input.Pod.Spec.InitContainers).Select(c => c.Name).ToHashSet();
        foreach (var container in input.State.Containers)
        {
            var alive = container.State is ContainerState.ContainerRunning or ContainerState.ContainerUnknown;
            if (alive && (container.SandboxId != sandboxId || !names.Contains(container.Name)))
            {
                _stops.Add(new PlannedStop(container, "it belongs to no container of the spec"));
            }
        }
    }

    /// <summary>Init containers run one after the other, each until it has succeeded.</summary>
    /// <returns>Whether they are through.</returns>
    public bool PlanInitContainers(string sandboxId)
    {
        var init = input.Pod.Spec.InitContainers;
        if (init.Count == 0 || input.Pod.Spec.Containers.Any(c => input.State.Container(c.Name, sandboxId) is not null))
        {
            return true;
        }

        for (var i = init.Count - 1; i >= 0; i--)
        {
            if (input.State.Container(init[i].Name, sandboxId) is not { } last)
            {
                continue;
            }

            if (last is { HasExited: true, Status.ExitCode: 0 })
            {
                return i + 1 == init.Count || StartNext(init[i + 1]);
            }

            PlanUnfinished(init[i], last);
            return false;
        }

        return StartNext(init[0]);
    }

    public void PlanContainers()
    {
        foreach (var container in input.Pod.Spec.Containers)
        {
            Plan(container);
        }
    }

    private bool StartNext(Container container)
    {
        StartFirst(container, input.State.Container(container.Name));
        return false;
    }

    private void PlanUnfinished(Container container, RuntimeContainer last)
    {
        switch (last.State)
        {
            case ContainerState.ContainerRunning:
                break;
            case ContainerState.ContainerExited when !input.RestartsAfter(last) && !input.StoppedForChange(last):
                _initFailed = true;
                break;
            default:
                Restart(container, last);
                break;
        }
    }

    private void Plan(Container container)
    {
        if (input.State.Container(container.Name) is not { } last)
        {
            StartFirst(container, null);
            return;
        }

        switch (last.State)
        {
            case ContainerState.ContainerRunning when last.SandboxId != input.State.Newest!.Id:
                break; // being stopped; its end brings the next round
            case ContainerState.ContainerRunning when ContainerHash.Differs(last.Hash, container):
                _stops.Add(new PlannedStop(last, "its spec has changed"));
                break;
            case ContainerState.ContainerRunning:
                if (input.Unhealthy(last) is { } why)
                {
                    _stops.Add(new PlannedStop(last, why));
                }

                break;
            case ContainerState.ContainerExited when !input.RestartsAfter(last) && !input.StoppedForChange(last):
                _finished++;
                break;
            default:
                Restart(container, last);
                break;
        }
    }

    private void Restart(Container container, RuntimeContainer last)
    {
        var isOfThisSandbox = last.SandboxId == input.State.Newest?.Id;
        switch (last.State)
        {
            case ContainerState.ContainerUnknown when isOfThisSandbox:
                _stops.Add(new PlannedStop(last, "its state is unknown"));
                return;
            case ContainerState.ContainerExited when isOfThisSandbox && !input.StoppedForChange(last):
                RestartAfterExit(container, last);
                return;
            default:
                // lost with its sandbox, stopped for a change, or made but never started: nothing that it did wrong
                StartFirst(container, last);
                return;
        }
    }

    private void RestartAfterExit(Container container, RuntimeContainer last)
    {
        var level = CrashBackoff.NextLevel(last.BackoffLevel, last.FinishedAt - last.StartedAt);
        var wait = CrashBackoff.Delay(level);
        var left = wait - input.SinceExit(last);
        if (left <= TimeSpan.Zero)
        {
            _starts.Add(new PlannedStart(container.Name, last.Attempt + 1, level));
            return;
        }

        var seconds = wait.TotalSeconds.ToString("0", CultureInfo.InvariantCulture);
        _waiting[container.Name] = new WaitingReason(
            "CrashLoopBackOff", $"back-off {seconds}s restarting failed container={container.Name} pod={input.Pod.Name}_{input.Pod.Namespace}({input.Pod.Uid})");
        _wake = _wake is { } earlier && earlier < left ? earlier : left;
    }

    private void StartFirst(Container container, RuntimeContainer? last) => _starts.Add(last is { State: ContainerState.ContainerCreated }
        ? new PlannedStart(container.Name, last.Attempt, BackoffLevel: 0) { NeverStarted = last.Id } // it never ran: no restart
        : new PlannedStart(container.Name, last is null ? 0 : last.Attempt + 1, BackoffLevel: 0));
}
