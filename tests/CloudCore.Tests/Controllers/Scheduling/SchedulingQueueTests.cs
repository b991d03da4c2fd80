using EdgeSync.CloudCore.Controllers.Scheduling;
using EdgeSync.CloudCore.Tests.KubeApi;

namespace EdgeSync.CloudCore.Tests.Controllers.Scheduling;

public sealed class SchedulingQueueTests
{
    private readonly SteppedTime _clock = new();
    private readonly SchedulingQueue _queue;

    public SchedulingQueueTests() => _queue = new SchedulingQueue(_clock);

    [Fact]
    public void A_pod_that_found_no_node_waits_for_a_change_and_for_its_time()
    {
        _queue.NoteFailed("p", _queue.Wakes);
        _clock.Advance(TimeSpan.FromMinutes(1));
        Assert.False(_queue.IsDue("p"));
        Assert.True(_queue.Wake());
        Assert.True(_queue.IsDue("p"));
    }

    [Fact]
    public void A_change_while_the_round_was_deciding_is_not_missed()
    {
        var seen = _queue.Wakes;
        Assert.False(_queue.Wake());
        _queue.NoteFailed("p", seen);
        Assert.NotNull(_queue.NextTurn());
        _clock.Advance(TimeSpan.FromMinutes(1));
        Assert.True(_queue.IsDue("p"));
    }

    [Fact]
    public void One_whose_binding_failed_waits_for_its_time_alone()
    {
        _queue.NoteFailed("p", null);
        Assert.False(_queue.IsDue("p"));
        _clock.Advance(TimeSpan.FromMinutes(1));
        Assert.True(_queue.IsDue("p"));
    }
}
