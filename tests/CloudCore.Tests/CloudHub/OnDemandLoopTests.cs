using EdgeSync.Hosting;

namespace EdgeSync.CloudCore.Tests.CloudHub;

public sealed class OnDemandLoopTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task A_wake_that_comes_during_a_round_is_followed_by_another_and_rounds_never_overlap()
    {
        var began = new SemaphoreSlim(0);
        var goOn = new SemaphoreSlim(0);
        var (inside, most, rounds) = (0, 0, 0);
        var loop = new OnDemandLoop(async () =>
        {
            most = Math.Max(most, Interlocked.Increment(ref inside));
            rounds++;
            began.Release();
            await goOn.WaitAsync(s_limit);
            Interlocked.Decrement(ref inside);
        });

        loop.Wake();
        Assert.True(await began.WaitAsync(s_limit));
        loop.Wake();
        loop.Wake();
        goOn.Release();
        Assert.True(await began.WaitAsync(s_limit));
        goOn.Release();
        await loop.IdleAsync().WaitAsync(s_limit);

        Assert.Equal((1, 2), (most, rounds));
    }

    [Fact]
    public async Task Closing_waits_for_the_round_that_runs_and_lets_no_other_begin()
    {
        var began = new SemaphoreSlim(0);
        var goOn = new SemaphoreSlim(0);
        var rounds = 0;
        var loop = new OnDemandLoop(async () =>
        {
            rounds++;
            began.Release();
            await goOn.WaitAsync(s_limit);
        });

        loop.Wake();
        Assert.True(await began.WaitAsync(s_limit));
        loop.Wake();
        var closing = loop.CloseAsync();
        Assert.False(closing.IsCompleted);
        goOn.Release();
        await closing.WaitAsync(s_limit);
        loop.Wake();
        await loop.IdleAsync().WaitAsync(s_limit);

        Assert.Equal(1, rounds);
    }
}
