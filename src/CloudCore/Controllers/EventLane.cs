using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers;

/// <summary>Writes one after the other the Events of every fourth object.</summary>
internal sealed partial class EventLane : IDisposable
{
    private const int Burst = 25;
    private const int MostRemembered = 1024;
    private const int LongestMessage = 1024;
    private static readonly TimeSpan s_oneEvery = TimeSpan.FromMinutes(5);

    private readonly KubeClient _client;
    private readonly Action _noteLost;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Channel<Entry> _waiting;

    // only the writing loop touches these
    private readonly Dictionary<Entry, (string Name, int Count)> _written = [];
    private readonly Queue<Entry> _order = new();
    private readonly Dictionary<string, (double Tokens, long At)> _tokens = [];

    public EventLane(KubeClient client, Action noteLost, TimeProvider time, ILogger logger, int mostWaiting)
    {
        _client = client;
        _noteLost = noteLost;
        _time = time;
        _logger = logger;

        // what is lost when nobody keeps up is what is oldest: the newest says how things stand
        _waiting = Channel.CreateBounded<Entry>(
            new BoundedChannelOptions(mostWaiting) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true }, _ => noteLost());
    }

    /// <inheritdoc cref="EventRecorder.Record"/>
    public void Add(string component, EventSubject subject, bool isWarning, string reason, string message) =>
        _waiting.Writer.TryWrite(new Entry(component, subject, isWarning, reason, message.Length > LongestMessage ? message[..LongestMessage] : message));

    /// <summary>Writes until cancelled.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        try
        {
            await foreach (var entry in _waiting.Reader.ReadAllAsync(ct))
            {
                await WriteAsync(entry, ct);
            }
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // asked to stop
        }
    }

    public void Dispose() => _waiting.Writer.TryComplete();

    private async Task WriteAsync(Entry entry, CancellationToken ct)
    {
        if (!TakeToken(entry.Subject.Uid))
        {
            return;
        }

        try
        {
            if (_written.TryGetValue(entry, out var known))
            {
                _written[entry] = known with { Count = known.Count + 1 };
                if (await CountUpAsync(entry, known.Name, known.Count + 1, ct))
                {
                    return;
                }
            }

            var name = $"{entry.Subject.Name.Name}.{_time.GetUtcNow().UtcTicks.ToString("x", CultureInfo.InvariantCulture)}";
            await _client.CreateAsync(ApiResources.Events, entry.Namespace, Write(entry, name), ct);
            Remember(entry, name);
        }
        catch (ApiException e)
        {
            // a namespace that is going takes no more of them; nothing depends on one
            _noteLost();
            LogLost(entry.Reason, entry.Subject.Name, e.Message);
        }
    }

    // false where the Event has been removed meanwhile
    private async Task<bool> CountUpAsync(Entry entry, string name, int count, CancellationToken ct)
    {
        try
        {
            var patch = new JsonObject { ["count"] = count, ["lastTimestamp"] = KubeTime.Format(_time.GetUtcNow()) };
            await _client.PatchAsync(
                ApiResources.Events, entry.Namespace, name, PatchType.Merge, Encoding.UTF8.GetBytes(patch.ToJsonString()), null, ct);
            return true;
        }
        catch (ApiException e) when (e.IsNotFound)
        {
            return false;
        }
    }

    private byte[] Write(Entry entry, string name)
    {
        var now = KubeTime.Format(_time.GetUtcNow());
        var about = new JsonObject
        {
            ["apiVersion"] = entry.Subject.ApiVersion,
            ["kind"] = entry.Subject.Kind,
            ["name"] = entry.Subject.Name.Name,
            ["uid"] = entry.Subject.Uid,
        };
        if (entry.Subject.Name.Namespace.Length > 0)
        {
            about["namespace"] = entry.Subject.Name.Namespace;
        }

        return Encoding.UTF8.GetBytes(new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Event",
            ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = entry.Namespace },
            ["involvedObject"] = about,
            ["type"] = entry.IsWarning ? "Warning" : "Normal",
            ["reason"] = entry.Reason,
            ["message"] = entry.Message,
            ["source"] = new JsonObject { ["component"] = entry.Component },
            ["reportingComponent"] = entry.Component,
            ["firstTimestamp"] = now,
            ["lastTimestamp"] = now,
            ["count"] = 1,
        }.ToJsonString());
    }

    private void Remember(Entry entry, string name)
    {
        if (_written.TryAdd(entry, (name, 1)))
        {
            _order.Enqueue(entry);
        }
        else
        {
            _written[entry] = (name, 1);
        }

        if (_order.Count > MostRemembered)
        {
            _written.Remove(_order.Dequeue());
        }
    }

    private bool TakeToken(string uid)
    {
        if (_tokens.Count > MostRemembered)
        {
            // those that have all their tokens again need not be remembered; where that is not enough, all begin anew
            foreach (var full in _tokens.Where(pair => pair.Value.Tokens + (_time.GetElapsedTime(pair.Value.At) / s_oneEvery) >= Burst).Select(pair => pair.Key).ToList())
            {
                _tokens.Remove(full);
            }

            if (_tokens.Count > MostRemembered)
            {
                _tokens.Clear();
            }
        }

        var (tokens, at) = _tokens.TryGetValue(uid, out var known) ? known : (Burst, _time.GetTimestamp());
        tokens = Math.Min(Burst, tokens + (_time.GetElapsedTime(at) / s_oneEvery));
        var taken = tokens >= 1;
        _tokens[uid] = (taken ? tokens - 1 : tokens, _time.GetTimestamp());
        return taken;
    }

    private sealed record Entry(string Component, EventSubject Subject, bool IsWarning, string Reason, string Message)
    {
        /// <summary>Where Kubernetes keeps events: beside the object, or in default for those without a namespace.</summary>
        public string Namespace => Subject.Name.Namespace.Length > 0 ? Subject.Name.Namespace : "default";
    }

    [LoggerMessage(LogLevel.Debug, "Event {Reason} about {Subject} is lost: {Error}")]
    private partial void LogLost(string reason, NamespacedName subject, string error);
}
