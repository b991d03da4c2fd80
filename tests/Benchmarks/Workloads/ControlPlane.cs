using EdgeSync.Benchmarks.Fleet;
using EdgeSync.TestKit;

namespace EdgeSync.Benchmarks.Workloads;

/// <summary>One of the two that are compared: a Kubernetes API with the controllers and the scheduler that work on it.</summary>
/// <param name="name">How a column is headed.</param>
/// <param name="kubeconfig">The administrator's.</param>
/// <param name="pids">All its processes.</param>
/// <param name="end">Ends and removes it.</param>
internal sealed class ControlPlane(string name, string kubeconfig, IReadOnlyList<int> pids, Func<ValueTask> end) : IAsyncDisposable
{
    private const string Fast = "--kube-api-qps=1000 --kube-api-burst=1000";

    public string Name => name;

    public string Kubeconfig => kubeconfig;

    /// <summary>User and system time of all processes so far, seconds.</summary>
    public double CpuSeconds => pids.Sum(ProcessCost.CpuSeconds);

    public double ResidentMiB => pids.Sum(pid => Footprint.Of(pid).ResidentMiB);

    public static async Task<ControlPlane> OursAsync()
    {
        var cloud = await ProgramsCloud.StartNewAsync();
        return new ControlPlane("EdgeSync", cloud.Kubeconfig, [cloud.Pid], cloud.DisposeAsync);
    }

    public static async Task<ControlPlane> KubernetesAsync()
    {
        // on a machine that is busy with all of this a lease may be late, which is not what is measured
        var cluster = EnvtestCluster.WithControllers($"{Fast} --node-monitor-grace-period=2m", Fast);
        await cluster.StartAsync();
        return new ControlPlane("Kubernetes 1.20", cluster.Kubeconfig, cluster.Pids, async () =>
        {
            await cluster.StopAsync();
            cluster.Dispose();
        });
    }

    public ValueTask DisposeAsync() => end();
}
