using System.Collections.Concurrent;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Hosting;
using EdgeSync.TestKit;
using Microsoft.Extensions.Logging.Abstractions;

namespace EdgeSync.CloudCore.Tests.KubeApi;

public sealed class WorkQueueTests : IAsyncLifetime, IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new(TimeSpan.FromSeconds(60));
    private readonly WorkQueue<string> _queue = new(
        "test", TimeProvider.System, NullLogger.Instance, new Backoff(TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(5)));

    private Task _run = Task.CompletedTask;

    Task IAsyncLifetime.InitializeAsync() => Task.CompletedTask;

    // the test runner knows this one alone
    Task IAsyncLifetime.DisposeAsync() => DisposeAsync().AsTask();

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _run;
        _queue.Dispose();
        _stop.Dispose();
    }

    [Fact]
    public async Task A_key_that_is_added_many_times_is_worked_on_once()
    {
        for (var i = 0; i < 100; i++)
        {
            _queue.Add("a");
        }

        _queue.Add("b");
        var seen = new ConcurrentQueue<string>();
        Start(2, (key, _) => Note(seen, key));
        await Eventually.HoldsAsync("both done", () => seen.Count == 2 && _queue.Count == 0);
        Assert.Equal(["a", "b"], seen.Order());
    }

    [Fact]
    public async Task A_key_added_during_its_work_is_worked_on_again_and_never_by_two_workers()
    {
        var running = 0;
        var most = 0;
        var rounds = 0;
        Start(4, async (key, ct) =>
        {
            most = Math.Max(most, Interlocked.Increment(ref running));
            if (Interlocked.Increment(ref rounds) <= 50)
            {
                _queue.Add(key);
                await Task.Yield();
                _queue.Add(key);
            }

            Interlocked.Decrement(ref running);
        });
        _queue.Add("a");
        await Eventually.HoldsAsync("51 rounds", () => rounds == 51 && _queue.Count == 0);
        Assert.Equal(1, most);
    }

    [Fact]
    public async Task A_failure_is_tried_again_until_it_succeeds_and_holds_up_no_other_key()
    {
        var tries = 0;
        var others = 0;
        Start(1, (key, _) => key switch
        {
            "bad" => ++tries < 5 ? throw new InvalidOperationException("not yet") : Task.CompletedTask,
            _ => Task.FromResult(++others),
        });
        _queue.Add("bad");
        _queue.Add("good");
        await Eventually.HoldsAsync("success at last", () => tries == 5 && others == 1);
    }

    [Fact]
    public async Task Of_several_delays_the_earliest_counts()
    {
        var seen = new ConcurrentQueue<string>();
        Start(1, (key, _) => Note(seen, key));
        _queue.AddAfter("a", TimeSpan.FromHours(1));
        _queue.AddAfter("a", TimeSpan.FromMilliseconds(5));
        _queue.AddAfter("a", TimeSpan.FromHours(2));
        await Eventually.HoldsAsync("done", () => seen.Count == 1);
    }

    [Fact]
    public void Notes_that_come_after_its_end_are_ignored()
    {
        var queue = new WorkQueue<string>("ended", TimeProvider.System, NullLogger.Instance);
        for (var i = 0; i < 100; i++)
        {
            queue.AddAfter($"{i}", TimeSpan.FromMilliseconds(i % 3));
        }

        queue.Dispose();
        var before = queue.Count;
        queue.Add("a");
        queue.AddAfter("b", TimeSpan.FromMilliseconds(1));
        Assert.Equal(before, queue.Count);
    }

    [Fact]
    public void Backoff_doubles_up_to_its_cap_and_has_jitter()
    {
        var backoff = new Backoff(TimeSpan.FromMilliseconds(50), TimeSpan.FromSeconds(10));
        Assert.InRange(backoff.After(1).TotalMilliseconds, 25, 50);
        Assert.InRange(backoff.After(4).TotalMilliseconds, 200, 400);
        Assert.InRange(backoff.After(1000).TotalMilliseconds, 5000, 10000);
        Assert.True(Enumerable.Range(0, 20).Select(_ => backoff.After(5)).Distinct().Count() > 1);
    }

    private void Start(int workers, Func<string, CancellationToken, Task> reconcile) =>
        _run = _queue.RunAsync(workers, reconcile, _stop.Token);

    private static Task Note(ConcurrentQueue<string> seen, string key)
    {
        seen.Enqueue(key);
        return Task.CompletedTask;
    }
}
