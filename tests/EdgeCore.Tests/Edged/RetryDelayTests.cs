using EdgeSync.EdgeCore.Edged;

namespace EdgeSync.EdgeCore.Tests.Edged;

public sealed class RetryDelayTests
{
    [Fact]
    public void Waits_double_with_jitter_up_to_the_cap_and_begin_anew_after_a_success()
    {
        var time = new SteppedTime();
        var delay = new RetryDelay(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(8), time);

        Assert.Equal(TimeSpan.Zero, delay.Left);
        foreach (var whole in (double[])[1, 2, 4, 8, 8, 8])
        {
            Assert.InRange(delay.Fail().TotalSeconds, whole * 0.5, whole);
        }

        var left = delay.Left;
        time.Step(TimeSpan.FromSeconds(2));
        Assert.Equal(left - TimeSpan.FromSeconds(2), delay.Left);
        time.Step(TimeSpan.FromSeconds(10));
        Assert.Equal(TimeSpan.Zero, delay.Left);

        delay.Succeed();
        Assert.InRange(delay.Fail().TotalSeconds, 0.5, 1);
    }

    private sealed class SteppedTime : TimeProvider
    {
        private long _ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _ticks;

        public void Step(TimeSpan by) => _ticks += by.Ticks;
    }
}
