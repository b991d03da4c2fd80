using EdgeSync.EdgeCore.Edged.Cri;
using EdgeSync.EdgeCore.Edged.Pods;

namespace EdgeSync.EdgeCore.Tests.Edged.Pods;

public sealed class RuntimePodsTests
{
    private static readonly DateTimeOffset s_end = new(2026, 3, 1, 8, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(ContainerState.ContainerExited, 137, "Error", 1, false)] // that memory was short may be told a moment later
    [InlineData(ContainerState.ContainerExited, 137, "OOMKilled", 1, true)]
    [InlineData(ContainerState.ContainerExited, 137, "Error", 11, true)]
    [InlineData(ContainerState.ContainerExited, 137, "Error", -3600, true)] // the clock was set back
    [InlineData(ContainerState.ContainerExited, 1, "Error", 0, true)]
    [InlineData(ContainerState.ContainerRunning, 0, "", 0, true)]
    internal void Why_a_container_was_killed_is_asked_again_until_it_is_settled(
        ContainerState state, int exitCode, string reason, int secondsAfter, bool expected)
    {
        var status = new ContainerStatus
        {
            State = state,
            ExitCode = exitCode,
            Reason = reason,
            FinishedAt = state == ContainerState.ContainerExited ? s_end.ToUnixTimeMilliseconds() * 1_000_000 : 0,
        };

        Assert.Equal(expected, RuntimePods.IsSettled(status, s_end.AddSeconds(secondsAfter)));
    }
}
