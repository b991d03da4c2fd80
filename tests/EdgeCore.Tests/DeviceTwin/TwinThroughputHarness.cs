using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using EdgeSync.EdgeCore.EventBus.Mqtt;
using EdgeSync.EdgeCore.MetaServer;
using EdgeSync.TestKit;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;
using Xunit.Abstractions;

namespace EdgeSync.EdgeCore.Tests.DeviceTwin;

/// <summary>
/// Measures, asserts nothing about time: <c>EDGESYNC_MEASURE=1 dotnet test --filter Harness -c Release</c>. Updates go
/// through the real broker with QoS 1; the load generator, the broker and the agent share the machine.
/// </summary>
public sealed class TwinThroughputHarness(ITestOutputHelper output)
{
    private const int Devices = 50;
    private const int PropertiesPerDevice = 10;

    [MeasureFact]
    public async Task Twin_updates_per_second_and_query_latency_meanwhile()
    {
        var updates = int.Parse(Environment.GetEnvironmentVariable("EDGESYNC_MEASURE_UPDATES") ?? "100000", System.Globalization.CultureInfo.InvariantCulture);
        var rate = int.Parse(Environment.GetEnvironmentVariable("EDGESYNC_MEASURE_RATE") ?? "0", System.Globalization.CultureInfo.InvariantCulture);
        await using var rig = await TwinRig.StartedAsync();
        for (var d = 0; d < Devices; d++)
        {
            await rig.Agent.PutDeviceAsync($"d{d}", $"uid-d{d}");
        }

        await Eventually.HoldsAsync("devices are known", () => rig.Agent.Twins.Twins.Count == Devices + 1);
        await using var server = await ServeAsync(rig);
        using var stop = new CancellationTokenSource();
        var querying = QueryAsync(server.Urls.First(), stop.Token);
        var clock = Stopwatch.StartNew();
        var sent = await GenerateAsync(rig.Broker.Port, updates, rate);
        await Eventually.HoldsAsync("all updates are durable", () => rig.Agent.Twins.Accepted >= updates, TimeSpan.FromMinutes(5));
        var took = clock.Elapsed;
        await stop.CancelAsync();
        var latencies = await querying;
        latencies.Sort();

        for (var i = 0; i < Devices * PropertiesPerDevice; i++)
        {
            var expected = updates - (Devices * PropertiesPerDevice) + i;
            Assert.Equal($"{expected}", rig.Agent.Reported($"d{expected % Devices}", $"p{expected / Devices % PropertiesPerDevice}"));
        }

        output.WriteLine($"{updates} updates: acknowledged by the broker after {sent.TotalSeconds:0.00} s, durable after {took.TotalSeconds:0.00} s: {updates / took.TotalSeconds:0}/s");
        output.WriteLine($"{latencies.Count} queries meanwhile: p50 {At(0.5):0.00} ms, p99 {At(0.99):0.00} ms, max {At(1):0.00} ms");
        output.WriteLine($"dropped: {rig.Agent.Mqtt.Dropped(PublishKind.Document)} documents, {rig.Agent.Mqtt.Dropped(PublishKind.Result)} results");
        output.WriteLine($"processor time of this process (agent and load): {Environment.CpuUsage.TotalTime.TotalSeconds:0.0} s");

        double At(double part) => latencies[(int)((latencies.Count - 1) * part)].TotalMilliseconds;
    }

    private static async Task<WebApplication> ServeAsync(TwinRig rig)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        app.MapTwins(rig.Agent.Twins);
        await app.StartAsync();
        return app;
    }

    private static async Task<List<TimeSpan>> QueryAsync(string url, CancellationToken cancellationToken)
    {
        using var http = new HttpClient { BaseAddress = new Uri(url) };
        var latencies = new List<TimeSpan>();
        for (var i = 0; !cancellationToken.IsCancellationRequested; i++)
        {
            var started = Stopwatch.GetTimestamp();
            using var response = await http.GetAsync($"/twins/default/d{i % Devices}", CancellationToken.None);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            latencies.Add(Stopwatch.GetElapsedTime(started));
            await Task.Delay(TimeSpan.FromMilliseconds(2), CancellationToken.None);
        }

        return latencies;
    }

    /// <summary>One publisher connection, QoS 1, at most 1,000 unconfirmed; returns when the broker has confirmed all.</summary>
    private static async Task<TimeSpan> GenerateAsync(int port, int updates, int rate)
    {
        var options = new MqttOptions { Host = "127.0.0.1", Port = port, ClientId = "load", MaxOutgoing = int.MaxValue, MaxOutgoingBytes = int.MaxValue, MaxInFlight = 1000 };
        var queue = new OutgoingQueue(options);
        var clock = Stopwatch.StartNew();
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync("127.0.0.1", port);
        await using var stream = new NetworkStream(socket);
        var connection = new MqttConnection(stream, options, queue, new RedeliveryFilter(), TimeProvider.System);
        using var done = new CancellationTokenSource();
        var running = connection.RunAsync(["load/none"], (_, _) => Task.CompletedTask, _ => { }, done.Token);
        for (var i = 0; i < updates; i++)
        {
            var topic = TwinAgent.Topic($"d{i % Devices}", "twin/update");
            var update = TwinAgent.Update($"p{i / Devices % PropertiesPerDevice}", $"{i}", $"{i}");
            queue.Add(PublishKind.Delta, topic, System.Text.Encoding.UTF8.GetBytes(update));
            if (i % 100 == 99)
            {
                connection.Wake();
                if (rate > 0 && i / (double)rate - clock.Elapsed.TotalSeconds is > 0 and var ahead)
                {
                    await Task.Delay(TimeSpan.FromSeconds(ahead));
                }
            }
        }

        connection.Wake();
        await Eventually.HoldsAsync("the broker has all updates", () => queue.Count == 0, TimeSpan.FromMinutes(5));
        var took = clock.Elapsed;
        await done.CancelAsync();
        await running.ContinueWith(_ => { }, TaskScheduler.Default);
        return took;
    }

    /// <summary>Only where somebody asks for figures.</summary>
    private sealed class MeasureFactAttribute : FactAttribute
    {
        public MeasureFactAttribute()
        {
            if (Environment.GetEnvironmentVariable("EDGESYNC_MEASURE") != "1" || MosquittoBroker.Missing is not null)
            {
                Skip = "a measurement: set EDGESYNC_MEASURE=1 (needs mosquitto)";
            }
        }
    }
}
