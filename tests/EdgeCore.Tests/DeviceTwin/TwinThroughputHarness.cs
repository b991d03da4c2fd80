using System.Diagnostics;
using System.Net;
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
/// through the real broker with QoS 1; mosquitto_pub, the broker and the agent share the machine.
/// </summary>
public sealed class TwinThroughputHarness(ITestOutputHelper output)
{
    private const int Devices = 10;
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
        using (var warming = new CancellationTokenSource(TimeSpan.FromSeconds(2)))
        {
            await QueryAsync(server.Urls.First(), warming.Token);
        }

        using (var quiet = new CancellationTokenSource(TimeSpan.FromSeconds(3)))
        {
            Report("before", await QueryAsync(server.Urls.First(), quiet.Token));
        }

        var querying = QueryAsync(server.Urls.First(), stop.Token);
        var brokerBefore = rig.Broker.ProcessorTime;
        var clock = Stopwatch.StartNew();
        var sent = await GenerateAsync(rig.Broker, updates, rate);
        await Eventually.HoldsAsync("all updates are durable", () => rig.Agent.Twins.Accepted >= updates, TimeSpan.FromMinutes(5));
        var took = clock.Elapsed;
        await stop.CancelAsync();
        var latencies = await querying;
        for (var i = 0; i < Devices * PropertiesPerDevice; i++)
        {
            var expected = updates - (Devices * PropertiesPerDevice) + i;
            Assert.Equal($"{expected}", rig.Agent.Reported($"d{expected % Devices}", $"p{expected / Devices % PropertiesPerDevice}"));
        }

        output.WriteLine($"{updates} updates: acknowledged by the broker after {sent.TotalSeconds:0.00} s, durable after {took.TotalSeconds:0.00} s: {updates / took.TotalSeconds:0}/s");
        Report("meanwhile", latencies);
        output.WriteLine($"dropped: {rig.Agent.Mqtt.Dropped(PublishKind.Document)} documents, {rig.Agent.Mqtt.Dropped(PublishKind.Result)} results");
        output.WriteLine($"processor time of this process (agent and test): {Environment.CpuUsage.TotalTime.TotalSeconds:0.0} s, of the broker: {(rig.Broker.ProcessorTime - brokerBefore).TotalSeconds:0.0} s");
    }

    private void Report(string when, List<TimeSpan> latencies)
    {
        latencies.Sort();
        output.WriteLine($"{latencies.Count} queries {when}: p50 {At(0.5):0.00} ms, p99 {At(0.99):0.00} ms, max {At(1):0.00} ms");

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

    /// <summary>One mosquitto_pub for each device, QoS 1; returns when the broker has confirmed all.</summary>
    private static async Task<TimeSpan> GenerateAsync(MosquittoBroker broker, int updates, int rate)
    {
        var clock = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, Devices).Select(d => broker.PublishAsync(TwinAgent.Topic($"d{d}", "twin/update"), Lines(d), deadline: TimeSpan.FromMinutes(5))));
        return clock.Elapsed;

        async IAsyncEnumerable<string> Lines(int device)
        {
            for (var i = device; i < updates; i += Devices)
            {
                if (rate > 0 && (i / (double)rate) - clock.Elapsed.TotalSeconds is > 0 and var ahead)
                {
                    await Task.Delay(TimeSpan.FromSeconds(ahead));
                }

                yield return TwinAgent.Update($"p{i / Devices % PropertiesPerDevice}", $"{i}", $"{i}");
            }
        }
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
