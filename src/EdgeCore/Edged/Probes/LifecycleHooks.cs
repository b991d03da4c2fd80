using EdgeSync.EdgeCore.Edged.Pods;
using EdgeSync.Protocol.Kubernetes;
using Container = EdgeSync.Protocol.Kubernetes.Container;

namespace EdgeSync.EdgeCore.Edged.Probes;

/// <summary>Runs containers' postStart and preStop hooks.</summary>
internal sealed class LifecycleHooks(ProbeChecks checks, RuntimePods runtime, TimeProvider time)
{
    /// <returns>Null when it went well, else what was wrong with it.</returns>
    public async Task<string?> RunAsync(
        WantedPod pod, string containerId, Container spec, LifecycleHandler hook, TimeSpan longest, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(longest, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            return await RunAsync(hook, await TargetAsync(pod, containerId, spec, either.Token), longest, either.Token);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            return e is OperationCanceledException ? $"it took longer than {longest.TotalSeconds:0.#} s" : e.Message;
        }
    }

    private async Task<string?> RunAsync(
        LifecycleHandler hook, ProbeTarget target, TimeSpan longest, CancellationToken cancellationToken)
    {
        switch (hook)
        {
            case { Exec: { } exec }:
                return await checks.ExecAsync(target, exec, longest, cancellationToken);
            case { HttpGet: { } get }:
                return await checks.HttpAsync(target, get, cancellationToken);
            case { Sleep: { } sleep }:
                await Task.Delay(TimeSpan.FromSeconds(sleep.Seconds), time, cancellationToken);
                return null;
            default:
                return null;
        }
    }

    private async Task<ProbeTarget> TargetAsync(
        WantedPod pod, string containerId, Container spec, CancellationToken cancellationToken)
    {
        var sandbox = pod.Spec.HostNetwork ? null : (await runtime.ReadAsync(pod.Uid, cancellationToken)).Newest;
        return new ProbeTarget(containerId, sandbox is { IPs.Count: > 0 } ? sandbox.IPs[0] : "127.0.0.1", spec);
    }
}
