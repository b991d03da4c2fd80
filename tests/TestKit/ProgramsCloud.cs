using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace EdgeSync.TestKit;

/// <summary>
/// A real cloudcore with its embedded API, or on a cluster, on ports and a data folder of its own. It can be ended, killed and started
/// again on the same data.
/// </summary>
public sealed class ProgramsCloud : IAsyncDisposable
{
    private static readonly TimeSpan s_readyLimit = TimeSpan.FromSeconds(60);

    private readonly TempFolder _folder = new();
    private readonly string? _cluster; // the administrator's kubeconfig of a cluster; null for the embedded API
    private readonly string? _hubKubeconfig; // the hub's own on that cluster
    private ProgramsProcess? _process;

    private ProgramsCloud(ProgramsPlace place, string? dataFolder, IReadOnlyList<string> addresses, string? cluster = null, string? hubKubeconfig = null)
    {
        Place = place;
        _cluster = cluster;
        _hubKubeconfig = hubKubeconfig ?? cluster;
        Addresses = addresses;
        DataFolder = dataFolder ?? _folder.File("cloud");
        Kubectl = new ProgramsKubectl(Kubeconfig, place with { Through = [] });
    }

    /// <summary>Where the program runs; a change holds from its next start.</summary>
    public ProgramsPlace Place { get; set; }

    /// <summary>By which names and addresses edges reach it, the first of which they are told.</summary>
    public IReadOnlyList<string> Addresses { get; }

    public string DataFolder { get; }

    public string DatabaseFile => Path.Combine(DataFolder, "cloudcore.db");

    /// <summary>Options of <c>run</c> beside its data folder; a change holds from its next start.</summary>
    public IReadOnlyList<string> RunOptions { get; set; } = [];

    public bool IsRunning => _process is { IsRunning: true };

    public int ApiPort { get; } = FreePort.Next();

    public int HubPort { get; } = FreePort.Next();

    public string Kubeconfig => _cluster ?? AdminKubeconfig;

    private string AdminKubeconfig => Path.Combine(DataFolder, "admin.kubeconfig");

    public ProgramsKubectl Kubectl { get; }

    public string LogFile => _folder.File("cloudcore.log");

    public int Pid => Running.Pid;

    public string HubAddress => string.Create(CultureInfo.InvariantCulture, $"{Addresses[0]}:{HubPort}");

    private ProgramsProcess Running => _process ?? throw new InvalidOperationException("cloudcore does not run");

    /// <summary>A new cloud, initialized and ready.</summary>
    public static Task<ProgramsCloud> StartNewAsync(ProgramsPlace? place = null, string? dataFolder = null, params string[] addresses) =>
        StartAsync(new ProgramsCloud(place ?? ProgramsPlace.Here, dataFolder, addresses is [] ? ["127.0.0.1"] : addresses));

    /// <summary>A new cloud that works on a cluster, initialized and ready.</summary>
    /// <param name="kubeconfig">The administrator's kubeconfig.</param>
    /// <param name="hubKubeconfig">The hub's own, with fewer rights; null for the administrator's.</param>
    public static Task<ProgramsCloud> StartNewOnClusterAsync(string kubeconfig, string? hubKubeconfig = null) =>
        StartAsync(new ProgramsCloud(ProgramsPlace.Here, null, ["127.0.0.1"], kubeconfig, hubKubeconfig));

    /// <summary>Another replica of a cloud that works on a cluster, with its CA, initialized and not started.</summary>
    /// <param name="kubeconfig">The administrator's kubeconfig.</param>
    /// <param name="hubKubeconfig">The hub's own.</param>
    /// <param name="pki">The folder with the CA and its key that all replicas have; null for the first, which makes it.</param>
    public static async Task<ProgramsCloud> ReplicaOnClusterAsync(string kubeconfig, string hubKubeconfig, string? pki)
    {
        var cloud = new ProgramsCloud(ProgramsPlace.Here, null, ["127.0.0.1"], kubeconfig, hubKubeconfig) { RunOptions = ["--leader-elect"] };
        if (pki is not null)
        {
            Directory.CreateDirectory(Path.Combine(cloud.DataFolder, "pki"));
            foreach (var file in (string[])["ca.crt", "ca.key"])
            {
                File.Copy(Path.Combine(pki, file), Path.Combine(cloud.DataFolder, "pki", file));
            }
        }

        await cloud.InitAsync();
        return cloud;
    }

    private static async Task<ProgramsCloud> StartAsync(ProgramsCloud cloud)
    {
        try
        {
            await cloud.InitAsync();
            await cloud.StartAsync();
            return cloud;
        }
        catch
        {
            await cloud.DisposeAsync();
            throw;
        }
    }

