using System.Globalization;
using EdgeSync.TestKit;

namespace EdgeSync.Benchmarks.Api;

/// <summary>One of the two that are compared: a Kubernetes API, its processes, its kubeconfig.</summary>
internal abstract class ApiSide : IAsyncDisposable
{
    private const int PollMs = 5;

    /// <summary>How a column is headed.</summary>
    public abstract string Name { get; }

    public abstract string Kubeconfig { get; }

    /// <summary>Resident memory of all its processes, MiB.</summary>
    public abstract double ResidentMiB { get; }

    /// <summary>Starts it on the data that it has; the time from its first process to its answer that it is ready.</summary>
    public abstract Task<TimeSpan> StartAsync();

    public abstract Task StopAsync();

    public abstract ValueTask DisposeAsync();

    public static async Task<ApiSide> OursAsync()
    {
        var cloud = await ProgramsCloud.StartNewAsync();
        return new Ours(cloud);
    }

    public static async Task<ApiSide> KubernetesAsync()
    {
        var cluster = new EnvtestCluster();
        await cluster.StartAsync();
        return new Kubernetes(cluster);
    }

    private static async Task<DateTime> ReadyAsync(string kubeconfig)
    {
        var limit = DateTime.UtcNow.AddMinutes(2);
        using var client = new ApiClient(kubeconfig);
        while (!await client.IsReadyAsync())
        {
            if (DateTime.UtcNow > limit)
            {
                throw new TimeoutException("the API is not ready after two minutes");
            }

            await Task.Delay(PollMs);
        }

        return DateTime.UtcNow;
    }

    private sealed class Ours(ProgramsCloud cloud) : ApiSide
    {
        public override string Name => "EdgeSync";

        public override string Kubeconfig => cloud.Kubeconfig;

        public override double ResidentMiB => Footprint.Of(cloud.Pid).ResidentMiB;

        public override async Task<TimeSpan> StartAsync()
        {
            var start = DateTime.UtcNow;
            cloud.Launch();
            return await ReadyAsync(cloud.Kubeconfig) - start;
        }

        public override Task StopAsync() => cloud.StopAsync();

        public override ValueTask DisposeAsync() => cloud.DisposeAsync();
    }

    private sealed class Kubernetes(EnvtestCluster cluster) : ApiSide
    {
        private string Folder => Path.GetDirectoryName(cluster.Kubeconfig)!;

        public override string Name => "etcd + kube-apiserver";

        public override string Kubeconfig => cluster.Kubeconfig;

        public override double ResidentMiB => Footprint.Of(Pid("etcd")).ResidentMiB + Footprint.Of(Pid("kube-apiserver")).ResidentMiB;

        public override async Task<TimeSpan> StartAsync()
        {
            // the script also makes certificates before it starts the first process
            var started = cluster.StartAsync();
            var ready = await ReadyAsync(cluster.Kubeconfig);
            await started;
            return ready - File.GetLastWriteTimeUtc(PidFile("etcd"));
        }

        public override Task StopAsync() => cluster.StopAsync();

        public override async ValueTask DisposeAsync()
        {
            await cluster.StopAsync();
            cluster.Dispose();
        }

        private int Pid(string program) => int.Parse(File.ReadAllText(PidFile(program)), CultureInfo.InvariantCulture);

        private string PidFile(string program) => Path.Combine(Folder, "run", $"{program}.pid");
    }
}
