using System.Globalization;

namespace EdgeSync.TestKit;

/// <summary>
/// A real cloudcore with its embedded API on ports and a data folder of its own. It can be ended, killed and started
/// again on the same data.
/// </summary>
public sealed class ProgramsCloud : IAsyncDisposable
{
    private static readonly TimeSpan s_readyLimit = TimeSpan.FromSeconds(30);

    private readonly TempFolder _folder = new();
    private ProgramsProcess? _process;

    private ProgramsCloud()
    {
        DataFolder = _folder.File("cloud");
        Kubectl = new ProgramsKubectl(Kubeconfig);
    }

    public string DataFolder { get; }

    public int ApiPort { get; } = FreePort.Next();

    public int HubPort { get; } = FreePort.Next();

    public string Kubeconfig => Path.Combine(DataFolder, "admin.kubeconfig");

    public ProgramsKubectl Kubectl { get; }

    public string LogFile => _folder.File("cloudcore.log");

    public int Pid => Running.Pid;

    public string HubAddress => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{HubPort}");

    private ProgramsProcess Running => _process ?? throw new InvalidOperationException("cloudcore does not run");

    /// <summary>A new cloud, initialized and ready.</summary>
    public static async Task<ProgramsCloud> StartNewAsync()
    {
        var cloud = new ProgramsCloud();
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

    /// <summary>Starts it on its data and waits until it is ready.</summary>
    /// <returns>How long that took.</returns>
    public async Task<TimeSpan> StartAsync()
    {
        var clock = System.Diagnostics.Stopwatch.StartNew();
        _process = ProgramsProcess.Start(ProgramsLocation.CloudCore, ["run", "--data-dir", DataFolder], LogFile);
        using var client = NewClient();
        try
        {
            await Eventually.HoldsAsync(
                "cloudcore is ready",
                async () => !_process.IsRunning || (await client.GetAsync(new Uri("/readyz", UriKind.Relative))).IsSuccessStatusCode,
                s_readyLimit);
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message}\n{_process.LogTail()}", e);
        }

        return _process.IsRunning
            ? clock.Elapsed
            : throw new InvalidOperationException($"cloudcore ended with exit code {_process.ExitCode}\n{_process.LogTail()}");
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

    /// <summary>kill -9.</summary>
    public async Task KillAsync()
    {
        await Running.KillAsync();
        await DropAsync();
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
        // readiness only: whether the certificate is right is kubectl's and the enrollment tests' business
        var handler = new HttpClientHandler { ServerCertificateCustomValidationCallback = (_, _, _, _) => true };
        return new HttpClient(handler)
        {
            BaseAddress = new Uri(string.Create(CultureInfo.InvariantCulture, $"https://127.0.0.1:{ApiPort}")),
            Timeout = TimeSpan.FromSeconds(2),
        };
    }

    private async Task InitAsync() => (await CommandAsync(
        "init", "--data-dir", DataFolder, "--advertise-address", "127.0.0.1",
        "--api-port", ApiPort.ToString(CultureInfo.InvariantCulture),
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
