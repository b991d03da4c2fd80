using EdgeSync.EdgeCore.Tests.DeviceTwin;
using EdgeSync.EdgeCore.Tests.Outboxes;
using EdgeSync.TestKit;

namespace EdgeSync.EdgeCore.Tests.EventBus;

public sealed class RoutedMessageTests
{
    private static readonly List<string> s_topics = ["thermo/user/data", "SYS/dis/upload_records", "$hw/events/upload/a/b"];

    [MosquittoFact]
    public async Task Messages_on_routed_topics_are_kept_for_the_cloud_each_and_in_order()
    {
        await using var rig = await TwinRig.StartedAsync();
        await rig.Broker.PublishAsync("thermo/user/data", ["one", "two \"quoted\" ü", "two \"quoted\" ü"]);
        await rig.Broker.PublishAsync("SYS/dis/upload_records", ["three"]);
        await rig.Broker.PublishAsync("$hw/events/upload/a/b", ["four"]);
        await rig.Broker.PublishAsync("other/topic", ["not routed"]);
        await rig.PublishUpdateAsync("p", "1");
        await Eventually.HoldsAsync("all are stored", () => rig.Agent.Outbox.Count == 6);
        var entries = (await rig.Agent.Outbox.DrainAsync()).Select(e => e.Message).Where(m => m.Lane == Lane.Bulk).OrderBy(m => s_topics.IndexOf(m.Resource)).ToList();
        Assert.All(entries, m => Assert.Equal(("bus", "user", "upload", true), (m.Source, m.Group, m.Operation, m.Each)));
        Assert.Equal(
            [
                ("thermo/user/data", "\"one\""), ("thermo/user/data", "\"two \\\"quoted\\\" ü\""), ("thermo/user/data", "\"two \\\"quoted\\\" ü\""),
                ("SYS/dis/upload_records", "\"three\""), ("$hw/events/upload/a/b", "\"four\""),
            ],
            entries.Select(m => (m.Resource, System.Text.Encoding.UTF8.GetString(m.Content!))));
    }

    [MosquittoFact]
    public async Task A_routed_message_that_is_too_long_is_counted_and_does_not_stop_the_others()
    {
        await using var rig = await TwinRig.StartedAsync();
        await rig.Broker.PublishFileAsync("thermo/user/data", new byte[5 * 1024 * 1024]);
        await rig.Broker.PublishAsync("thermo/user/data", ["after"]);
        await Eventually.HoldsAsync("the next one is stored", () => rig.Agent.Outbox.Count == 1);
        Assert.Equal(1, rig.Agent.Outbox.DroppedOf(OutboxKind.Routed));
    }
}
