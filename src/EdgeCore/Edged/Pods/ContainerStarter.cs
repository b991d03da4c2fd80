using EdgeSync.EdgeCore.Edged.Cri;
using EdgeSync.Storage;
using Container = EdgeSync.Protocol.Kubernetes.Container;

namespace EdgeSync.EdgeCore.Edged.Pods;

/// <summary>Everything about a pod that one of its containers needs to start.</summary>
internal sealed record StartContext(
    WantedPod Pod, RuntimeSandbox Sandbox, DownwardFields Fields, IReadOnlyDictionary<string, string> Volumes);

/// <summary>Makes and starts one container, or says what it waits for.</summary>
internal sealed class ContainerStarter(EdgedParts parts, Action wake)
{
    /// <summary>A postStart hook holds the pod's other steps up: one that hangs must end some time.</summary>
    private static readonly TimeSpan s_longestPostStart = TimeSpan.FromMinutes(2);

    /// <returns>Null when it has been started.</returns>
    public async Task<WaitingReason?> StartAsync(StartContext context, PlannedStart start, CancellationToken cancellationToken)
    {
        var pod = context.Pod;
        var container = pod.Spec.Containers.Concat(pod.Spec.InitContainers).First(c => c.Name == start.Name);
        var env = parts.Env.Resolve(pod, container, context.Fields);
        if (env.Problem is { } missing)
        {
            return new WaitingReason("CreateContainerConfigError", missing);
        }

        var image = await parts.Images.EnsureAsync(pod, container, isFirst: start.Attempt == 0, wake, cancellationToken);
        if (image.Image is null)
        {
            return image.Waiting;
        }

        if (RootProblem(pod, container, image.Image) is { } refusal)
        {
            return new WaitingReason("CreateContainerConfigError", refusal);
        }

        var (mounts, problem) = PodMounts.Build(context, container, start.Attempt, parts.Settings);
        if (problem is not null)
        {
            return new WaitingReason("CreateContainerConfigError", problem);
        }

        var config = ContainerOptions.Build(pod, container, start, parts.Settings, env.Variables, mounts, image.Image);
        var (id, refused) = await CreateAndStartAsync(context, config, start.NeverStarted, cancellationToken);
        return refused ?? await PostStartAsync(context.Pod, id, container, cancellationToken);
    }

    /// <summary>The container that a failed hook leaves is stopped, and then goes the way of all that crash.</summary>
    private async Task<WaitingReason?> PostStartAsync(WantedPod pod, string id, Container container, CancellationToken cancellationToken)
    {
        if (container.Lifecycle?.PostStart is not { } hook
            || await parts.Hooks.RunAsync(pod, id, container, hook, s_longestPostStart, cancellationToken) is not { } problem)
        {
            return null;
        }

        await parts.Cri.StopContainerAsync(id, pod.GracePeriod, cancellationToken);
        return new WaitingReason("PostStartHookError", problem);
    }

    private async Task<(string Id, WaitingReason? Refused)> CreateAndStartAsync(
        StartContext context, ContainerConfig config, string? neverStarted, CancellationToken cancellationToken)
    {
        var sandboxConfig = SandboxOptions.Build(context.Pod, parts.Settings, context.Sandbox.Attempt);
        Directory.CreateDirectory(Path.Combine(sandboxConfig.LogDirectory, config.Metadata.Name));
        await parts.StartSlots.WaitAsync(cancellationToken);
        try
        {
            if (neverStarted is not null)
            {
                await parts.Cri.RemoveContainerAsync(neverStarted, cancellationToken);
            }

            var id = await parts.Cri.CreateContainerAsync(context.Sandbox.Id, config, sandboxConfig, cancellationToken);
            Failpoint.Hit(EdgeFailpoints.ContainerMade);
            await parts.Cri.StartContainerAsync(id, cancellationToken);
            Failpoint.Hit(EdgeFailpoints.ContainerStarted);
            return (id, null);
        }
        catch (CriException e) when (!e.IsAway)
        {
            // a container that was made but could not start has ended, for the runtime too: the next round sees it
            return ("", new WaitingReason("CreateContainerError", e.Message));
        }
        finally
        {
            parts.StartSlots.Release();
        }
    }

    /// <summary>runAsNonRoot, which is checked here and not by the runtime.</summary>
    private static string? RootProblem(WantedPod pod, Container container, Image image)
    {
        var (own, shared) = (container.SecurityContext, pod.Spec.SecurityContext);
        if ((own?.RunAsNonRoot ?? shared?.RunAsNonRoot) != true)
        {
            return null;
        }

        var user = own?.RunAsUser ?? shared?.RunAsUser ?? image.Uid?.Value;
        return user switch
        {
            null when image.Username.Length > 0 =>
                $"container has runAsNonRoot and image has non-numeric user ({image.Username}), cannot verify user is non-root",
            null or 0 => "container has runAsNonRoot and would run as root",
            _ => null,
        };
    }
}
