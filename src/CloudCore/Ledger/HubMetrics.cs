using EdgeSync.CloudCore.CloudHub;
using EdgeSync.Hosting;

namespace EdgeSync.CloudCore.Ledger;

/// <summary>
/// The hub's metrics. Those with a label <c>node</c> have series for the <see cref="MostNodes"/> nodes that matter most, so that the page stays
/// small however large the fleet: docs/metrics.md says what each means.
/// </summary>
internal static class HubMetrics
{
    /// <summary>Series of one metric with a label for nodes.</summary>
    private const int MostNodes = 100;

    private static readonly string[] s_states = ["Connected", "Elsewhere", "Away", "Never"];

    public static void Describe(
        MetricsPage page, SessionRegistry sessions, NodeLedger ledger, OutageTotals outages, NodesView nodes, Func<bool> isReady)
    {
        page.Gauge("edgesync_hub_ready", "1 once the hub has read the API and takes nodes.", () => isReady() ? 1 : 0);
        page.Gauge("edgesync_hub_sessions", "Nodes that are connected now.", () => sessions.Live.Count);
        page.GaugeBy(
            "edgesync_hub_nodes", "Nodes by the state of their link: connected, elsewhere (at another replica), away (was heard), never (was not).", "state", () => States(nodes));
        DescribeSync(page, sessions, ledger.Totals);
        DescribeNodes(page, sessions, nodes);
        DescribeOutages(page, outages);
    }

    private static void DescribeSync(MetricsPage page, SessionRegistry sessions, LedgerTotals totals)
    {
        page.Gauge(
            "edgesync_hub_pending_objects", "Objects that connected nodes do not hold as they should.", () => sessions.Live.Sum(s => (double)s.PendingCount));
        page.Gauge("edgesync_hub_pending_bytes", "Bytes of those objects.", () => sessions.Live.Sum(s => (double)s.PendingBytes));
        page.Histogram(
            "edgesync_hub_lag_seconds", "From a change being seen by the hub to its acknowledgement by a connected node.", LagHistogram.Bounds,
            () => (totals.Lag.Counts(), totals.Lag.Sum));
        page.Counter("edgesync_hub_connects_total", "Sessions that have begun.", () => totals.Connects);
        page.Counter(
            "edgesync_hub_sent_bytes_total", "Bytes of messages sent to nodes, before TLS.", () => totals.EndedBytesSent + sessions.Live.Sum(s => (double)s.BytesSent));
        page.Counter(
            "edgesync_hub_received_bytes_total", "Bytes of messages received from nodes, before TLS.",
            () => totals.EndedBytesReceived + sessions.Live.Sum(s => (double)s.BytesReceived));
        page.Counter(
            "edgesync_hub_resent_total", "Messages that were sent again because no acknowledgement came.",
            () => totals.EndedResent + sessions.Live.Sum(s => (double)s.ResentCount));
        page.Counter("edgesync_hub_store_errors_total", "Objects that nodes answered they could not store.", () => totals.StoreErrors);
    }

    private static void DescribeNodes(MetricsPage page, SessionRegistry sessions, NodesView nodes)
    {
        page.GaugeBy(
            "edgesync_hub_node_pending_objects", "Objects that a connected node does not hold as it should, for the 100 nodes with the most.", "node",
            () => sessions.Live.Select(s => (s.Node, Value: (double)s.PendingCount)).Where(s => s.Value > 0).OrderByDescending(s => s.Value).Take(MostNodes));
        page.GaugeBy(
            "edgesync_hub_node_away_seconds", "Time since a node that is away was last heard, for the 100 nodes that left last.", "node",
            () => nodes.AwayFor().OrderBy(n => n.Seconds).Take(MostNodes));
        page.Gauge(
            "edgesync_hub_longest_silence_seconds", "The longest time for which a connected node was not heard.",
            () => sessions.Live.Select(s => s.Silence.TotalSeconds).DefaultIfEmpty(0).Max());
        page.Gauge(
            "edgesync_hub_edge_dropped_messages", "Upstream messages that the agents of connected nodes have dropped, by their own count.",
            () => nodes.DroppedByEdges());
    }

    private static void DescribeOutages(MetricsPage page, OutageTotals outages)
    {
        page.Counter("edgesync_hub_outages_total", "Outages (outageReportAfter and longer) that have ended with the node in sync.", () => outages.Ended);
        page.Counter("edgesync_hub_outage_seconds_total", "Time for which those nodes were not heard.", () => outages.Seconds);
        page.Counter("edgesync_hub_outage_applied_total", "Objects that nodes took after outages.", () => outages.Applied);
        page.Counter("edgesync_hub_outage_superseded_total", "Versions that newer ones took the place of during outages.", () => outages.Superseded);
        page.Counter("edgesync_hub_outage_lost_total", "Messages that agents dropped during the outages that were told.", () => outages.Lost);
        page.Counter("edgesync_hub_outage_restarted_pods_total", "Pods that were restarted during the outages that were told.", () => outages.PodsRestarted);
        page.Counter("edgesync_hub_outage_events_total", "Outages that were told as an Event on their Node.", () => outages.Events);
        page.Counter("edgesync_hub_outage_untold_total", "Outages that were only counted: too many at once, or the API did not take the Event.", () => outages.LeftOut);
    }

    private static IEnumerable<(string, double)> States(NodesView nodes)
    {
        var counts = nodes.CountStates();
        return s_states.Select(s => (s.ToLowerInvariant(), (double)counts.GetValueOrDefault(s)));
    }
}
