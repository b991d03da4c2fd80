using EdgeSync.EdgeCore.EdgeHub;
using EdgeSync.EdgeCore.MetaManager;
using EdgeSync.Hosting;

namespace EdgeSync.EdgeCore;

/// <summary>The agent's metrics; docs/metrics.md says what each means.</summary>
internal static class EdgeMetrics
{
    public static MetricsPage Page(EdgeHubService hub, LinkJournal link, Outbox outbox, MetaManager.MetaManager objects)
    {
        var page = new MetricsPage();
        page.Gauge("edgesync_edge_connected", "1 while the hub is heard.", () => hub.IsConnected ? 1 : 0);
        page.Gauge("edgesync_edge_link_down_seconds", "For how long there has been no link; 0 while there is one.", () => link.DownFor.TotalSeconds);
        page.Counter("edgesync_edge_connects_total", "Links that came up.", () => link.Connects);
        page.Counter("edgesync_edge_sent_bytes_total", "Bytes of messages sent to the hub, before TLS.", () => hub.Bytes.Sent);
        page.Counter("edgesync_edge_received_bytes_total", "Bytes of messages received from the hub, before TLS.", () => hub.Bytes.Received);
        page.Gauge("edgesync_edge_objects", "Objects of the hub that are stored on this node.", () => objects.Snapshot().Count);
        page.Counter("edgesync_edge_stored_total", "Updates and deletes of the hub that were stored.", () => link.StoredCount);
        page.Counter("edgesync_edge_store_errors_total", "Updates and deletes of the hub that could not be stored; they come again.", () => link.StoreErrors);
        page.Gauge("edgesync_edge_outbox_messages", "Messages that the hub has not confirmed.", () => outbox.Count);
        page.Gauge("edgesync_edge_outbox_bytes", "Bytes of their contents.", () => outbox.Bytes);
        page.Counter("edgesync_edge_delivered_total", "Messages that the hub has taken.", () => link.Delivered);
        page.Counter(
            "edgesync_edge_events_dropped_total", "Events that had to go because too much waited, since the database was made.",
            () => outbox.DroppedOf(OutboxKind.Event));
        page.Counter(
            "edgesync_edge_routed_dropped_total", "Routed messages that had to go, or were too long, since the database was made.",
            () => outbox.DroppedOf(OutboxKind.Routed));
        page.Counter("edgesync_edge_refused_total", "Messages that the API refused for good.", () => hub.RejectedCount);
        return page;
    }
}
