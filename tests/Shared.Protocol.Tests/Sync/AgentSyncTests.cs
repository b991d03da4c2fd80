using System.Text;
using EdgeSync.Protocol.Sync;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.Protocol.Tests.Sync;

public sealed class AgentSyncTests
{
    private static readonly InventoryItem s_held = new(new ObjectKey("", ResourceTypes.Node, "n"), "u", 0xABC);

    private readonly AgentSync _sync = new(new AgentSyncOptions());

    public AgentSyncTests() => _sync.Connected("c-", null);

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
        _sync.Connected("d-", null);
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
        _sync.Connected("c-", () => []);
        Take(); // what the node holds
        var message = Insert("m1", "a", "u") with { Content = Encoding.UTF8.GetBytes(content) };

        Assert.Equal(Receipt.Malformed, _sync.Receive(message, 0, 0));
        Assert.Equal(Operations.Error, Assert.Single(Take()).Operation);
        Assert.Empty(_sync.TakeStores(10));
    }

    [Fact]
    public void A_hub_without_extensions_has_what_cannot_be_read_acknowledged()
    {
        var message = Insert("m1", "a", "u") with { Content = "[]"u8.ToArray() };

        Assert.Equal(Receipt.Malformed, _sync.Receive(message, 0, 0));
        Assert.True(Assert.Single(Take()).IsContentOk);
        Assert.Empty(_sync.TakeStores(10));
    }

    [Fact]
    public void A_hub_without_extensions_confirms_no_routed_message()
    {
        _sync.Offer([Routed(1)], 0);
        Assert.True(_sync.TryTake(0, 0, out _));
        Assert.Empty(_sync.TakeSettled()); // the link may not have taken it

        Assert.False(_sync.TryTake(0, 0, out _));
        Assert.Equal(1, Assert.Single(_sync.TakeSettled()).Entry.Seq);
    }

    [Fact]
    public void A_routed_message_that_the_link_did_not_take_stays()
    {
        _sync.Offer([Routed(1)], 0);
        Assert.True(_sync.TryTake(0, 0, out _));
        _sync.Disconnected();

        Assert.Empty(_sync.TakeSettled());
    }

    private static OutboxEntry Routed(long seq) => new(seq, new UpstreamMessage(
        "bus/a", Lane.Bulk, true, Sources.Bus, Groups.User, Operations.Upload, "default/user/a", "\"x\""u8.ToArray()));

    [Fact]
    public void An_entry_leaves_the_outbox_only_after_the_hub_has_answered()
    {
        _sync.Offer([Entry(1, "status/a")], 0);
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
        _sync.Offer([Entry(1, "status/a")], 0);
        var sent = Assert.Single(Take());
        _sync.Receive(Answer(sent.Id, answer), 0, 0);

        Assert.Equal(settled ? 1 : 0, _sync.TakeSettled().Count);
        Assert.Equal(!settled, _sync.IsBusy("status/a", 499));
        Assert.False(_sync.IsBusy("status/a", 500));
    }

    [Fact]
    public void Two_entries_of_one_key_are_never_on_their_way_together()
    {
        _sync.Offer([Entry(1, "routed/t"), Entry(2, "routed/t"), Entry(3, "other")], 0);

        Assert.Equal(["routed/t", "other"], Take().Select(m => m.Resource));
    }

    [Fact]
    public void After_a_broken_link_everything_unanswered_may_be_offered_again()
    {
        _sync.Offer([Entry(1, "status/a")], 0);
        Take();
        _sync.Disconnected();
        _sync.Connected("d-", null);

        Assert.False(_sync.IsBusy("status/a", 0));
        _sync.Offer([Entry(1, "status/a")], 0);
        Assert.Single(Take());
    }

    [Fact]
    public void An_unanswered_message_of_which_each_must_arrive_is_sent_again_under_its_id()
    {
        _sync.Offer([Entry(1, "bus/1", Lane.Bulk) with { Message = Entry(1, "bus/1", Lane.Bulk).Message with { Each = true } }], 0);
        var first = Assert.Single(Take());
        Assert.Empty(Take(29_999));
        Assert.Equal(first.Id, Assert.Single(Take(30_000)).Id);
    }

    [Fact]
    public void An_unanswered_value_goes_again_as_it_is_then_and_its_pause_grows()
    {
        _sync.Offer([Entry(1, "status/a")], 0);
        var first = Assert.Single(Take());
        Assert.Empty(Take(29_999));
        Assert.True(_sync.IsBusy("status/a", 29_999));
        Assert.Empty(Take(30_000));
        Assert.False(_sync.IsBusy("status/a", 30_001));

        _sync.Offer([Entry(2, "status/a")], 30_001);
        var second = Assert.Single(Take(30_001));
        Assert.NotEqual(first.Id, second.Id);
        Assert.Equal(Receipt.LateAnswer, _sync.Receive(Answer(first.Id, "\"OK\""), 30_002, 0));
        Assert.Empty(_sync.TakeSettled());
        Assert.True(_sync.IsBusy("status/a", 30_001 + 59_999));
        Assert.Equal(Receipt.Answer, _sync.Receive(Answer(second.Id, "\"OK\""), 30_003, 0));
        Assert.Equal(2, Assert.Single(_sync.TakeSettled()).Entry.Seq);
    }

    [Fact]
    public void A_value_whose_object_is_gone_meanwhile_is_not_said_again()
    {
        _sync.Offer([Entry(1, "status/a")], 0);
        Assert.Single(Take());
        Assert.Empty(Take(30_000));
        var gone = Entry(1, "status/a");
        _sync.Offer([gone with { Message = gone.Message with { Content = null } }], 30_001);
        Assert.Empty(Take(200_000));
        Assert.Equal(SettleReason.NothingToSay, Assert.Single(_sync.TakeSettled()).Reason);
    }

    [Fact]
    public void The_inventory_is_the_first_thing_said()
    {
        var sync = new AgentSync(new AgentSyncOptions());
        sync.Connected("c-", () => [s_held]);

        Assert.True(sync.TryTake(0, 0, out var message));
        Assert.Equal(Operations.Inventory, message.Operation);
        Assert.Equal(Inventory.Digest([s_held]), Inventory.Read(message.Content).Digest);
    }

    [Fact]
    public void The_hub_is_told_the_objects_of_the_types_that_it_asks_for()
    {
        _sync.Connected("c-", () => [s_held, s_held with { Key = new ObjectKey("default", ResourceTypes.Pod, "p") }]);
        var digest = Assert.Single(Take());
        Assert.Equal(Receipt.LateAnswer, _sync.Receive(Ask("forged", ResourceTypes.Node), 0, 0));
        Assert.Equal(Receipt.Malformed, _sync.Receive(Ask(digest.Id) with { Content = "{}"u8.ToArray() }, 0, 0));
        Assert.Equal(Receipt.Asked, _sync.Receive(Ask(digest.Id, ResourceTypes.Node), 0, 0));

        var told = Assert.Single(Take());
        Assert.Equal("ask", told.ParentId);
        Assert.Equal([s_held], Inventory.Read(told.Content).Objects);
        Assert.Null(_sync.NextDeadline);
    }

    [Fact]
    public void The_digest_is_sent_again_until_the_hub_reacts()
    {
        _sync.Connected("c-", () => [s_held]);
        var digest = Assert.Single(Take());
        Assert.Equal(30_000, _sync.NextDeadline);
        Assert.Equal(digest.Id, Assert.Single(Take(30_000)).Id);
        Assert.Equal(Receipt.Synced, _sync.Receive(Answer(digest.Id, "\"OK\""), 0, 0));
        Assert.Empty(Take(90_000));
    }

    [Fact]
    public void What_an_earlier_session_brought_is_stored_before_the_next_one_says_what_is_held()
    {
        _sync.Receive(Insert("m1", "a", "u"), 0, 0);
        _sync.Receive(Insert("m2", "b", "u"), 0, 0);
        var batch = _sync.TakeStores(1);
        _sync.Connected("d-", () => [s_held]);

        Assert.Empty(_sync.TakeStores(1));
        Assert.Empty(Take());
        _sync.Stored(batch, null, 0);
        Assert.Equal(Operations.Inventory, Assert.Single(Take()).Operation);
    }

    [Fact]
    public void What_the_API_could_not_take_goes_again_after_its_pause_in_its_newest_version()
    {
        _sync.Offer([Entry(1, "status/a")], 0);
        var first = Assert.Single(Take());
        _sync.Receive(Answer(first.Id, """{"Object":null,"Err":{"ErrStatus":{"code":503}}}"""), 100, 0);
        Assert.Equal(600, _sync.NextDeadline);

        _sync.Offer([Entry(2, "status/a")], 599);
        Assert.Empty(Take(599));
        _sync.Offer([Entry(2, "status/a")], 600);
        var second = Assert.Single(Take(600));
        _sync.Receive(Answer(second.Id, """{"Object":null,"Err":{"ErrStatus":{"code":503}}}"""), 600, 0);
        Assert.True(_sync.IsBusy("status/a", 1_599));
        Assert.False(_sync.IsBusy("status/a", 1_600));
    }

    [Fact]
    public void Node_status_goes_before_what_waits_in_later_lanes_and_past_their_full_window()
    {
        var sync = new AgentSync(new AgentSyncOptions { Window = 2 });
        sync.Connected("c-", null);
        Assert.Equal((2, 2), (sync.RoomOf(Lane.Control), sync.RoomOf(Lane.Bulk)));
        sync.Offer([Entry(1, "bus/1", Lane.Bulk), Entry(2, "bus/2", Lane.Bulk)], 0);
        Assert.Equal((2, 0), (sync.RoomOf(Lane.Control), sync.RoomOf(Lane.Bulk)));
        sync.Offer([Entry(3, "nodestatus", Lane.Control)], 0);

        Assert.True(sync.TryTake(0, 0, out var first));
        Assert.Equal("nodestatus", first.Resource);
    }

    [Theory]
    [InlineData("forged")]
    [InlineData("c-1")]
    public void A_late_repeated_or_forged_answer_settles_nothing_and_is_counted(string id)
    {
        _sync.Offer([Entry(1, "status/a")], 0);
        var sent = Assert.Single(Take());
        _sync.Receive(Answer(sent.Id, "\"OK\""), 0, 0);
        Assert.Single(_sync.TakeSettled());

        Assert.Equal(Receipt.LateAnswer, _sync.Receive(Answer(id, "\"OK\""), 0, 0));
        Assert.Empty(_sync.TakeSettled());
        Assert.Equal(1, _sync.LateAnswers);
    }

    [Theory]
    [InlineData("""{"Err":{"ErrStatus":{"code":"404"}}}""")]
    [InlineData("""{"Err":{"ErrStatus":[]}}""")]
    [InlineData("""{"ErrStatus":{"code":1e99}}""")]
    public void An_answer_of_wrong_types_is_no_answer_that_settles(string content)
    {
        _sync.Offer([Entry(1, "status/a")], 0);

        Assert.Equal(Receipt.Retry, _sync.Receive(Answer(Assert.Single(Take()).Id, content), 0, 0));
    }

    private static Message Ask(string parent, params string[] types) => new()
    {
        Id = "ask",
        ParentId = parent,
        Operation = Operations.Inventory,
        Content = Inventory.WriteAsk(types),
    };

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

    private static OutboxEntry Entry(long seq, string key, Lane lane = Lane.Pods) =>
        new(seq, new UpstreamMessage(key, lane, false, "edged", "meta", "patch", key, "{}"u8.ToArray()));

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
