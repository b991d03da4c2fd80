using EdgeSync.EdgeCore.MetaManager;
using EdgeSync.Protocol.Wire;
using EdgeSync.Storage;
using EdgeSync.TestKit;

namespace EdgeSync.EdgeCore.Tests.Outboxes;

public sealed class OutboxTests : IAsyncLifetime, IAsyncDisposable
{
    private readonly TempFolder _folder = new();
    private readonly OutboxLimits _limits = new() { MaxBytes = 1_000, MaxEvents = 2, MaxRouted = 10 };
    private Database _database;
    private Outbox _outbox;

    public OutboxTests()
    {
        _database = Open();
        _outbox = new Outbox(_database, _limits);
    }

    [Fact]
    public async Task What_waits_and_what_was_dropped_outlive_a_restart()
    {
        await _outbox.PutAsync(Status("a"), CancellationToken.None);
        await _outbox.PutAsync(Routed("t", 10), CancellationToken.None);
        foreach (var i in Enumerable.Range(0, 5))
        {
            await _outbox.PutAsync(Event($"{i}"), CancellationToken.None);
        }

        await ReopenAsync();
        Assert.Equal(["status/a", "bus/t", "event/3", "event/4"], (await _outbox.DrainAsync()).Select(e => e.Message.Key));
        Assert.Equal(3, _outbox.DroppedOf(OutboxKind.Event));
        Assert.Equal((0, 0L), (_outbox.Count, _outbox.Bytes));
    }

    [Fact]
    public async Task Of_too_many_bytes_the_events_go_then_the_oldest_routed_messages_and_never_a_status()
    {
        await _outbox.PutAsync(Routed("old", 400), CancellationToken.None);
        await _outbox.PutAsync(Event("e"), CancellationToken.None);
        await _outbox.PutAsync(Status("a", 300), CancellationToken.None);
        await _outbox.PutAsync(Routed("new", 300), CancellationToken.None);
        Assert.Equal(["status/a", "bus/old", "bus/new"], _outbox.Next(10).Select(e => e.Message.Key));
        await _outbox.PutAsync(Status("b", 1_000), CancellationToken.None);

        Assert.Equal(["status/a", "status/b"], _outbox.Next(10).Select(e => e.Message.Key));
        Assert.Equal((1L, 2L), (_outbox.DroppedOf(OutboxKind.Event), _outbox.DroppedOf(OutboxKind.Routed)));
    }

    [Fact]
    public async Task A_transaction_that_fails_leaves_the_outbox_as_it_was()
    {
        await _outbox.PutAsync(Status("a", 10), CancellationToken.None);
        var before = Assert.Single(_outbox.Next(10));
        await Assert.ThrowsAsync<InvalidOperationException>(() => _database.WriteAsync(
            session =>
            {
                _outbox.Put(session, Status("a", 20));
                _outbox.Put(session, Event("x"));
                _outbox.CountDropped(session, OutboxKind.Routed, 7);
                throw new InvalidOperationException("the caller's own work failed");
            },
            CancellationToken.None));

        Assert.Equal(before.Seq, Assert.Single(_outbox.Next(10)).Seq);
        Assert.Equal((1, 10L, 0L), (_outbox.Count, _outbox.Bytes, _outbox.DroppedOf(OutboxKind.Routed)));
        await _outbox.PutAsync(Status("a", 30), CancellationToken.None);
        Assert.Equal(30, Assert.Single(_outbox.Next(10)).Message.Content!.Length);
    }

    [Fact]
    public async Task An_answer_to_a_replaced_value_does_not_settle_the_new_one()
    {
        await _outbox.PutAsync(Status("a", 10), CancellationToken.None);
        var sent = Assert.Single(_outbox.Next(10));
        await _outbox.PutAsync(Status("a", 20), CancellationToken.None);
        await _outbox.SettleAsync([new Settlement(sent, SettleReason.Taken)], CancellationToken.None);

        Assert.Equal(20, Assert.Single(_outbox.Next(10)).Message.Content!.Length);
    }

    Task IAsyncLifetime.InitializeAsync() => Task.CompletedTask;

    // the test runner knows this one alone
    Task IAsyncLifetime.DisposeAsync() => DisposeAsync().AsTask();

    public async ValueTask DisposeAsync()
    {
        await _database.DisposeAsync();
        _folder.Dispose();
    }

    private static UpstreamMessage Status(string name, int bytes = 1) => Message($"status/{name}", Lane.Pods, each: false, $"default/podpatch/{name}", bytes);

    private static UpstreamMessage Event(string name) => Message($"event/{name}", Lane.Bulk, each: true, $"default/event/{name}", 1);

    private static UpstreamMessage Routed(string topic, int bytes) => Message($"bus/{topic}", Lane.Bulk, each: true, topic, bytes);

    private static UpstreamMessage Message(string key, Lane lane, bool each, string resource, int bytes) =>
        new(key, lane, each, Sources.Edged, Groups.Meta, Operations.Patch, resource, new byte[bytes]);

    private Database Open() => EdgeDatabase.Open(_folder.File(EdgeDatabase.FileName), TimeProvider.System);

    private async Task ReopenAsync()
    {
        await _database.DisposeAsync();
        _database = Open();
        _outbox = new Outbox(_database, _limits);
    }
}