    /// <summary>A cloud that was initialized and never ran.</summary>
    public static async Task<ProgramsCloud> InitializedAsync()
    {
        var cloud = new ProgramsCloud(ProgramsPlace.Here, null, ["127.0.0.1"]);
        await cloud.InitAsync();
        return cloud;
    }

    /// <summary>Starts it on its data and waits for nothing: it may not get far.</summary>
    public void Launch() =>
        _process = ProgramsProcess.Start(ProgramsLocation.CloudCore, ["run", "--data-dir", DataFolder, .. RunOptions], LogFile, Place);

    /// <summary>Starts it on its data and waits until it is ready.</summary>
    /// <returns>How long that took.</returns>
    public async Task<TimeSpan> StartAsync()
    {
        var clock = System.Diagnostics.Stopwatch.StartNew();
        Launch();
        using var client = NewClient();
        try
        {
            await Eventually.HoldsAsync(
                "cloudcore is ready",
                async () => !IsRunning || (await client.GetAsync(new Uri("/readyz", UriKind.Relative))).IsSuccessStatusCode,
                s_readyLimit);
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message}\n{LogTail()}", e);
        }

        return IsRunning
            ? clock.Elapsed
            : throw new InvalidOperationException($"cloudcore ended with exit code {Running.ExitCode}\n{LogTail()}");
    }

    /// <summary>SIGTERM and its orderly end.</summary>
    public async Task StopAsync()
    {
        var exitCode = await Running.TerminateAsync();
        var tail = Running.LogTail();
        await DropAsync();
        if (exitCode != 0)
        {
            throw new InvalidOperationException($"cloudcore ended with exit code {exitCode}\n{tail}");
        }
    }

    /// <summary>Waits until it ends by itself.</summary>
    public async Task<int> ExitAsync(TimeSpan limit)
    {
        var exitCode = await Running.ExitAsync(limit);
        await DropAsync();
        return exitCode;
    }

    /// <summary>kill -9.</summary>
    public async Task KillAsync()
    {
        await Running.KillAsync();
        await DropAsync();
    }

    /// <summary>A client of the API with the administrator's certificate.</summary>
    public HttpClient NewAdministratorClient()
    {
        var handler = new SocketsHttpHandler();
        handler.SslOptions.CertificateChainPolicy = Trust();
        handler.SslOptions.ClientCertificates =
        [
            X509Certificate2.CreateFromPem(KubeconfigData("client-certificate-data"), KubeconfigData("client-key-data")),
        ];
        var client = Place.NewClient(handler);
        client.BaseAddress = new Uri(string.Create(CultureInfo.InvariantCulture, $"https://127.0.0.1:{ApiPort}"));
        client.Timeout = Timeout.InfiniteTimeSpan; // a watch has no end
        return client;
    }

    public async Task<string> GetTokenAsync() => (await CommandAsync("gettoken", "--data-dir", DataFolder)).Expect().Trim();

    public static Task<CommandResult> CommandAsync(params string[] arguments) =>
        ProgramsCommand.RunAsync(ProgramsLocation.CloudCore, arguments);

    /// <summary>Text for a failed test: what the program wrote last.</summary>
    public string LogTail() => ProgramsProcess.LogTail(LogFile);

    public async ValueTask DisposeAsync()
    {
        await DropAsync();
        _folder.Dispose();
    }

    private HttpClient NewClient()
    {
        var handler = new SocketsHttpHandler();
        handler.SslOptions.CertificateChainPolicy = Trust();
        var client = Place.NewClient(handler);
        client.BaseAddress = new Uri(string.Create(CultureInfo.InvariantCulture, $"https://127.0.0.1:{(_cluster is null ? ApiPort : HubPort)}"));
        client.Timeout = TimeSpan.FromSeconds(2);
        return client;
    }

    private X509ChainPolicy Trust()
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.ImportFromPemFile(Path.Combine(DataFolder, "pki", "ca.crt"));
        return policy;
    }

    /// <summary>A PEM text out of the administrator's kubeconfig.</summary>
    private string KubeconfigData(string key)
    {
        var line = File.ReadLines(AdminKubeconfig).Single(l => l.TrimStart().StartsWith(key + ":", StringComparison.Ordinal));
        return Encoding.ASCII.GetString(Convert.FromBase64String(line.Split(':', 2)[1].Trim().Trim('"')));
    }

    private async Task InitAsync() => (await CommandAsync(
        "init", "--data-dir", DataFolder, "--advertise-address", string.Join(',', Addresses),
        _cluster is null ? "--api-port" : "--kubeconfig",
        _hubKubeconfig ?? ApiPort.ToString(CultureInfo.InvariantCulture),
        "--hub-port", HubPort.ToString(CultureInfo.InvariantCulture))).Expect();

    private async Task DropAsync()
    {
        if (_process is { } process)
        {
            _process = null;
            await process.DisposeAsync();
        }
    }
}
