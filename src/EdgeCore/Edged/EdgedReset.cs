using EdgeSync.EdgeCore.Configuration;
using EdgeSync.EdgeCore.Edged.Cri;
using EdgeSync.EdgeCore.Edged.Pods;
using EdgeSync.EdgeCore.Edged.Volumes;

namespace EdgeSync.EdgeCore.Edged;

/// <summary>Takes everything away that the agent's pods have left on this machine; for <c>edgecore reset</c>.</summary>
internal static class EdgedReset
{
    /// <summary>Who resets a node does not want to wait for long graces.</summary>
    private static readonly TimeSpan s_longestGrace = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Stops and removes every pod that bears this node's mark, then their volumes (unmounted first) and logs. What
    /// belongs to other users of the same runtime is not touched. The agent itself must not run meanwhile.
    /// </summary>
    /// <returns>How many pods were removed.</returns>
    /// <exception cref="CriException">The runtime is away, or refuses.</exception>
    public static async Task<int> RemoveAllAsync(EdgeCoreConfig config, TimeProvider time, CancellationToken cancellationToken)
    {
        var settings = EdgedSettings.From(config);
        using var cri = new CriClient(new CriChannel(settings.Kubelet.ContainerRuntimeEndpoint, time));
        var runtime = new RuntimePods(cri, settings.NodeName, time);
        var pods = await runtime.RelistAsync(cancellationToken);
        await Task.WhenAll(pods.Keys.Select(async uid => await RemoveAsync(cri, await runtime.ReadAsync(uid, cancellationToken), cancellationToken)));
        foreach (var uid in pods.Keys)
        {
            PodFolders.Remove(settings, uid);
        }

        // also of pods that the runtime has forgotten
        foreach (var uid in PodFolders.Uids(settings))
        {
            PodFolders.Remove(settings, uid);
        }

        return pods.Count;
    }

    private static async Task RemoveAsync(CriClient cri, RuntimePod pod, CancellationToken cancellationToken)
    {
        var grace = pod.Newest?.GracePeriod is { } own && own < s_longestGrace ? own : s_longestGrace;
        await Task.WhenAll(pod.Containers.Where(c => c.IsRunning).Select(c => cri.StopContainerAsync(c.Id, grace, cancellationToken)));
        foreach (var sandbox in pod.Sandboxes)
        {
            await cri.StopPodSandboxAsync(sandbox.Id, cancellationToken);
            await cri.RemovePodSandboxAsync(sandbox.Id, cancellationToken);
        }
    }
}
