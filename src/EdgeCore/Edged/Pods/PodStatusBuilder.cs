using EdgeSync.Protocol.Kubernetes;
using Container = EdgeSync.Protocol.Kubernetes.Container;
using ContainerState = EdgeSync.Protocol.Kubernetes.ContainerState;
using ContainerStatus = EdgeSync.Protocol.Kubernetes.ContainerStatus;
using PodIp = EdgeSync.Protocol.Kubernetes.PodIp;
using PodStatus = EdgeSync.Protocol.Kubernetes.PodStatus;

namespace EdgeSync.EdgeCore.Edged.Pods;

/// <summary>What a pod's status is worked out from.</summary>
/// <param name="Pod">The wish.</param>
/// <param name="State">What the runtime holds.</param>
/// <param name="Waiting">By container: why it has not started.</param>
/// <param name="IsReady">Whether a running container's probes call it ready.</param>
/// <param name="IsStarted">Whether a running container's startup probe has succeeded.</param>
/// <param name="IsFinished">No container will start again.</param>
/// <param name="IsTooLate">The pod's activeDeadlineSeconds are over.</param>
/// <param name="Previous">The last status, of which times that did not change are kept.</param>
/// <param name="HostIP">The node's address.</param>
/// <param name="LastWords">A dead container's termination message.</param>
/// <param name="Now">The time.</param>
internal sealed record PodStatusInput(
    WantedPod Pod,
    RuntimePod State,
    IReadOnlyDictionary<string, WaitingReason> Waiting,
    Func<RuntimeContainer, bool> IsReady,
    Func<RuntimeContainer, bool> IsStarted,
    bool IsFinished,
    bool IsTooLate,
    PodStatus? Previous,
    string HostIP,
    Func<RuntimeContainer, string?> LastWords,
    DateTimeOffset Now);

/// <summary>Works out a pod's status as the kubelet would report it.</summary>
internal static class PodStatusBuilder
{
    private const string DeadlineExceeded = "DeadlineExceeded";

    public static PodStatus Build(PodStatusInput input)
    {
        var spec = input.Pod.Spec;
        var initDone = InitContainersDone(input);
        var init = spec.InitContainers.Select(c => Describe(input, c, isInit: true, initDone)).ToArray();
        var containers = spec.Containers.Select(c => Describe(input, c, isInit: false, initDone)).ToArray();
        var phase = Phase(input, init, containers, initDone);
        var ips = spec.HostNetwork
            ? input.State.Newest is null || input.HostIP.Length == 0 ? [] : [input.HostIP]
            : input.State.Newest is { IsReady: true } sandbox ? sandbox.IPs : [];
        return new PodStatus
        {
            Phase = phase,
            Reason = phase == "Failed" && input.IsTooLate ? DeadlineExceeded : input.Previous?.Reason,
            Message = phase == "Failed" && input.IsTooLate ? "Pod was active on the node longer than the specified deadline" : input.Previous?.Message,
            Conditions = Conditions(input, phase, containers, initDone),
            HostIP = input.HostIP.Length > 0 ? input.HostIP : null,
            HostIPs = input.HostIP.Length > 0 ? [new HostIp { Ip = input.HostIP }] : null,
            PodIP = ips.Count > 0 ? ips[0] : null,
            PodIPs = ips.Count > 0 ? [.. ips.Select(ip => new PodIp { Ip = ip })] : null,
            StartTime = input.Previous?.StartTime ?? KubeTime.Format(input.Now),
            QosClass = ResourceOptions.QosClass(spec),
            InitContainerStatuses = init.Length > 0 ? init : null,
            ContainerStatuses = containers,
        };
    }

    /// <summary>The API's form of a container's id.</summary>
    public static string ContainerId(RuntimeContainer container) => "containerd://" + container.Id;

    private static bool InitContainersDone(PodStatusInput input)
    {
        var spec = input.Pod.Spec;
        return spec.InitContainers.Count == 0
            || spec.Containers.Any(c => input.State.Container(c.Name) is { } started && started.SandboxId == input.State.Newest?.Id)
            || spec.InitContainers.All(c => input.State.Container(c.Name) is { HasExited: true, Status.ExitCode: 0 });
    }

