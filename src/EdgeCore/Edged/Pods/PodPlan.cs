using EdgeSync.EdgeCore.Edged.Cri;

namespace EdgeSync.EdgeCore.Edged.Pods;

/// <summary>A container that is to start now.</summary>
/// <param name="Name">Its name in the spec.</param>
/// <param name="Attempt">Grows with each start; the restart count.</param>
/// <param name="BackoffLevel">See <see cref="CrashBackoff"/>.</param>
internal readonly record struct PlannedStart(string Name, int Attempt, int BackoffLevel)
{
    /// <summary>A container of this attempt that was made and never started (the agent ended between): it goes first.</summary>
    public string? NeverStarted { get; init; }
}

/// <summary>A container that is to be stopped, and why.</summary>
internal readonly record struct PlannedStop(RuntimeContainer Container, string Why);

/// <summary>Why a container does not run, as <c>state.waiting</c> says it.</summary>
internal readonly record struct WaitingReason(string Reason, string Message);

/// <summary>
/// The next steps from what the runtime holds of a pod to what its spec wants. Nothing here is remembered: the same
/// state gives the same plan, whoever started what is there.
/// </summary>
internal sealed record PodPlan
{
    /// <summary>The attempt number of the sandbox to make; null where the present one will do, or none is needed.</summary>
    public int? NewSandbox { get; init; }

    public IReadOnlyList<PlannedStop> Stops { get; init; } = [];

    /// <summary>In the order of the spec.</summary>
    public IReadOnlyList<PlannedStart> Starts { get; init; } = [];

    /// <summary>By container: what waits for its time (CrashLoopBackOff).</summary>
    public IReadOnlyDictionary<string, WaitingReason> Waiting { get; init; } = new Dictionary<string, WaitingReason>();

    /// <summary>When something that waits is due; null where nothing waits for time.</summary>
    public TimeSpan? Wake { get; init; }

    /// <summary>All containers have ended and none will start again.</summary>
    public bool IsFinished { get; init; }

    public static PodPlan Compute(PodPlanInput input)
    {
        var (pod, state) = (input.Pod, input.State);
        if (input.MustEnd)
        {
            return new PodPlan { IsFinished = true, Stops = Running(state, "the pod has ended") };
        }

        var plan = new PlanBuilder(input);
        var sandbox = state.Newest;
        if (sandbox is not { IsReady: true } || (!pod.Spec.HostNetwork && sandbox.IPs.Count == 0))
        {
            return WithoutSandbox(input, plan);
        }

        plan.StopStrangers(sandbox.Id);
        if (plan.PlanInitContainers(sandbox.Id))
        {
            plan.PlanContainers();
        }

        return plan.Build(newSandbox: null);
    }

    private static PodPlan WithoutSandbox(PodPlanInput input, PlanBuilder plan)
    {
        var stops = Running(input.State, "its sandbox has ended");
        if (input.Pod.Spec.Containers.All(c => input.State.Container(c.Name) is { } last && !input.RestartsAfterLoss(last)))
        {
            return new PodPlan { IsFinished = true, Stops = stops };
        }

        // the next round, with the sandbox there, plans the containers
        return plan.Build(newSandbox: (input.State.Newest?.Attempt ?? -1) + 1) with { Stops = stops };
    }

    private static PlannedStop[] Running(RuntimePod state, string why) =>
        [.. state.Containers.Where(c => c.State is ContainerState.ContainerRunning or ContainerState.ContainerUnknown)
            .Select(c => new PlannedStop(c, why))];
}

/// <summary>All that a plan depends on.</summary>
/// <param name="Pod">The wish.</param>
/// <param name="State">What is there.</param>
/// <param name="MustEnd">The pod's phase is final already, or the API said that it has failed.</param>
/// <param name="Unhealthy">Why a running container must be restarted (a failed liveness or startup probe); null for healthy ones.</param>
/// <param name="StoppedForChange">Whether the agent itself stopped this container because its spec changed.</param>
/// <param name="SinceExit">How long ago a dead container ended, by a clock that does not jump.</param>
internal sealed record PodPlanInput(
    WantedPod Pod,
    RuntimePod State,
    bool MustEnd,
    Func<RuntimeContainer, string?> Unhealthy,
    Func<RuntimeContainer, bool> StoppedForChange,
    Func<RuntimeContainer, TimeSpan> SinceExit)
{
    /// <summary>Whether the restart policy starts a container that has ended like this again.</summary>
    public bool RestartsAfter(RuntimeContainer ended) => Pod.RestartPolicy switch
    {
        "Never" => false,
        "OnFailure" => ended.Status.ExitCode != 0,
        _ => true,
    };

    /// <summary>The same for a container whose sandbox is gone: what ran then has failed.</summary>
    public bool RestartsAfterLoss(RuntimeContainer last) => last.HasExited ? RestartsAfter(last) : Pod.RestartPolicy != "Never";
}
