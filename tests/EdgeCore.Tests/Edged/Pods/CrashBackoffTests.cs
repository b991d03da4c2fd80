using EdgeSync.EdgeCore.Edged.Pods;

namespace EdgeSync.EdgeCore.Tests.Edged.Pods;

public sealed class CrashBackoffTests
{
    [Fact]
    public void The_first_restart_is_at_once_and_later_ones_double_to_the_cap()
    {
        var level = 0;
        var delays = new List<double>();
        for (var i = 0; i < 9; i++)
        {
            level = CrashBackoff.NextLevel(level, TimeSpan.FromSeconds(1));
            delays.Add(CrashBackoff.Delay(level).TotalSeconds);
        }

        Assert.Equal([0, 10, 20, 40, 80, 160, 300, 300, 300], delays);
    }

    [Fact]
    public void A_long_run_is_forgiven_everything()
    {
        var level = CrashBackoff.NextLevel(7, CrashBackoff.GoodRun);

        Assert.Equal(TimeSpan.Zero, CrashBackoff.Delay(level));
    }

    [Fact]
    public void No_level_is_too_high_for_the_arithmetic() => Assert.Equal(CrashBackoff.Cap, CrashBackoff.Delay(int.MaxValue));
}
