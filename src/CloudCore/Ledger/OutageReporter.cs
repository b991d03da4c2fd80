using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.CloudHub.Upstream;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Hosting;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Ledger;

/// <summary>
/// Tells of ended outages: a log line, and an Event on the Node, one Event object for each node whose count grows. When a
/// fleet comes back at once, some are told one by one and the rest are counted.
/// </summary>
internal sealed partial class OutageReporter(KubeClient api, TimeProvider time, ILogger<OutageReporter> logger) : BackgroundService
{
    /// <summary>Events in a row; afterwards one each <see cref="s_eventEvery"/>.</summary>
    private const int Burst = 20;

    private const int MaxWaiting = 20_000;
    private static readonly TimeSpan s_eventEvery = TimeSpan.FromSeconds(3);

    /// <summary>A node sends its own figures when its outbox is empty; so long they are waited for.</summary>
    private static readonly TimeSpan s_reportWait = TimeSpan.FromSeconds(20);

    private readonly ConcurrentQueue<EndedOutage> _offered = new();
    private readonly WakeSignal _wake = new();
    private double _tokens = Burst; // the loop's
    private long _tokensAt; // the loop's
    private int _leftOut; // the loop's

    /// <summary>What became of outages, for the metrics page.</summary>
    public OutageTotals Totals { get; } = new();

    /// <summary>An outage has ended. Never blocks; of too many the figures are counted and nothing else is told.</summary>
    public void Offer(EndedOutage ended)
    {
        Totals.Count(ended);
        if (_offered.Count >= MaxWaiting)
        {
            Totals.LeaveOut();
            return;
        }

        _offered.Enqueue(ended);
        _wake.Set();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var waiting = new List<EndedOutage>();
        _tokensAt = time.GetTimestamp();
        while (true)
        {
            while (_offered.TryDequeue(out var ended))
            {
                waiting.Add(ended);
            }

            foreach (var ended in waiting.Where(IsReady).ToList())
            {
                waiting.Remove(ended);
                await TellAsync(ended, stoppingToken);
            }

            TellLeftOut(waiting.Count == 0);
            await _wake.WaitAsync(waiting.Count > 0 ? TimeSpan.FromMilliseconds(500) : Timeout.InfiniteTimeSpan, stoppingToken);
        }
    }

    private bool IsReady(EndedOutage ended) =>
        ended.Record.State.Report is not null || ended.Record.State.Extended == false || time.GetUtcNow() - ended.CaughtUpAt > s_reportWait;

    private async Task TellAsync(EndedOutage ended, CancellationToken cancellationToken)
    {
        if (!TakeToken())
        {
            _leftOut++;
            Totals.LeaveOut();
            return;
        }

        var node = ended.Record.Node;
        var lost = ended.Record.State.Report?.Lost;
        try
        {
            var pods = await api.ListAsync(
                ApiResources.Pods, null, new ListOptions { FieldSelector = $"spec.nodeName={node}" }, cancellationToken);
            var restarted = PodRestarts.Restarted(ended.Outage.Restarts, PodRestarts.Count(pods.Items));
            Totals.Restarted(restarted, lost ?? 0);
            var text = Describe(ended, lost, restarted);
            LogRestored(node, text);
            await WriteEventAsync(node, text, warn: lost > 0, cancellationToken);
            Totals.EventWritten();
        }
        catch (Exception e) when (e is ApiException or KubeObjectException)
        {
            Totals.LeaveOut();
            LogFailed(node, e.Message);
        }
    }

    internal static string Describe(EndedOutage ended, long? lost, int restarted)
    {
        var outage = ended.Outage;
        var superseded = ended.Superseded is { } count ? $"{count} superseded" : "superseded ones not known, this hub did not have the node before";
        var gone = lost is { } known ? $"{known} lost" : "lost ones not known, the agent did not say";
        return $"the link was down for {Ago.Text(outage.Duration)} (since {KubeTime.Format(outage.Since)}): "
            + $"{ended.Applied} updates applied, {superseded}, {gone}, {restarted} pods restarted meanwhile";
    }

    private void TellLeftOut(bool idle)
    {
        if (_leftOut > 0 && idle)
        {
            LogLeftOut(_leftOut);
            _leftOut = 0;
        }
    }

    private bool TakeToken()
    {
        var now = time.GetTimestamp();
        _tokens = Math.Min(Burst, _tokens + (time.GetElapsedTime(_tokensAt, now) / s_eventEvery));
        _tokensAt = now;
        if (_tokens < 1)
        {
            return false;
        }

        _tokens--;
        return true;
    }

    private async Task WriteEventAsync(string node, string text, bool warn, CancellationToken cancellationToken)
    {
        const string Namespace = "default"; // where Kubernetes keeps events of objects without one
        var name = node + ".linkrestored";
        var now = KubeTime.Format(time.GetUtcNow());
        var change = new JsonObject
        {
            ["message"] = char.ToUpperInvariant(text[0]) + text[1..],
            ["type"] = warn ? "Warning" : "Normal",
            ["lastTimestamp"] = now,
        };
        if (await api.GetAsync(ApiResources.Events, Namespace, name, cancellationToken) is { } earlier)
        {
            change["count"] = ((int?)JsonNode.Parse(earlier.Json.Span)!["count"] ?? 1) + 1;
            await api.PatchAsync(ApiResources.Events, Namespace, name, PatchType.Merge, ObjectContent.Bytes(change), null, cancellationToken);
            return;
        }

        var known = await api.GetAsync(ApiResources.Nodes, "", node, cancellationToken);
        change["apiVersion"] = "v1";
        change["kind"] = "Event";
        change["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = Namespace };
        change["involvedObject"] = new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Node",
            ["name"] = node,
            ["uid"] = known?.Uid ?? node,
        };
        change["reason"] = "LinkRestored";
        change["source"] = new JsonObject { ["component"] = "cloudcore" };
        change["reportingComponent"] = "cloudcore";
        change["firstTimestamp"] = now;
        change["count"] = 1;
        await api.CreateAsync(ApiResources.Events, Namespace, ObjectContent.Bytes(change), cancellationToken);
    }

    [LoggerMessage(LogLevel.Information, "Node {Node} is back and in sync; {Text}")]
    private partial void LogRestored(string node, string text);

    [LoggerMessage(LogLevel.Warning, "{Count} more nodes came back from an outage; they are counted and not told one by one")]
    private partial void LogLeftOut(int count);

    [LoggerMessage(LogLevel.Warning, "The outage of node {Node} could not be told: {Text}")]
    private partial void LogFailed(string node, string text);
}
