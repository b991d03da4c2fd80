using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;

namespace EdgeSync.TestKit;

/// <summary>An MQTT client as a device's mapper would be one: the real mosquitto_pub and mosquitto_sub.</summary>
public sealed class ProgramsMqtt(int port)
{
    public static string TwinTopic(string @namespace, string device) => $"$hw/events/device/{@namespace}/{device}/twin";

    /// <summary>Publishes with QoS 1: when this returns, the broker has the message.</summary>
    public async Task PublishAsync(string topic, string payload) =>
        // -n: an empty message, which -s refuses
        (await ProgramsCommand.RunAsync(
            "mosquitto_pub", [.. Broker, "-q", "1", "-t", topic, payload.Length == 0 ? "-n" : "-s"], input: payload)).Expect();

    /// <summary>Publishes many messages to one topic over one connection, in order; none may hold a line end.</summary>
    public async Task PublishLinesAsync(string topic, IEnumerable<string> payloads) =>
        (await ProgramsCommand.RunAsync(
            "mosquitto_pub", [.. Broker, "-q", "1", "-t", topic, "-l"], input: string.Join('\n', payloads) + "\n", limit: TimeSpan.FromMinutes(2)))
            .Expect();

    /// <summary>A mapper's report: what the device's properties are.</summary>
    public Task ReportAsync(string @namespace, string device, params (string Property, string Value)[] values) =>
        PublishAsync(TwinTopic(@namespace, device) + "/update", Report(values));

    public static string Report(params (string Property, string Value)[] values)
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        var twin = new JsonObject();
        foreach (var (property, value) in values)
        {
            twin[property] = new JsonObject
            {
                ["actual"] = new JsonObject { ["value"] = value, ["metadata"] = new JsonObject { ["timestamp"] = now } },
                ["metadata"] = new JsonObject { ["type"] = "string" },
            };
        }

        return new JsonObject { ["event_id"] = "", ["timestamp"] = now, ["twin"] = twin }.ToJsonString();
    }

    /// <summary>Asks over MQTT as an app on the box does, and gives the answer.</summary>
    public async Task<JsonNode> AskAsync(string ask, string answer, string payload, TimeSpan? limit = null)
    {
        await using var listener = await ListenAsync(answer);
        await PublishAsync(ask, payload);
        return JsonNode.Parse(await listener.NextAsync(limit))!;
    }

    /// <summary>Subscribes; what comes from now on is kept.</summary>
    public async Task<Listener> ListenAsync(params string[] topics)
    {
        var listener = new Listener(ProgramsCommand.StartInfo(
            // -d says when the subscription stands (what is published before is lost), stdbuf lets it say so at once
            "stdbuf",
            ["-oL", "mosquitto_sub", "-d", .. Broker, "-q", "1", "-F", Listener.Mark + "%t %p", .. topics.SelectMany(t => (string[])["-t", t])],
            environment: null));
        await listener.SubscribedAsync();
        return listener;
    }

    private string[] Broker => ["-h", "127.0.0.1", "-p", port.ToString(CultureInfo.InvariantCulture)];

    /// <summary>A running mosquitto_sub and the messages that it got, in order.</summary>
    public sealed class Listener : IAsyncDisposable
    {
        internal const string Mark = "message ";

        private readonly Process _process;
        private readonly TaskCompletionSource _subscribed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly SemaphoreSlim _arrived = new(0);
        private readonly ConcurrentQueue<(string Topic, string Payload)> _messages = new();
        private readonly Task _reading;

        internal Listener(ProcessStartInfo start)
        {
            _process = Process.Start(start) ?? throw new InvalidOperationException("mosquitto_sub did not start");
            _reading = ReadAsync();
        }

        /// <summary>All messages so far that were not taken by <see cref="NextAsync"/>.</summary>
        public IReadOnlyList<(string Topic, string Payload)> Messages => [.. _messages];

        /// <summary>The next message's payload.</summary>
        public async Task<string> NextAsync(TimeSpan? limit = null)
        {
            var wait = limit ?? TimeSpan.FromSeconds(10);
            return await _arrived.WaitAsync(wait) && _messages.TryDequeue(out var message)
                ? message.Payload
                : throw new TimeoutException($"no MQTT message within {wait.TotalSeconds:0.#} s");
        }

        public async ValueTask DisposeAsync()
        {
            _process.Kill();
            await _process.WaitForExitAsync();
            await _reading;
            _process.Dispose();
            _arrived.Dispose();
        }

        internal Task SubscribedAsync() => _subscribed.Task.WaitAsync(TimeSpan.FromSeconds(10));

        private async Task ReadAsync()
        {
            while (await _process.StandardOutput.ReadLineAsync() is { } line)
            {
                if (line.StartsWith("Subscribed", StringComparison.Ordinal))
                {
                    _subscribed.TrySetResult();
                }
                else if (line.StartsWith(Mark, StringComparison.Ordinal))
                {
                    var text = line[Mark.Length..];
                    var space = text.IndexOf(' ', StringComparison.Ordinal);
                    _messages.Enqueue((text[..space], text[(space + 1)..]));
                    _arrived.Release();
                }
            }

            _subscribed.TrySetException(new IOException("mosquitto_sub ended: " + await _process.StandardError.ReadToEndAsync()));
        }
    }
}
