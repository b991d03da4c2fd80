using EdgeSync.EdgeCore.EventBus;
using EdgeSync.EdgeCore.Tests.DeviceTwin;
using EdgeSync.TestKit;

namespace EdgeSync.EdgeCore.Tests.EventBus;

public sealed class RoutedMessageTests
{
    private static readonly HashSet<long> s_none = [];

    [Fact]
    public async Task Of_too_many_messages_for_the_cloud_the_oldest_go_and_are_counted()
    {
        await using var rig = await TwinRig.WithoutBrokerAsync();
        var backlog = new RoutedBacklog(maxMessages: 10, maxBytes: 1000);
        for (var i = 0; i < 15; i++)
        {
            var dropped = await rig.Agent.Database.WriteAsync(s => backlog.Put(s, [Message(i, 10)]), CancellationToken.None);
            Assert.Equal(i < 10 ? 0 : 1, dropped);
        }

        Assert.Equal(
            Enumerable.Range(5, 10).Select(i => $"bus/{i}"), rig.Agent.Outbox.Next(100, s_none).Select(e => e.Message.Key));
        Assert.Equal(5, await rig.Agent.Database.WriteAsync(s => backlog.Put(s, [Message(99, 950)]), CancellationToken.None));

        static UpstreamMessage Message(int number, int length) =>
            new($"bus/{number}", Lane.Bulk, true, "bus", "user", "upload", $"{number}", new byte[length]);
    }

    [MosquittoFact]
    public async Task Messages_on_routed_topics_are_kept_for_the_cloud_each_and_in_order()
    {
        await using var rig = await TwinRig.StartedAsync();
        await rig.Broker.PublishAsync("thermo/user/data", ["one", "two \"quoted\" ü", "two \"quoted\" ü"]);
        await rig.Broker.PublishAsync("SYS/dis/upload_records", ["three"]);
        await rig.Broker.PublishAsync("$hw/events/upload/a/b", ["four"]);
        await rig.Broker.PublishAsync("other/topic", ["not routed"]);
        await rig.PublishUpdateAsync("p", "1");
        await Eventually.HoldsAsync("all are stored", () => rig.Agent.Outbox.Next(100, s_none).Count == 6);
        var entries = rig.Agent.Outbox.Next(100, s_none).Select(e => e.Message).Where(m => m.Lane == Lane.Bulk).ToList();
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
        await Eventually.HoldsAsync("the next one is stored", () => rig.Agent.Outbox.Next(100, s_none).Count == 1);
        Assert.Equal(1, rig.Agent.Bus.Lost);
    }
}
