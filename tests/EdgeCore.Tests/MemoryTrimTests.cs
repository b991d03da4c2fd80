namespace EdgeSync.EdgeCore.Tests;

public sealed class MemoryTrimTests
{
    private const long MiB = 1 << 20;

    [Theory]
    [InlineData(MiB / 2, 5 * MiB, true)] // quiet after a burst
    [InlineData(2 * MiB, 50 * MiB, false)] // busy: a pause would be felt
    [InlineData(MiB / 2, 3 * MiB, false)] // little to gain
    [InlineData(0, 0, false)]
    public void Memory_is_given_back_when_it_is_quiet_and_worth_while(long sinceLook, long sinceTrim, bool isDue) =>
        Assert.Equal(isDue, MemoryTrim.IsDue(sinceLook, sinceTrim));
}
