using EdgeSync.TestKit;

namespace EdgeSync.Conformance.Tests.Running;

/// <summary>
/// The real cloudcore with its embedded API, without controllers, and a real etcd and kube-apiserver, without
/// controllers: started once for the run, both new and empty. Where there is no kube-apiserver nothing is started.
/// </summary>
public sealed class ServerPair : IAsyncLifetime, IDisposable
{
    private readonly EnvtestCluster _cluster = new();
    private readonly HashSet<string> _finished = [];
    private ProgramsCloud? _cloud;

    internal ApiServer Ours { get; private set; } = null!;

    internal ApiServer Kube { get; private set; } = null!;

    internal AllowedDifferences Allowed { get; } = AllowedDifferences.Load();

    /// <summary>The cases that have run to their end.</summary>
    internal IReadOnlySet<string> Finished => _finished;

    public async Task InitializeAsync()
    {
        if (EnvtestCluster.MissingReason is not null)
        {
            return;
        }

        await Task.WhenAll(_cluster.InitializeAsync(), StartOursAsync());
        Kube = new ApiServer("kube-apiserver", _cluster.Kubeconfig, Path.Combine(Path.GetDirectoryName(_cluster.Kubeconfig)!, "pki", "ca.key")) { HasWatchCache = true };
    }

    internal void MarkFinished(string name) => _finished.Add(name);

    public async Task DisposeAsync()
    {
        Ours?.Dispose();
        Kube?.Dispose();
        if (_cloud is not null)
        {
            await _cloud.DisposeAsync();
        }

        await _cluster.DisposeAsync();
    }

    public void Dispose() => _cluster.Dispose();

    private async Task StartOursAsync()
    {
        _cloud = await ProgramsCloud.InitializedAsync();
        var file = Path.Combine(_cloud.DataFolder, "cloudcore.yaml");
        var yaml = await File.ReadAllTextAsync(file);
        await File.WriteAllTextAsync(file, yaml.Replace("  controllers:\n", "  controllers:\n    enable: false\n", StringComparison.Ordinal));
        await _cloud.StartAsync();
        Ours = new ApiServer("EdgeSync", _cloud.Kubeconfig, Path.Combine(_cloud.DataFolder, "pki", "ca.key"));
    }
}
