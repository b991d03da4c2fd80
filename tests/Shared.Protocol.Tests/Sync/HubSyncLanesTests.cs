using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Sync;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.Protocol.Tests.Sync;

public sealed class HubSyncLanesTests
{
    private readonly HubSync _sync = new(new HubSyncOptions { IdPrefix = "s-", Window = 4, WindowBytes = 4096, MostBeforeALaterLane = 3, Inventory = false });

    [Fact]
    public void A_large_object_of_a_later_lane_on_its_way_does_not_keep_a_pod_waiting()
    {
        Want(ResourceTypes.Device, "big", new string('x', 100_000));
        Assert.Equal("default/device/big", Assert.Single(Take()).Resource);

        Want(ResourceTypes.Pod, "urgent");
        Want(ResourceTypes.Device, "waits");
        Assert.Equal("default/pod/urgent", Assert.Single(Take()).Resource);
    }

    [Fact]
    public void A_full_window_of_a_later_lane_does_not_keep_a_pod_waiting()
    {
        foreach (var i in Enumerable.Range(0, 10))
        {
            Want(ResourceTypes.Device, $"d{i}");
        }

        Assert.Equal(4, Take().Count);
        Want(ResourceTypes.Pod, "urgent");
        Assert.Equal("default/pod/urgent", Assert.Single(Take()).Resource);
    }

    [Fact]
    public void A_lane_that_is_always_full_does_not_keep_a_later_one_waiting_for_ever()
    {
        Want(ResourceTypes.Device, "patient");
        for (var i = 0; i < 20; i++)
        {
            Want(ResourceTypes.Pod, $"p{i}");
        }

        var order = new List<string>();
        while (Take() is { Count: > 0 } sent)
        {
            order.AddRange(sent.Select(m => m.Resource));
            Assert.True(_sync.Acknowledge(sent[0].Id));
            sent.Skip(1).ToList().ForEach(m => _sync.Acknowledge(m.Id));
        }

        Assert.Equal(3, order.IndexOf("default/device/patient"));
        Assert.Equal(21, order.Count);
    }

    [Fact]
    public void A_message_behind_many_bytes_has_the_time_that_they_need_before_it_is_sent_again()
    {
        var sync = new HubSync(new HubSyncOptions { IdPrefix = "s-", Inventory = false });
        sync.Want(Key(ResourceTypes.Pod, "p"), Objects.ConfigMap("p", "u", "1", new string('x', 160 * 1024)));
        Assert.True(sync.TryTake(0, 0, out _));

        Assert.False(sync.TryTake(14_000, 0, out _));
        Assert.InRange(sync.NextDeadline!.Value, 15_000, 15_200);
    }

    [Fact]
    public void What_the_node_cannot_store_is_tried_again_after_growing_pauses_and_the_reason_is_kept()
    {
        Want(ResourceTypes.Pod, "p");
        var first = Assert.Single(Take());
        Assert.True(Refuse(first.Id, "database or disk is full", 0));

        Assert.Empty(Take(999));
        Assert.Equal(1_000, _sync.NextDeadline);
        var second = Assert.Single(Take(1_000));
        Assert.NotEqual(first.Id, second.Id);
        Assert.True(Refuse(second.Id, "database or disk is full", 1_000));
        Assert.Equal(3_000, _sync.NextDeadline);
        var facts = _sync.Find(Key(ResourceTypes.Pod, "p"))!;
        Assert.Equal((2, "database or disk is full"), (facts.Attempts, facts.LastError));

        var third = Assert.Single(Take(3_000));
        Assert.True(_sync.Acknowledge(third.Id, out var acknowledged));
        Assert.Equal(3_000, acknowledged.LagMs);
        Assert.Null(_sync.Find(Key(ResourceTypes.Pod, "p"))!.LastError);
    }

    [Fact]
    public void A_full_disk_is_probed_with_one_object_at_a_time_and_the_first_success_lets_all_go()
    {
        foreach (var i in Enumerable.Range(0, 4))
        {
            Want(ResourceTypes.Pod, $"p{i}");
        }

        Take().ForEach(m => Assert.True(Refuse(m.Id, "full", 0)));
        var probe = Assert.Single(Take(1_000));
        Assert.Empty(Take(1_500));
        Refuse(probe.Id, "full", 1_500);
        Assert.Empty(Take(3_000));
        probe = Assert.Single(Take(3_500));
        _sync.Acknowledge(probe.Id);

        Assert.Equal(3, Take(3_600).Count);
    }

    [Fact]
    public void An_object_that_the_node_can_never_read_delays_no_other()
    {
        Want(ResourceTypes.Pod, "broken");
        for (long now = 0, tries = 0; tries < 10; tries++)
        {
            Refuse(Assert.Single(Take(now)).Id, "cannot be read", now);
            now = _sync.NextDeadline!.Value;
        }

        Want(ResourceTypes.Pod, "urgent");
        Assert.Equal("default/pod/urgent", Assert.Single(Take(200)).Resource);
    }

    [Fact]
    public void A_changed_object_is_tried_at_once_after_a_failure()
    {
        Want(ResourceTypes.Pod, "p", "one");
        Refuse(Assert.Single(Take()).Id, "cannot be read", 0);
        Want(ResourceTypes.Pod, "p", "two");

        Assert.Single(Take(1));
    }

    [Fact]
    public void An_object_whose_store_failed_is_deleted_all_the_same_when_it_is_not_wanted()
    {
        Want(ResourceTypes.Pod, "p");
        Refuse(Assert.Single(Take()).Id, "full", 0);
        _sync.Forget(Key(ResourceTypes.Pod, "p"));

        var delete = Assert.Single(Take(1));
        Assert.Equal(Operations.Delete, delete.Operation);
        _sync.Acknowledge(delete.Id);
        Assert.Equal((0, 0), (_sync.PendingCount, _sync.Count));
    }

    [Fact]
    public void Repeated_late_and_forged_answers_change_nothing_and_are_counted()
    {
        Want(ResourceTypes.Pod, "p");
        var sent = Assert.Single(Take());
        Assert.True(_sync.Acknowledge(sent.Id));

        foreach (var id in (string[])[sent.Id, "s-2", "s-", "", "s--1", "s-+1", "x-1", "s-99999999999999999999"])
        {
            Assert.False(_sync.Acknowledge(id));
            Assert.False(Refuse(id, "forged", 0));
        }

        Assert.Equal(16, _sync.UnknownAnswers);
        Assert.Equal(0, _sync.PendingCount);
    }

    [Fact]
    public void A_status_that_came_back_is_no_new_wish()
    {
        Want(ResourceTypes.Pod, "p");
        _sync.Acknowledge(Assert.Single(Take()).Id);
        _sync.Want(Key(ResourceTypes.Pod, "p"), Objects.ConfigMap("p", "u-p", "2"));

        Assert.Empty(Take());
        Assert.Equal("2", _sync.Find(Key(ResourceTypes.Pod, "p"))!.WantedVersion);
        Assert.Equal(0, _sync.Superseded);
    }

    private bool Refuse(string id, string error, long now)
    {
        _sync.SetTime(now, now);
        return _sync.Refuse(id, error);
    }

    private static ObjectKey Key(string type, string name) => new("default", type, name);

    private void Want(string type, string name, string value = "v") =>
        _sync.Want(Key(type, name), KubeObject.Parse(Objects.ConfigMap(name, "u-" + name, "1", value).Json));

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
