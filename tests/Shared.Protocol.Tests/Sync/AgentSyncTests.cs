using System.Text;
using EdgeSync.Protocol.Sync;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.Protocol.Tests.Sync;

public sealed class AgentSyncTests
{
    private readonly AgentSync _sync = new(new AgentSyncOptions());

    public AgentSyncTests() => _sync.Connected("c-", null, 0);

    [Fact]
    public void An_object_is_acknowledged_only_after_it_is_stored()
    {
        Assert.Equal(Receipt.Object, _sync.Receive(Insert("m1", "a", "u"), 0, 0));
        Assert.Empty(Take());

        var batch = _sync.TakeStores(10);
        Assert.Equal("a", Assert.Single(batch).Change.Key.Name);
        Assert.Empty(Take());

        _sync.Stored(batch, null, 0);
        var ack = Assert.Single(Take());
        Assert.Equal(("m1", Operations.Response, true), (ack.ParentId, ack.Operation, ack.IsContentOk));
    }

    [Fact]
    public void A_failed_store_is_told_and_not_acknowledged()
    {
        _sync.Receive(Insert("m1", "a", "u"), 0, 0);
        _sync.Stored(_sync.TakeStores(10), "database or disk is full", 0);

        var told = Assert.Single(Take());
        Assert.Equal((Operations.Error, "database or disk is full"), (told.Operation, told.ContentAsString()));
    }

    [Fact]
    public void An_object_stored_after_the_link_broke_is_not_acknowledged_on_the_next_link()
    {
        _sync.Receive(Insert("m1", "a", "u"), 0, 0);
        var batch = _sync.TakeStores(10);
        _sync.Connected("d-", null, 0);
        _sync.Stored(batch, null, 0);

        Assert.Empty(Take());
    }

    [Fact]
    public void A_resend_of_what_waits_for_the_disk_is_not_stored_twice()
    {
        _sync.Receive(Insert("m1", "a", "u"), 0, 0);

        Assert.Equal(Receipt.Duplicate, _sync.Receive(Insert("m1", "a", "u"), 0, 0));
        Assert.Single(_sync.TakeStores(10));
    }

    [Theory]
    [InlineData("""{"metadata":{"name":"other","namespace":"default","uid":"u"}}""")]
    [InlineData("""{"metadata":{"name":"a","namespace":"default"}}""")]
    [InlineData("""[]""")]
    public void An_object_that_is_not_what_its_address_says_is_refused_and_the_hub_is_told(string content)
    {
        var message = Insert("m1", "a", "u") with { Content = Encoding.UTF8.GetBytes(content) };

        Assert.Equal(Receipt.Malformed, _sync.Receive(message, 0, 0));
        Assert.Equal(Operations.Error, Assert.Single(Take()).Operation);
        Assert.Empty(_sync.TakeStores(10));
    }

    [Fact]
    public void An_entry_leaves_the_outbox_only_after_the_hub_has_answered()
    {
        _sync.Offer([Entry(1, "status/a")]);
        var sent = Assert.Single(Take());
        Assert.Empty(_sync.TakeSettled());

        Assert.Equal(Receipt.Answer, _sync.Receive(Answer(sent.Id, """{"Object":{},"Err":null}"""), 0, 0));
        Assert.Equal((1L, SettleReason.Taken), (Assert.Single(_sync.TakeSettled()) is var s ? s.Entry.Seq : 0, s.Reason));
    }

    [Theory]
    [InlineData("""{"Object":null,"Err":{"ErrStatus":{"code":404,"reason":"NotFound"}}}""", true)]
    [InlineData("""{"Object":null,"Err":{"ErrStatus":{"code":409}}}""", true)]
    [InlineData("""{"Object":null,"Err":{"ErrStatus":{"code":500}}}""", false)]
    [InlineData("""{"Object":null,"Err":{"ErrStatus":{"code":403}}}""", false)]
    [InlineData("""{"Object":null,"Err":{}}""", false)]
    public void An_error_of_the_API_settles_only_what_can_never_be_taken(string answer, bool settled)
    {
        _sync.Offer([Entry(1, "status/a")]);
        var sent = Assert.Single(Take());
        _sync.Receive(Answer(sent.Id, answer), 0, 0);

        Assert.Equal(settled ? 1 : 0, _sync.TakeSettled().Count);
        Assert.Equal(settled ? 0 : 1, Take(60_000).Count);
    }

    [Fact]
    public void Two_entries_of_one_key_are_never_on_their_way_together()
    {
        _sync.Offer([Entry(1, "routed/t"), Entry(2, "routed/t"), Entry(3, "other")]);

        Assert.Equal(["routed/t", "other"], Take().Select(m => m.Resource));
    }

    [Fact]
    public void After_a_broken_link_everything_unanswered_may_be_offered_again()
    {
        _sync.Offer([Entry(1, "status/a")]);
        Take();
        _sync.Disconnected();
        _sync.Connected("d-", null, 0);

        Assert.Empty(_sync.Busy);
        _sync.Offer([Entry(1, "status/a")]);
        Assert.Single(Take());
    }

    [Fact]
    public void An_unanswered_upload_is_sent_again_after_its_timeout()
    {
        _sync.Offer([Entry(1, "status/a")]);
        var first = Assert.Single(Take());
        Assert.Empty(Take(29_999));
        Assert.Equal(first.Id, Assert.Single(Take(30_000)).Id);
    }

    [Fact]
    public void The_inventory_is_the_first_thing_said()
    {
        var sync = new AgentSync(new AgentSyncOptions());
        sync.Connected("c-", [new InventoryItem(new ObjectKey("", ResourceTypes.Node, "n"), "u", 0xABC)], 0);

        Assert.True(sync.TryTake(0, 0, out var message));
        Assert.Equal(Operations.Inventory, message.Operation);
        Assert.Equal([new InventoryItem(new ObjectKey("", ResourceTypes.Node, "n"), "u", 0xABC)], Inventory.Read(message.Content).Objects);
    }

    private static Message Insert(string id, string name, string uid) => new()
    {
        Id = id,
        Source = Sources.EdgeController,
        Group = Groups.Resource,
        Operation = Operations.Insert,
        Resource = $"default/configmap/{name}",
        Content = Objects.ConfigMap(name, uid, "1").Json,
    };

    private static Message Answer(string parent, string content) => new()
    {
        Id = "r",
        ParentId = parent,
        Group = Groups.Resource,
        Operation = Operations.Response,
        Content = Encoding.UTF8.GetBytes(content),
    };

    private static OutboxEntry Entry(long seq, string key) =>
        new(seq, new UpstreamMessage(key, Lane.Pods, false, "edged", "meta", "patch", key, "{}"u8.ToArray()));

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
