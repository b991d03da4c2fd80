using EdgeSync.Protocol.Sync;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.Protocol.Tests.Sync;

/// <summary>What the hub's half of the sync tells the ledger.</summary>
public sealed class HubSyncFactsTests
{
    private readonly HubSync _sync = new(new HubSyncOptions { IdPrefix = "s-", Window = 2, SlowestBytesPerSecond = 0 });

    public HubSyncFactsTests()
    {
        At(1_000);
        _sync.ReceiveInventory(new Message
        {
            Id = "inventory",
            Operation = Operations.Inventory,
            Resource = Operations.Inventory,
            Content = Inventory.Write([new InventoryItem(Key("held"), "u-held", Objects.ConfigMap("held", "u-held", "1").ContentHash)]),
        });
        _sync.Want(Key("held"), Objects.ConfigMap("held", "u-held", "1"));
        Assert.True(_sync.TryTake(1_000, 1_000, out _)); // the answer to the inventory
    }

    [Fact]
    public void What_an_inventory_named_is_held_since_then()
    {
        var facts = _sync.Find(Key("held"))!;

        Assert.Equal((false, 1_000L, "u-held"), (facts.IsPending, facts.HeldAt, facts.HeldUid));
        Assert.Null(facts.ChangedAt);
        Assert.Equal(facts.WantedVersion, facts.HeldVersion);
    }

    [Fact]
    public void A_change_is_timed_from_when_it_was_seen_to_its_acknowledgement()
    {
        At(2_000);
        _sync.Want(Key("held"), Objects.ConfigMap("held", "u-held", "2", "new"));
        Assert.Equal((true, 2_000L), (_sync.Find(Key("held"))!.IsPending, _sync.Find(Key("held"))!.ChangedAt!.Value));
        Assert.True(_sync.TryTake(2_300, 2_300, out var sent));
        Assert.Equal((2_300L, 1), (_sync.Find(Key("held"))!.SentAt!.Value, _sync.Find(Key("held"))!.Attempts));

        At(2_500);
        Assert.True(_sync.Acknowledge(sent.Id, out var acknowledged));

        Assert.Equal(new Acknowledged(Key("held"), 500), acknowledged);
        Assert.Equal((false, 2_500L), (_sync.Find(Key("held"))!.IsPending, _sync.Find(Key("held"))!.HeldAt));
    }

    [Fact]
    public void A_change_that_came_while_an_older_one_was_on_its_way_is_timed_by_itself()
    {
        At(2_000);
        _sync.Want(Key("a"), Objects.ConfigMap("a", "u", "1"));
        _sync.TryTake(2_000, 2_000, out var first);
        At(2_700);
        _sync.Want(Key("a"), Objects.ConfigMap("a", "u", "2", "new"));
        At(3_000);
        _sync.Acknowledge(first.Id, out var older);
        Assert.True(_sync.TryTake(3_000, 3_000, out var second));
        At(3_100);
        _sync.Acknowledge(second.Id, out var newer);

        Assert.Equal((1_000L, 400L), (older.LagMs, newer.LagMs));
    }

    [Fact]
    public void A_queued_object_knows_what_it_waits_for()
    {
        foreach (var name in (string[])["a", "b", "c", "d"])
        {
            _sync.Want(Key(name), Objects.ConfigMap(name, name, "1"));
        }

        _sync.TryTake(1_000, 1_000, out _);
        _sync.TryTake(1_000, 1_000, out _);

        var last = _sync.Find(Key("d"))!;
        Assert.Equal((2, 1), (last.InWindow, last.QueuedBefore));
        Assert.Null(last.SentAt);
    }

    [Fact]
    public void What_the_node_answered_is_known_until_it_has_stored_the_object()
    {
        _sync.Want(Key("a"), Objects.ConfigMap("a", "u", "1"));
        _sync.TryTake(1_000, 1_000, out var sent);

        Assert.True(_sync.Refuse(sent.Id, "disk full"));
        Assert.False(_sync.Refuse("s-999", "forged"));
        Assert.Equal("disk full", _sync.Find(Key("a"))!.LastError);
        Assert.True(_sync.TryTake(2_000, 2_000, out var again));
        _sync.Acknowledge(again.Id);
        Assert.Null(_sync.Find(Key("a"))!.LastError);
    }

    [Fact]
    public void Resends_and_pending_bytes_are_counted()
    {
        var wanted = Objects.ConfigMap("a", "u", "1");
        _sync.Want(Key("a"), wanted);
        _sync.TryTake(1_000, 1_000, out var sent);
        _sync.TryTake(6_000, 6_000, out _);

        Assert.Equal((1L, wanted.Json.Length), (_sync.ResentCount, _sync.PendingBytes));
        _sync.Acknowledge(sent.Id);
        Assert.Equal(0, _sync.PendingBytes);
    }

    [Fact]
    public void What_the_node_holds_is_told_with_its_content()
    {
        Assert.Equal(
            [new InventoryItem(Key("held"), "u-held", Objects.ConfigMap("held", "u-held", "1").ContentHash)], _sync.Held());
    }

    private static ObjectKey Key(string name) => new("default", ResourceTypes.ConfigMap, name);

    private void At(long ms) => _sync.SetTime(ms, ms);
}
