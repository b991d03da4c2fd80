using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Ledger;

/// <summary>What a pod's own status says of its being applied and running.</summary>
internal static class PodReasons
{
    /// <summary>The two last stages of a pod, and why it does not run; null where it runs, or has ended as it should.</summary>
    public static (WhyStage Applied, WhyStage Running, string? Reason) Read(Pod pod, string uid)
    {
        var applied = new WhyStage { Stage = "applied" };
        var running = new WhyStage { Stage = "running" };
        var status = pod.Status;
        if (!KubeTime.TryParse(status?.StartTime, out var started))
        {
            applied.Detail = "the node has reported no status";
            return (applied, running, null);
        }

        applied.At = started;
        applied.Uid = uid;
        applied.Detail = $"the node has taken the pod; phase {status!.Phase}";
        var containers = status.ContainerStatuses ?? [];
        var ready = containers.Count(c => c.Ready);
        var restarts = containers.Sum(c => c.RestartCount);
        if (status.Phase is "Succeeded" or "Failed")
        {
            running.Detail = $"has ended: {status.Phase}";
            return (applied, running, status.Phase == "Failed" ? Failure(status) : null);
        }

        var latest = containers.Select(c => c.State.Running?.StartedAt).Where(t => t is not null).Order(StringComparer.Ordinal).LastOrDefault();
        if (KubeTime.TryParse(latest, out var runs))
        {
            running.At = runs;
            running.Uid = uid;
        }

        running.Detail = $"{ready}/{Math.Max(containers.Count, pod.Spec?.Containers?.Count ?? 0)} containers ready, {restarts} restarts";
        return (applied, running, Waiting(status) ?? NotReady(status, ready, containers.Count));
    }

    private static string? Waiting(PodStatus status)
    {
        foreach (var container in (status.InitContainerStatuses ?? []).Concat(status.ContainerStatuses ?? []))
        {
            if (container.State.Waiting is { Reason: not (null or "" or "PodInitializing") } waiting)
            {
                return Explain(container, waiting);
            }

            if (container.State.Terminated is { ExitCode: not 0 } ended)
            {
                return $"container {container.Name} has ended with exit code {ended.ExitCode}{Text(ended.Message ?? ended.Reason)}";
            }
        }

        return null;
    }

    private static string Explain(ContainerStatus container, ContainerStateWaiting waiting) => waiting.Reason switch
    {
        "ErrImagePull" or "ImagePullBackOff" or "ErrImageNeverPull" or "InvalidImageName" or "ImageInspectError" =>
            $"image cannot be pulled: {OneLine(waiting.Message ?? container.Image)}",
        "CrashLoopBackOff" =>
            $"container {container.Name} ends again and again ({container.RestartCount} restarts"
            + $"{(container.LastState.Terminated is { } last ? $", last exit code {last.ExitCode}" : "")}){Text(waiting.Message)}",
        "ContainerCreating" when string.IsNullOrEmpty(waiting.Message) => $"container {container.Name} is being created",
        _ => $"container {container.Name} waits, {waiting.Reason}{Text(waiting.Message)}",
    };

    private static string? NotReady(PodStatus status, int ready, int containers)
    {
        if (containers > 0 && ready == containers)
        {
            return null;
        }

        if (!string.IsNullOrEmpty(status.Message))
        {
            return OneLine(status.Message);
        }

        var condition = status.Conditions?.FirstOrDefault(c => c is { Status: "False", Message.Length: > 0 });
        return condition is null ? $"phase {status.Phase}, {ready} of {containers} containers ready" : OneLine(condition.Message!);
    }

    private static string Failure(PodStatus status)
    {
        var ended = status.ContainerStatuses?.FirstOrDefault(c => c.State.Terminated is { ExitCode: not 0 });
        return ended?.State.Terminated is { } state
            ? $"container {ended.Name} has ended with exit code {state.ExitCode}{Text(state.Message ?? state.Reason)}"
            : $"the pod has failed{Text(status.Message ?? status.Reason)}";
    }

    private static string Text(string? message) => string.IsNullOrEmpty(message) ? "" : ": " + OneLine(message);

    /// <summary>A reason is one line whatever an agent has sent, and not longer than a person reads.</summary>
    internal static string OneLine(string text)
    {
        const int Longest = 300;
        var line = new string([.. text.Select(c => char.IsControl(c) ? ' ' : c)]).Trim();
        return line.Length <= Longest ? line : line[..Longest] + "…";
    }
}
