using System.Globalization;
using System.Text.Json.Nodes;

namespace EdgeSync.TestKit;

/// <summary>What one edge box is made of, as far as its agent is told.</summary>
public sealed record ProgramsEdgeSetup(string NodeName, string RuntimeEndpoint, int MqttPort)
{
    /// <summary>Where the agent runs.</summary>
    public ProgramsPlace Place { get; init; } = ProgramsPlace.Here;

    /// <summary>The agent's folder; null for one of its own.</summary>
    public string? DataFolder { get; init; }
}

/// <summary>
/// A real edgecore in a data folder of its own. It can be ended, killed and started again on the same data; its pods
/// are the runtime's and stay.
/// </summary>
public sealed class ProgramsEdge : IAsyncDisposable
{
    private readonly TempFolder _folder = new();
    private readonly ProgramsEdgeSetup _setup;
    private readonly HttpClient _http;
    private ProgramsProcess? _process;

    public ProgramsEdge(ProgramsEdgeSetup setup)
    {
        _setup = setup;
        Place = setup.Place;
        DataFolder = setup.DataFolder ?? _folder.File("edge");
        _http = Place.NewClient(new SocketsHttpHandler());
        _http.BaseAddress = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{TwinPort}"));
        _http.Timeout = TimeSpan.FromSeconds(5);
    }

    /// <summary>Where the program runs; a change holds from its next start.</summary>
    public ProgramsPlace Place { get; set; }

    public string NodeName => _setup.NodeName;

    public string DataFolder { get; }

    public string ConfigFile => Path.Combine(DataFolder, "edgecore.yaml");

    public string DatabaseFile => Path.Combine(DataFolder, "edgecore.db");

    /// <summary>The node's certificate, its key, and the CA's certificate: PEM files.</summary>
    public (string Certificate, string Key, string Authority) Identity =>
        (Path.Combine(DataFolder, "pki", "node.crt"), Path.Combine(DataFolder, "pki", "node.key"), Path.Combine(DataFolder, "pki", "rootCA.crt"));

    public string LogFile => _folder.File("edgecore.log");

    /// <summary>Where apps on the box ask for twins.</summary>
    public int TwinPort { get; } = FreePort.Next();

    public bool IsRunning => _process is { IsRunning: true };

    public int Pid => Running.Pid;

    private ProgramsProcess Running => _process ?? throw new InvalidOperationException("edgecore does not run");

    /// <summary>Joins a cloud; the outcome is the caller's to judge.</summary>
    /// <param name="hubAddress">HOST:PORT.</param>
    /// <param name="token">The join token.</param>
    /// <param name="certPort">Where a KubeEdge hub enrolls; an EdgeSync hub does so on its one port.</param>
    public async Task<CommandResult> TryJoinAsync(string hubAddress, string token, int? certPort = null)
    {
        var result = await CommandAsync(
            "join", "--cloudcore-ipport=" + hubAddress, "--token=" + token, "--node-name=" + NodeName, "--data-dir", DataFolder,
            "--remote-runtime-endpoint", _setup.RuntimeEndpoint,
            "--mqtt-server", string.Create(CultureInfo.InvariantCulture, $"tcp://127.0.0.1:{_setup.MqttPort}"),
            "--certport", (certPort ?? 10002).ToString(CultureInfo.InvariantCulture));
        if (result.Succeeded)
        {
            await ChoosePortAsync();
        }

        return result;
    }

    public async Task JoinAsync(ProgramsCloud cloud) =>
        (await TryJoinAsync(cloud.HubAddress, await cloud.GetTokenAsync())).Expect();

    /// <summary>Changes texts of its configuration, which join has written; holds from its next start.</summary>
    public async Task ConfigureAsync(params (string Text, string Wanted)[] changes)
    {
        var text = await File.ReadAllTextAsync(ConfigFile);
        foreach (var (old, wanted) in changes)
        {
            text = text.Contains(old, StringComparison.Ordinal)
                ? text.Replace(old, wanted, StringComparison.Ordinal)
                : throw new InvalidOperationException($"{ConfigFile} has no \"{old}\" to replace:\n{text}");
        }

        await File.WriteAllTextAsync(ConfigFile, text);
    }

    /// <summary>Starts the agent; what it is to reach (node Ready, pods running) is waited for by the caller.</summary>
    public void Start() =>
        _process = ProgramsProcess.Start(ProgramsLocation.EdgeCore, ["run", "--data-dir", DataFolder], LogFile, Place);

    /// <summary>SIGTERM and its orderly end; the pods go on.</summary>
    public async Task StopAsync()
    {
        const int EndedBySigterm = 128 + 15; // it came before the program was there to hear it
        var exitCode = await Running.TerminateAsync();
        var tail = Running.LogTail();
        await DropAsync();
        if (exitCode is not (0 or EndedBySigterm))
        {
            throw new InvalidOperationException($"edgecore ended with exit code {exitCode}\n{tail}");
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

    /// <summary>The twin as an app on the box sees it.</summary>
    public async Task<JsonNode> TwinAsync(string @namespace, string device) =>
        JsonNode.Parse(await _http.GetStringAsync(new Uri($"/twins/{@namespace}/{device}", UriKind.Relative)))!;

    /// <summary>The agent's metrics page.</summary>
    public Task<string> MetricsAsync() => _http.GetStringAsync(new Uri("/metrics", UriKind.Relative));

    /// <summary>Removes the node's pods and all that join made; done by tests that share a runtime.</summary>
    public async Task ResetAsync() => (await CommandAsync("reset", "--data-dir", DataFolder, "--force")).Expect();

    public Task<CommandResult> CommandAsync(params string[] arguments) =>
        ProgramsCommand.RunAsync(ProgramsLocation.EdgeCore, arguments, limit: TimeSpan.FromSeconds(60), place: Place);

    /// <summary>Text for a failed test: what the program wrote last.</summary>
    public string LogTail() => ProgramsProcess.LogTail(LogFile);

    public async ValueTask DisposeAsync()
    {
        await DropAsync();
        _http.Dispose();
        await ContainerdRig.UnmountUnderAsync(DataFolder); // its pods' volumes
        _folder.Dispose();
    }

    private Task ChoosePortAsync() =>
        ConfigureAsync(("127.0.0.1:10550", string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{TwinPort}")));

    private async Task DropAsync()
    {
        if (_process is { } process)
        {
            _process = null;
            await process.DisposeAsync();
        }
    }
}
