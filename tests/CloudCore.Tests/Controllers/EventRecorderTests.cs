using EdgeSync.CloudCore.Controllers;
using EdgeSync.CloudCore.KubeApi;
using Microsoft.Extensions.Logging.Abstractions;

namespace EdgeSync.CloudCore.Tests.Controllers;

public sealed class EventRecorderTests
{
    [Fact]
    public async Task Of_more_events_than_wait_the_oldest_are_dropped_and_counted_and_the_others_are_written()
    {
        const int Told = 1000;
        await using var rig = await WorkloadRig.StartAsync(run: false);
        var lost = 0;
        using var events = Recorder(rig, () => Interlocked.Increment(ref lost), mostWaiting: 50);
        for (var i = 0; i < Told; i++)
        {
            events.Record("test", EventSubject.Pod(new NamespacedName("default", $"p{i}"), $"uid-{i}"), false, "Test", "m");
        }

        Assert.InRange(lost, Told - 200, Told - 1);
        await WriteAllAsync(rig, events, Told - lost);
        var names = (await rig.ListAsync(ApiResources.Events)).Select(told => told["involvedObject"]!["name"]!.ToString()).ToHashSet();
        Assert.Equal(Told - lost, names.Count);
        Assert.Contains($"p{Told - 1}", names);
    }

    [Fact]
    public async Task An_object_that_has_much_to_say_is_heard_a_few_times_and_the_same_words_are_counted()
    {
        await using var rig = await WorkloadRig.StartAsync(run: false);
        using var events = Recorder(rig, () => Assert.Fail("nothing is lost here"));
        var (loud, steady) = (EventSubject.Pod(new NamespacedName("default", "loud"), "a"), EventSubject.Pod(new NamespacedName("default", "steady"), "b"));
        for (var i = 0; i < 30; i++)
        {
            events.Record("test", loud, false, "Test", $"message {i}");
        }

        for (var i = 0; i < 3; i++)
        {
            events.Record("test", steady, true, "Again", "the same");
        }

        await WriteAllAsync(rig, events, 26);
        await rig.HoldsAsync("it is counted", async () => (await rig.ListAsync(ApiResources.Events))
            .Single(told => told["reason"]!.ToString() == "Again")["count"]!.GetValue<int>() == 3);
    }

    private static EventRecorder Recorder(WorkloadRig rig, Action noteLost, int mostWaiting = 1024) =>
        new(rig.Client, noteLost, TimeProvider.System, NullLogger<EventRecorder>.Instance, mostWaiting);

    private static async Task WriteAllAsync(WorkloadRig rig, EventRecorder events, int count)
    {
        // the rig ends it with its token
        _ = events.RunAsync(rig.Ct);
        await rig.HoldsAsync("all are written", async () => (await rig.ListAsync(ApiResources.Events)).Count == count);
    }
}
