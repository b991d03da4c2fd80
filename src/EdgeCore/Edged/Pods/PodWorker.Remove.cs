using EdgeSync.EdgeCore.Edged.Volumes;
using EdgeSync.Storage;

namespace EdgeSync.EdgeCore.Edged.Pods;

/// <summary>The part that takes a pod away.</summary>
internal sealed partial class PodWorker
{
    private bool _deletionReported;

    /// <summary>
    /// Stops the containers with their grace, then removes sandboxes, volumes and logs. A pod that is still among the
    /// objects (<paramref name="pod"/>) is then reported as deleted, and waits for the cloud to take its object away.
    /// </summary>
    private async Task<TimeSpan?> RemoveAsync(WantedPod? pod, CancellationToken cancellationToken)
    {
        var state = await _parts.Runtime.ReadAsync(Uid, cancellationToken);
        var alive = state.Containers.Where(c => c.State is Cri.ContainerState.ContainerRunning or Cri.ContainerState.ContainerUnknown).ToArray();
        if (pod is not null && !state.IsEmpty)
        {
            await _parts.Status.ReportAsync(
                pod, BuildStatus(pod, state, new Dictionary<string, WaitingReason>(), isFinished: alive.Length == 0), cancellationToken);
        }

        if (alive.Length > 0)
        {
            var spec = pod ?? _wanted;
            var grace = spec?.GracePeriod ?? state.Newest?.GracePeriod ?? TimeSpan.FromSeconds(30);
            foreach (var container in alive)
            {
                if (_stopper.Begin(spec, container, grace, spec?.Spec))
                {
                    LogStopping(Pod, container.Name, "the pod is being deleted");
                }
            }

            return null; // each end wakes this worker
        }

        await _probes.DisposeAsync();
        foreach (var sandbox in state.Sandboxes)
        {
            await _parts.Cri.StopPodSandboxAsync(sandbox.Id, cancellationToken);
            Failpoint.Hit(EdgeFailpoints.SandboxStopped);
            await _parts.Cri.RemovePodSandboxAsync(sandbox.Id, cancellationToken);
            Failpoint.Hit(EdgeFailpoints.SandboxRemoved);
        }

        PodFolders.Remove(_parts.Settings, Uid);
        Failpoint.Hit(EdgeFailpoints.FoldersRemoved);
        return await FinishAsync(pod, cancellationToken);
    }

    private async Task<TimeSpan?> FinishAsync(WantedPod? pod, CancellationToken cancellationToken)
    {
        if (pod is null)
        {
            _parts.Status.Forget(Uid);
            _isGone = true;
            LogRemoved(Pod);
            return null;
        }

        if (!_deletionReported)
        {
            await _parts.Status.ReportDeletedAsync(pod, cancellationToken);
            Failpoint.Hit(EdgeFailpoints.DeletionQueued);
            _deletionReported = true;
            LogDeletionReported(Pod);
        }

        return null;
    }

    [LoggerMessage(LogLevel.Information, "Pod {Pod} is gone")]
    private partial void LogRemoved(string pod);

    [LoggerMessage(LogLevel.Information, "Pod {Pod} has ended and is removed; telling the cloud")]
    private partial void LogDeletionReported(string pod);
}
