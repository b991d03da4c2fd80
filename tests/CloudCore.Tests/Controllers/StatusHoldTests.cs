using EdgeSync.CloudCore.Controllers.DaemonSets;

namespace EdgeSync.CloudCore.Tests.Controllers;

public sealed class StatusHoldTests
{
    [Fact]
    public void The_first_change_waits_a_moment_and_takes_along_what_comes_meanwhile()
    {
        var time = new StoppedTime();
        var hold = new StatusHold(time);
        Assert.Equal(StatusHold.Longest, hold.Left("a"));
        time.Advance(StatusHold.Longest / 2);
        Assert.Equal(StatusHold.Longest / 2, hold.Left("a"));
        Assert.Equal(StatusHold.Longest, hold.Left("b"));
        time.Advance(StatusHold.Longest / 2);
        Assert.Equal(TimeSpan.Zero, hold.Left("a"));
        // a write that failed is tried at once
        Assert.Equal(TimeSpan.Zero, hold.Left("a"));
        hold.Clear("a");
        Assert.Equal(StatusHold.Longest, hold.Left("a"));
    }

    private sealed class StoppedTime : TimeProvider
    {
        private TimeSpan _passed;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _passed.Ticks;

        public void Advance(TimeSpan by) => _passed += by;
    }
}
