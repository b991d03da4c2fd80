using EdgeSync.Protocol.Sync;

namespace EdgeSync.Protocol.Tests.Sync;

public sealed class OutboxIndexTests
{
    private readonly OutboxIndex _index = new(new OutboxLimits { MaxBytes = 1_000, MaxEvents = 3, MaxRouted = 5 });
    private long _seq;

    [Fact]
    public void The_last_value_takes_the_place_of_the_one_before_and_goes_behind_the_others()
    {
        Put("status/a", OutboxKind.LastValue);
        Put("status/b", OutboxKind.LastValue);
        Put("status/a", OutboxKind.LastValue);

        Assert.Equal([("status/b", 2L), ("status/a", 3L)], Next().Select(i => (i.Key, i.Seq)));
        Assert.Equal(2, _index.Count);
    }

    [Fact]
    public void Of_each_key_the_oldest_is_next_and_a_busy_key_holds_up_no_other()
    {
        Put("bus/a", OutboxKind.Routed);
        Put("bus/a", OutboxKind.Routed);
        Put("bus/b", OutboxKind.Routed);
        Assert.Equal([1L, 3L], Next().Select(i => i.Seq));
        Assert.Equal([3L], Next("bus/a").Select(i => i.Seq));

        _index.Remove("bus/a", 1);
        Assert.Equal([2L, 3L], Next().Select(i => i.Seq));
    }

    [Fact]
    public void Earlier_lanes_are_next_first_and_room_is_counted_over_the_lanes()
    {
        Put("bus/a", OutboxKind.Routed);
        Put("twin/a", OutboxKind.LastValue, lane: Lane.Twins);
        Put("node", OutboxKind.LastValue, lane: Lane.Control);

        Assert.Equal(["node", "twin/a"], _index.Next(_ => 2, _ => false).Select(i => i.Key));
        Assert.Equal(["node"], _index.Next(lane => lane == Lane.Control ? 5 : 1, _ => false).Select(i => i.Key));
    }

    [Fact]
    public void Too_many_events_cost_the_oldest_event_and_too_many_routed_messages_the_oldest_of_those()
    {
        for (var i = 0; i < 3; i++)
        {
            Assert.Empty(Put($"event/{i}", OutboxKind.Event));
        }

        Assert.Equal([1L], Put("event/3", OutboxKind.Event).Select(d => d.Seq));
        for (var i = 0; i < 5; i++)
        {
            Assert.Empty(Put("bus/a", OutboxKind.Routed));
        }

        Assert.Equal([5L], Put("bus/b", OutboxKind.Routed).Select(d => d.Seq));
        Assert.Equal((3, 5), (_index.CountOf(OutboxKind.Event), _index.CountOf(OutboxKind.Routed)));
    }

    [Fact]
    public void Of_too_many_bytes_events_go_first_then_routed_messages_and_never_a_last_value()
    {
        Put("bus/a", OutboxKind.Routed, 200);
        Put("event/1", OutboxKind.Event, 200);
        Put("status/a", OutboxKind.LastValue, 300);
        Put("bus/b", OutboxKind.Routed, 200);

        Assert.Equal(["event/1"], Put("bus/c", OutboxKind.Routed, 200).Select(d => d.Key));
        Assert.Equal(["bus/a", "bus/b"], Put("status/b", OutboxKind.LastValue, 500).Select(d => d.Key));
        Assert.Equal(["bus/c"], Put("status/c", OutboxKind.LastValue, 900).Select(d => d.Key));
        Assert.Equal(["bus/d"], Put("bus/d", OutboxKind.Routed, 1).Select(d => d.Key));
        Assert.Equal(["status/a", "status/b", "status/c"], Next().Select(i => i.Key));
        Assert.Equal(1_700, _index.Bytes);
    }

    [Fact]
    public void What_was_replaced_or_dropped_is_not_removed_a_second_time()
    {
        Put("status/a", OutboxKind.LastValue);
        Put("status/a", OutboxKind.LastValue);
        _index.Remove("status/a", 1);
        _index.Remove("status/x", 1);

        Assert.Equal(2L, Assert.Single(Next()).Seq);
    }

    private IReadOnlyList<OutboxItem> Put(string key, OutboxKind kind, int bytes = 1, Lane lane = Lane.Bulk) =>
        _index.Put(new OutboxItem(key, ++_seq, lane, kind, bytes));

    private IReadOnlyList<OutboxItem> Next(params string[] busy) => _index.Next(_ => 100, busy.Contains);
}
