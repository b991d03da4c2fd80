using EdgeSync.EdgeCore.Edged.Pods;
using Container = EdgeSync.Protocol.Kubernetes.Container;

namespace EdgeSync.EdgeCore.Edged.Probes;

/// <summary>
/// Runs the probes of a pod's running containers and keeps their verdicts. Startup first; liveness and readiness begin
/// when it has succeeded. Of one pod's worker.
/// </summary>
internal sealed class ContainerProbes(ProbeChecks checks, TimeProvider time, Action wake) : IAsyncDisposable
{
    private readonly Dictionary<string, ProbedContainer> _probed = [];

    /// <summary>Starts probing containers that run, and stops probing those that do not.</summary>
    /// <param name="pod">The specs.</param>
    /// <param name="state">What runs.</param>
    /// <param name="host">Where HTTP and TCP checks go.</param>
    /// <param name="wasReady">A container's readiness in an earlier life of the agent, for the time until its first check.</param>
    public async Task FollowAsync(WantedPod pod, RuntimePod state, string host, Func<RuntimeContainer, bool> wasReady)
    {
        var running = state.Containers.Where(c => c.IsRunning).ToDictionary(c => c.Id);
        foreach (var (id, probed) in _probed.Where(p => !running.ContainsKey(p.Key)).ToArray())
        {
            _probed.Remove(id);
            await probed.DisposeAsync();
        }

        foreach (var container in running.Values.Where(c => !_probed.ContainsKey(c.Id)))
        {
            if (pod.Spec.Containers.FirstOrDefault(c => c.Name == container.Name) is { } spec && HasProbe(spec))
            {
                _probed[container.Id] = new ProbedContainer(
                    checks, new ProbeTarget(container.Id, host, spec), wasReady(container), container.StartedAt, time, wake);
            }
        }
    }

    public bool IsReady(RuntimeContainer container) => !_probed.TryGetValue(container.Id, out var probed) || (probed.IsReady && probed.IsStarted);

    public bool IsStarted(RuntimeContainer container) => !_probed.TryGetValue(container.Id, out var probed) || probed.IsStarted;

    /// <summary>Why the container must be restarted; null while it is well.</summary>
    public string? Unhealthy(RuntimeContainer container) => _probed.TryGetValue(container.Id, out var probed) ? probed.Unhealthy : null;

    public async ValueTask DisposeAsync()
    {
        foreach (var probed in _probed.Values)
        {
            await probed.DisposeAsync();
        }

        _probed.Clear();
    }

    private static bool HasProbe(Container spec) => spec is not { LivenessProbe: null, ReadinessProbe: null, StartupProbe: null };
}