    private static ContainerStatus Describe(PodStatusInput input, Container container, bool isInit, bool initDone)
    {
        var all = input.State.Containers.Where(c => c.Name == container.Name).Take(2).ToArray();
        var newest = all.Length > 0 ? all[0] : null;
        var before = all.Length > 1 && all[1].HasExited ? Terminated(input, all[1]) : new ContainerState();
        var isRunning = newest is { IsRunning: true };
        var waits = input.Waiting.TryGetValue(container.Name, out var reason);
        var state = newest switch
        {
            { IsRunning: true } => new ContainerState { Running = new ContainerStateRunning { StartedAt = KubeTime.Format(newest.StartedAt) } },
            { HasExited: true } when !waits => Terminated(input, newest),
            _ => new ContainerState { Waiting = WaitingState(waits ? reason : new WaitingReason(isInit || initDone ? "ContainerCreating" : "PodInitializing", "")) },
        };
        return new ContainerStatus
        {
            Name = container.Name,
            State = state,
            LastState = newest is { HasExited: true } && waits ? Terminated(input, newest) : before,
            Ready = isInit ? newest is { HasExited: true, Status.ExitCode: 0 } : isRunning && input.IsReady(newest!),
            Started = isRunning && input.IsStarted(newest!),
            RestartCount = newest?.Attempt ?? 0,
            Image = container.Image,
            ImageID = newest?.Status.ImageRef ?? "",
            ContainerID = newest is null ? null : ContainerId(newest),
        };
    }

    private static ContainerStateWaiting WaitingState(WaitingReason reason) =>
        new() { Reason = reason.Reason, Message = reason.Message.Length > 0 ? reason.Message : null };

    private static ContainerState Terminated(PodStatusInput input, RuntimeContainer dead) => new()
    {
        Terminated = new ContainerStateTerminated
        {
            ExitCode = dead.Status.ExitCode,
            Reason = dead.Status.Reason.Length > 0 ? dead.Status.Reason : dead.Status.ExitCode == 0 ? "Completed" : "Error",
            Message = input.LastWords(dead) ?? (dead.Status.Message.Length > 0 ? dead.Status.Message : null),
            StartedAt = KubeTime.Format(dead.StartedAt == default ? dead.CreatedAt : dead.StartedAt),
            FinishedAt = KubeTime.Format(dead.FinishedAt),
            ContainerID = ContainerId(dead),
        },
    };

    /// <summary>The kubelet's getPhase: waiting for a first start is Pending, waiting for a restart is Running.</summary>
    private static string Phase(PodStatusInput input, ContainerStatus[] init, ContainerStatus[] containers, bool initDone)
    {
        if (input.Previous?.Phase is "Succeeded" or "Failed")
        {
            return input.Previous.Phase; // final
        }

        if (input.IsTooLate && input.IsFinished)
        {
            return "Failed";
        }

        if (!initDone)
        {
            return input.IsFinished && init.Any(c => c.State.Terminated is { ExitCode: not 0 }) ? "Failed" : "Pending";
        }

        var running = containers.Count(c => c.State.Running is not null);
        var ended = containers.Count(c => c.State.Terminated is not null || (c.State.Waiting is not null && c.LastState.Terminated is not null));
        if (running + ended < containers.Length)
        {
            return "Pending";
        }

        if (running > 0 || !input.IsFinished)
        {
            return "Running";
        }

        return containers.All(c => (c.State.Terminated ?? c.LastState.Terminated)?.ExitCode == 0) ? "Succeeded" : "Failed";
    }

    private static Condition[] Conditions(PodStatusInput input, string phase, ContainerStatus[] containers, bool initDone)
    {
        var unready = containers.Where(c => !c.Ready).Select(c => c.Name).ToArray();
        var (reason, message) = (phase, unready.Length) switch
        {
            ("Succeeded", _) => ("PodCompleted", null),
            ("Failed", _) => ("PodFailed", null),
            (_, 0) => ((string?)null, (string?)null),
            _ => ("ContainersNotReady", $"containers with unready status: [{string.Join(' ', unready)}]"),
        };
        var ready = unready.Length == 0 && phase == "Running";
        var hasSandbox = input.State.Newest is { IsReady: true };
        return
        [
            Condition(input, "PodReadyToStartContainers", hasSandbox, null, null),
            Condition(
                input, "Initialized", initDone, initDone ? null : "ContainersNotInitialized",
                initDone ? null : "init containers are not complete"),
            Condition(input, "Ready", ready, reason, message),
            Condition(input, "ContainersReady", ready, reason, message),
            Condition(input, "PodScheduled", true, null, null),
        ];
    }

    private static Condition Condition(PodStatusInput input, string type, bool isTrue, string? reason, string? message)
    {
        var status = isTrue ? "True" : "False";
        var before = input.Previous?.Conditions?.FirstOrDefault(c => c.Type == type && c.Status == status);
        return new Condition
        {
            Type = type,
            Status = status,
            Reason = isTrue && type != "Initialized" ? null : reason,
            Message = isTrue ? null : message,
            LastTransitionTime = before?.LastTransitionTime ?? KubeTime.Format(input.Now),
        };
    }
}
