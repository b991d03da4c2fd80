using EdgeSync.Protocol.Sync;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.Protocol.Tests.Sync;

public sealed class HubSyncDigestTests
{
    private readonly HubSync _sync = new(new HubSyncOptions { IdPrefix = "s-" });

    [Fact]
    public void Where_nothing_differs_the_digest_is_answered_and_nothing_is_sent()
    {
        var held = Hold(100);
        Receive(held);

        var answer = Assert.Single(Take());
        Assert.Equal((Operations.Response, "digest"), (answer.Operation, answer.ParentId));
        Assert.Equal(0, _sync.PendingCount);
        Assert.InRange(Inventory.WriteDigest(Inventory.Digest(held)).Length, 1, 100);
    }

    [Fact]
    public void What_is_wanted_after_the_digest_came_and_before_it_is_compared_counts()
    {
        Receive(Hold(3, want: false));
        Hold(3);

        Assert.Equal(Operations.Response, Assert.Single(Take()).Operation);
    }

    [Fact]
    public void Only_the_types_that_differ_are_asked_for_and_only_what_differs_is_sent()
    {
        var held = Hold(5);
        _sync.Want(new ObjectKey("default", ResourceTypes.Pod, "new"), Objects.ConfigMap("new", "n", "1"));
        held.Add(new InventoryItem(new ObjectKey("default", ResourceTypes.Device, "gone"), "g", 7));
        Receive(held);

        var ask = Assert.Single(Take());
        Assert.Equal((Operations.Inventory, "digest"), (ask.Operation, ask.ParentId));
        Assert.Equal([ResourceTypes.Device], Inventory.Read(ask.Content).Types);
        Answer(ask, held.Where(h => h.Key.Type == ResourceTypes.Device));

        var sent = Take();
        Assert.Equal(
            [(Operations.Insert, "default/pod/new"), (Operations.Delete, "default/device/gone")], sent.Select(m => (m.Operation, m.Resource)));
        sent.ForEach(m => Assert.True(_sync.Acknowledge(m.Id)));
        Assert.Equal("digest", Assert.Single(Take()).ParentId);
    }

    [Fact]
    public void Nothing_is_sent_before_the_question_is_answered_and_it_is_asked_again()
    {
        var held = Hold(2);
        held[0] = held[0] with { ContentHash = 1 };
        Receive(held);
        var ask = Assert.Single(Take());

        Assert.Empty(Take(4_999));
        Assert.Equal(5_000, _sync.NextDeadline);
        Assert.Equal(ask.Id, Assert.Single(Take(5_000)).Id);
        Answer(ask, held);
        Assert.Equal("default/configmap/c0", Assert.Single(Take(5_001)).Resource);
        Answer(ask, held);
        Assert.Equal(1, _sync.UnknownAnswers);
    }

    [Fact]
    public void The_answer_waits_for_what_the_node_lacked_and_not_for_what_changes_later()
    {
        _sync.Want(new ObjectKey("default", ResourceTypes.Pod, "p"), Objects.ConfigMap("p", "u", "1"));
        Receive([]);
        var insert = Assert.Single(Take());
        _sync.Want(new ObjectKey("default", ResourceTypes.Pod, "later"), Objects.ConfigMap("later", "l", "1"));
        Assert.Equal("default/pod/later", Assert.Single(Take()).Resource);
        _sync.Acknowledge(insert.Id);

        Assert.Equal("digest", Assert.Single(Take()).ParentId);
        Assert.Equal(1, _sync.PendingCount);
    }

    [Fact]
    public void A_digest_does_not_depend_on_the_order_in_which_objects_are_listed()
    {
        var held = Hold(20);
        var digest = Assert.Single(Inventory.Digest(held));
        held.Reverse();
        Assert.Equal(digest, Assert.Single(Inventory.Digest(held)));
        held[3] = held[3] with { Uid = "other" };
        Assert.NotEqual(digest, Assert.Single(Inventory.Digest(held)));
    }

    private List<InventoryItem> Hold(int count, bool want = true)
    {
        var held = new List<InventoryItem>();
        for (var i = 0; i < count; i++)
        {
            var key = new ObjectKey("default", ResourceTypes.ConfigMap, $"c{i}");
            var item = Objects.ConfigMap(key.Name, $"u{i}", "1");
            held.Add(new InventoryItem(key, item.Uid, item.ContentHash));
            if (want)
            {
                _sync.Want(key, item);
            }
        }

        return held;
    }

    private void Receive(IEnumerable<InventoryItem> held) => _sync.ReceiveInventory(new Message
    {
        Id = "digest",
        Operation = Operations.Inventory,
        Content = Inventory.WriteDigest(Inventory.Digest(held)),
    });

    private void Answer(Message ask, IEnumerable<InventoryItem> held) => _sync.ReceiveInventory(new Message
    {
        Id = "answer",
        ParentId = ask.Id,
        Operation = Operations.Inventory,
        Content = Inventory.Write(held, Inventory.Read(ask.Content).Types!.ToList()),
    });

    private List<Message> Take(long now = 0)
    {
        var sent = new List<Message>();
        while (_sync.TryTake(now, 0, out var message))
        {
            sent.Add(message);
        }

        return sent;
    }
}
