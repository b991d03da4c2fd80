using EdgeSync.EdgeCore.EdgeHub;

namespace EdgeSync.EdgeCore.Tests.EdgeHub;

public sealed class ReconnectTests
{
    [Theory]
    [InlineData(1, 0, 0.25, 0.5)]
    [InlineData(2, 1, 0.5, 1)]
    [InlineData(3, 2, 1, 2)]
    [InlineData(12, 19, 1, 2)] // a hub that restarts is found again within 2 s
    [InlineData(30, 60, 3, 6)]
    [InlineData(100, 300, 15, 30)]
    [InlineData(100_000, 1_000_000, 15, 30)]
    public void The_wait_doubles_up_to_a_tenth_of_the_time_that_the_link_has_been_down(
        int failures, int downSeconds, double least, double most)
    {
        for (var i = 0; i < 1000; i++)
        {
            var wait = EdgeHubService.WaitAfter(failures, TimeSpan.FromSeconds(downSeconds));

            Assert.InRange(wait.TotalSeconds, least, most);
        }
    }
}
