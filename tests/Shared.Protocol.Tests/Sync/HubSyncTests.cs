using EdgeSync.Protocol.Sync;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.Protocol.Tests.Sync;

public sealed class HubSyncTests
{
    private readonly HubSync _sync = new(new HubSyncOptions { IdPrefix = "s-", Window = 2, SlowestBytesPerSecond = 0 });

    [Fact]
    public void Nothing_is_sent_before_the_edge_has_said_what_it_holds()
    {
        _sync.Want(Key("a"), Objects.ConfigMap("a", "u1", "1"));

        Assert.Empty(Take());
        ReceiveInventory();
        Assert.Equal(Operations.Insert, Assert.Single(Take()).Operation);
    }

    [Fact]
    public void What_the_edge_holds_already_is_not_sent_again_and_what_is_gone_is_deleted_by_uid()
    {
        var same = Objects.ConfigMap("same", "u1", "1");
        var changed = Objects.ConfigMap("changed", "u2", "5", "new");
        _sync.Want(Key("same"), same);
        _sync.Want(Key("changed"), changed);
        ReceiveInventory(
            new(Key("same"), "u1", same.ContentHash),
            new(Key("changed"), "u2", Objects.ConfigMap("changed", "u2", "4", "old").ContentHash),
            new(Key("gone"), "u3", 77));

        var sent = Take().OrderBy(m => m.Resource).ToList();

        Assert.Equal(["default/configmap/changed", "default/configmap/gone"], sent.Select(m => m.Resource));
        Assert.Equal([Operations.Update, Operations.Delete], sent.Select(m => m.Operation));
        Assert.Contains("u3", System.Text.Encoding.UTF8.GetString(sent[1].Content.Span), StringComparison.Ordinal);
    }

    [Fact]
    public void A_slow_edge_receives_only_the_newest_version()
    {
        ReceiveInventory();
        _sync.Want(Key("a"), Objects.ConfigMap("a", "u", "1", "one"));
        var first = Assert.Single(Take());
        for (var version = 2; version <= 100; version++)
        {
            _sync.Want(Key("a"), Objects.ConfigMap("a", "u", $"{version}", $"value-{version}"));
        }

        Assert.Empty(Take());
        Assert.True(_sync.Acknowledge(first.Id));
        var second = Assert.Single(Take());
        Assert.Equal("100", second.ResourceVersion);
        Assert.True(_sync.Acknowledge(second.Id));
        Assert.Equal(0, _sync.PendingCount);
        Assert.Empty(Take());
    }

    [Fact]
    public void The_window_bounds_what_is_on_its_way_and_an_acknowledgement_opens_it()
    {
        ReceiveInventory();
        foreach (var name in (string[])["a", "b", "c"])
        {
            _sync.Want(Key(name), Objects.ConfigMap(name, name, "1"));
        }

        var sent = Take();
        Assert.Equal(2, sent.Count);
        Assert.Equal(3, _sync.PendingCount);
        _sync.Acknowledge(sent[0].Id);
        Assert.Single(Take());
    }

    [Fact]
    public void An_unacknowledged_message_is_sent_again_under_the_same_id_with_growing_pauses()
    {
        ReceiveInventory();
        _sync.Want(Key("a"), Objects.ConfigMap("a", "u", "1"));
        var first = Assert.Single(Take());
        Assert.Equal(5_000, _sync.NextDeadline);
        Assert.Empty(Take(4_999));
        Assert.Equal(first.Id, Assert.Single(Take(5_000)).Id);
        Assert.Equal(15_000, _sync.NextDeadline);
    }

    [Fact]
    public void A_late_or_forged_acknowledgement_changes_nothing()
    {
        ReceiveInventory();
        _sync.Want(Key("a"), Objects.ConfigMap("a", "u", "1"));
        Take();

        Assert.False(_sync.Acknowledge("s-999"));
        Assert.Equal(1, _sync.PendingCount);
    }

    [Fact]
    public void An_object_forgotten_before_it_was_sent_is_never_sent()
    {
        ReceiveInventory();
        _sync.Want(Key("a"), Objects.ConfigMap("a", "u", "1"));
        _sync.Forget(Key("a"));

        Assert.Empty(Take());
        Assert.Equal(0, _sync.PendingCount);
    }

    [Fact]
    public void An_object_forgotten_while_on_its_way_is_deleted_afterwards()
    {
        ReceiveInventory();
        _sync.Want(Key("a"), Objects.ConfigMap("a", "u", "1"));
        var insert = Assert.Single(Take());
        _sync.Forget(Key("a"));
        _sync.Acknowledge(insert.Id);

        var delete = Assert.Single(Take());
        Assert.Equal(Operations.Delete, delete.Operation);
        _sync.Acknowledge(delete.Id);
        Assert.Equal(0, _sync.PendingCount);
    }

    [Fact]
    public void Configuration_goes_before_the_pods_that_need_it()
    {
        ReceiveInventory();
        var pod = new ObjectKey("default", ResourceTypes.Pod, "p");
        _sync.Want(pod, Objects.ConfigMap("p", "up", "1"));
        _sync.Want(Key("a"), Objects.ConfigMap("a", "u", "1"));

        Assert.Equal(["default/configmap/a", "default/pod/p"], Take().Select(m => m.Resource));
    }

    [Fact]
    public void A_KubeEdge_peer_gets_one_message_at_a_time_and_no_wait_for_an_inventory()
    {
        var sync = new HubSync(HubSyncOptions.KubeEdge("k-"));
        sync.Want(Key("a"), Objects.ConfigMap("a", "u1", "1"));
        sync.Want(Key("b"), Objects.ConfigMap("b", "u2", "1"));

        Assert.True(sync.TryTake(0, 0, out var first));
        Assert.False(sync.TryTake(0, 0, out _));
        Assert.True(sync.Acknowledge(first.Id));
        Assert.True(sync.TryTake(0, 0, out _));
    }

    [Fact]
    public void The_inventory_is_answered_once_the_edge_holds_all_that_it_should()
    {
        _sync.Want(Key("a"), Objects.ConfigMap("a", "u", "1"));
        _sync.ReceiveInventory(InventoryMessage());
        var insert = Assert.Single(TakeAll());
        _sync.Acknowledge(insert.Id);

        var answer = Assert.Single(TakeAll());
        Assert.Equal(("inventory", Operations.Response), (answer.ParentId, answer.Operation));
        Assert.Empty(TakeAll());
    }

    private static Message InventoryMessage(params InventoryItem[] items) => new()
    {
        Id = "inventory",
        Operation = Operations.Inventory,
        Content = Inventory.Write(items),
    };

    private static ObjectKey Key(string name) => new("default", ResourceTypes.ConfigMap, name);

    private void ReceiveInventory(params InventoryItem[] items) => _sync.ReceiveInventory(InventoryMessage(items));

    /// <summary>What is sent now, but for the answer to the inventory.</summary>
    private List<Message> Take(long now = 0) => [.. TakeAll(now).Where(m => m.ParentId.Length == 0)];

    private List<Message> TakeAll(long now = 0)
    {
        var sent = new List<Message>();
        while (_sync.TryTake(now, 0, out var message))
        {
            sent.Add(message);
        }

        return sent;
    }
}
