using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace EdgeSync.TestKit;

/// <summary>
/// A mosquitto of the test's own: loopback, a free port, its messages kept in a temporary folder across restarts.
/// The settings are those that an edge box needs (no limit of messages kept for a client that is away).
/// </summary>
public sealed class MosquittoBroker : IAsyncDisposable
{
    // before Missing: static members begin in the order of their text
    private static readonly string[] s_folders = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/bin"];

    private readonly TempFolder _folder = new();
    private Process? _process;

    private MosquittoBroker(ProgramsPlace place)
    {
        Place = place;
        Port = FreePort.Next();
        File.WriteAllText(_folder.File("mosquitto.conf"), $"""
            listener {Port} 127.0.0.1
            allow_anonymous true
            persistence true
            persistence_location {_folder.Path}/
            autosave_interval 1
            max_queued_messages 0
            max_inflight_messages 1000
            set_tcp_nodelay true
            log_dest file {_folder.File("mosquitto.log")}
            user {Environment.UserName}

            """);
    }

    public int Port { get; }

    /// <summary>Where it runs, and where its clients do.</summary>
    public ProgramsPlace Place { get; }

    public string Log => File.Exists(_folder.File("mosquitto.log")) ? File.ReadAllText(_folder.File("mosquitto.log")) : "";

    public TimeSpan ProcessorTime
    {
        get
        {
            _process?.Refresh();
            return _process?.TotalProcessorTime ?? TimeSpan.Zero;
        }
    }

    /// <summary>The first of the programs that is not there; null where all are.</summary>
    public static string? Missing { get; } = new[] { "mosquitto", "mosquitto_pub", "mosquitto_sub" }.FirstOrDefault(p => Find(p) is null);

    /// <summary>A broker that has its port but does not run yet.</summary>
    public static MosquittoBroker Stopped() => new(ProgramsPlace.Here);

    public static async Task<MosquittoBroker> StartedAsync(ProgramsPlace? place = null)
    {
        var broker = new MosquittoBroker(place ?? ProgramsPlace.Here);
        await broker.StartAsync();
        return broker;
    }

    public async Task StartAsync()
    {
        _process = Start("mosquitto", ["-c", _folder.File("mosquitto.conf")]);
        await Eventually.HoldsAsync($"mosquitto listens on {Port}", async () =>
        {
            if (Place.Network is { } network)
            {
                await using var stream = await network.ConnectAsync(new IPEndPoint(IPAddress.Loopback, Port), CancellationToken.None);
                return true;
            }

            using var socket = new TcpClient();
            await socket.ConnectAsync("127.0.0.1", Port);
            return true;
        });
    }

    /// <summary>SIGTERM: the broker saves its messages.</summary>
    public async Task StopAsync()
    {
        if (_process is null)
        {
            return;
        }

        using var kill = Start("kill", ["-TERM", $"{_process.Id}"]);
        await _process.WaitForExitAsync().WaitAsync(Eventually.DefaultDeadline);
        _process.Dispose();
        _process = null;
    }

    /// <summary>Publishes each line on the topic, over one connection; with QoS 1 it returns when all are acknowledged.</summary>
    public Task PublishAsync(string topic, IEnumerable<string> lines, int qos = 1) =>
        PublishAsync(topic, lines.ToAsyncEnumerable(), qos);

    /// <inheritdoc cref="PublishAsync(string, IEnumerable{string}, int)"/>
    public async Task PublishAsync(string topic, IAsyncEnumerable<string> lines, int qos = 1, TimeSpan? deadline = null)
    {
        using var process = Start(
            "mosquitto_pub", ["-h", "127.0.0.1", "-p", $"{Port}", "-q", $"{qos}", "-t", topic, "-l"], input: true);
        await foreach (var line in lines)
        {
            await process.StandardInput.WriteLineAsync(line);
        }

        process.StandardInput.Close();
        await process.WaitForExitAsync().WaitAsync(deadline ?? Eventually.DefaultDeadline);
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"mosquitto_pub: exit code {process.ExitCode}");
        }
    }

    /// <summary>One message, whatever bytes.</summary>
    public async Task PublishFileAsync(string topic, byte[] payload)
    {
        var file = _folder.File($"payload-{Guid.NewGuid():N}");
        await File.WriteAllBytesAsync(file, payload);
        using var process = Start("mosquitto_pub", ["-h", "127.0.0.1", "-p", $"{Port}", "-q", "1", "-t", topic, "-f", file]);
        await process.WaitForExitAsync().WaitAsync(Eventually.DefaultDeadline);
    }

    /// <summary>A subscriber that is ready when this returns.</summary>
    public async Task<MosquittoSubscriber> SubscribeAsync(params string[] topics)
    {
        var ready = $"ready/{Guid.NewGuid():N}";
        string[] arguments = ["-h", "127.0.0.1", "-p", $"{Port}", "-q", "1", "-v", "-t", ready, .. topics.SelectMany(t => new[] { "-t", t })];
        var subscriber = new MosquittoSubscriber(Start("mosquitto_sub", arguments));

        // the subscription stands when a message on a topic of its own comes through
        await Eventually.HoldsAsync("mosquitto_sub is subscribed", async () =>
        {
            await PublishAsync(ready, ["?"]);
            return subscriber.All.Any(m => m.Topic == ready);
        });
        return subscriber;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _folder.Dispose();
    }

    private Process Start(string program, IReadOnlyList<string> arguments, bool input = false)
    {
        var (file, line) = Place.CommandLine(Find(program) ?? program, arguments);
        var start = new ProcessStartInfo(ProgramsCommand.Find(file) ?? file, line)
        {
            RedirectStandardOutput = program == "mosquitto_sub",
            RedirectStandardInput = input,
        };
        return Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start");
    }

    private static string? Find(string program) => s_folders
        .Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);
}
