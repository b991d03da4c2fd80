using EdgeSync.EdgeCore.EventBus.Mqtt;

namespace EdgeSync.EdgeCore.Tests.EventBus;

public sealed class OutgoingQueueTests
{
    private static readonly MqttOptions s_options = new()
    {
        Host = "127.0.0.1",
        Port = 1,
        ClientId = "c",
        MaxOutgoing = 4,
        MaxOutgoingBytes = 100,
        MaxInFlight = 2,
    };

    [Fact]
    public void Messages_leave_in_their_order_whatever_their_kind()
    {
        var queue = new OutgoingQueue(s_options with { MaxInFlight = 10 });
        Add(queue, PublishKind.Result, "a", PublishKind.Document, "b", PublishKind.Delta, "c", PublishKind.Result, "d");
        Assert.Equal(["a", "b", "c", "d"], TakeAll(queue));
    }

    [Fact]
    public void A_full_queue_drops_the_oldest_document_then_results_then_deltas_and_counts_them()
    {
        var queue = new OutgoingQueue(s_options with { MaxInFlight = 10 });
        Add(queue, PublishKind.Delta, "1", PublishKind.Document, "2", PublishKind.Result, "3", PublishKind.Document, "4");
        Assert.False(queue.Add(PublishKind.Result, "5", default));
        Assert.False(queue.Add(PublishKind.Result, "6", default));
        Assert.False(queue.Add(PublishKind.Delta, "7", default));
        Assert.Equal((2, 1, 0), (queue.Dropped(PublishKind.Document), queue.Dropped(PublishKind.Result), queue.Dropped(PublishKind.Delta)));
        Assert.Equal(["1", "5", "6", "7"], TakeAll(queue));
    }

    [Fact]
    public void Bytes_are_limited_too()
    {
        var queue = new OutgoingQueue(s_options with { MaxInFlight = 10 });
        Assert.True(queue.Add(PublishKind.Result, "a", new byte[60]));
        Assert.False(queue.Add(PublishKind.Result, "b", new byte[60]));
        Assert.Equal(["b"], TakeAll(queue));
    }

    [Fact]
    public void No_more_is_in_flight_than_allowed_until_the_broker_confirms()
    {
        var queue = new OutgoingQueue(s_options);
        Add(queue, PublishKind.Result, "a", PublishKind.Result, "b", PublishKind.Result, "c");
        Assert.True(queue.TryTake(out var first));
        Assert.True(queue.TryTake(out _));
        Assert.False(queue.TryTake(out _));
        queue.Confirm(first.PacketId);
        queue.Confirm(999);
        Assert.True(queue.TryTake(out var third));
        Assert.Equal("c", third.Topic);
        Assert.NotEqual(0, third.PacketId);
    }

    [Fact]
    public void After_a_new_connection_the_unconfirmed_go_first_again_with_their_ids()
    {
        var queue = new OutgoingQueue(s_options);
        Add(queue, PublishKind.Result, "a", PublishKind.Result, "b", PublishKind.Result, "c");
        queue.TryTake(out var first);
        queue.TryTake(out var second);
        queue.Confirm(first!.PacketId);
        queue.Restart(sessionPresent: true);
        Assert.True(queue.TryTake(out var again));
        Assert.Equal(("b", second!.PacketId, true), (again.Topic, again.PacketId, again.Again));
        Assert.Equal(["c"], TakeAll(queue));
    }

    private static void Add(OutgoingQueue queue, params object[] kindsAndTopics)
    {
        foreach (var pair in kindsAndTopics.Chunk(2))
        {
            Assert.True(queue.Add((PublishKind)pair[0], (string)pair[1], default));
        }
    }

    private static List<string> TakeAll(OutgoingQueue queue)
    {
        var topics = new List<string>();
        while (queue.TryTake(out var item))
        {
            topics.Add(item.Topic);
        }

        return topics;
    }
}
