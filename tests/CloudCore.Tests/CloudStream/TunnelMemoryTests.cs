using EdgeSync.Hosting.Tunnel;
using EdgeSync.TestKit;

namespace EdgeSync.CloudCore.Tests.CloudStream;

/// <summary>What a tunnel allocates for frames that are none.</summary>
[Collection(AloneCollection.Name)]
public sealed class TunnelMemoryTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Mutated_frames_end_the_tunnel_or_pass_and_take_no_memory_beyond_its_limits()
    {
        var random = new Random(1);
        for (var i = 0; i < 2000; i++)
        {
            var (near, far) = DuplexPair.Create();
            await using var session = new TunnelSession(
                new RawWebSocket(near, isClient: false, TunnelSession.MaxMessageBytes, s_limit, TimeProvider.System), isExtended: true,
                (_, _, _, _) => Task.CompletedTask, TimeProvider.System);
            var running = session.RunAsync(default);
            var input = Convert.FromHexString("8187000000000103414243444581850000000001200581018984000000006162636488820000000003e8");
            for (var edits = random.Next(3); edits >= 0; edits--)
            {
                input[random.Next(input.Length)] = (byte)random.Next(256);
            }

            var before = GC.GetTotalAllocatedBytes();
            await far.WriteAsync(input);
            await far.FlushAsync();
            await far.DisposeAsync();
            Assert.NotEmpty(await running.WaitAsync(s_limit));
            Assert.True(GC.GetTotalAllocatedBytes() - before < 16 << 20, $"seed 1, input {i}: {Convert.ToHexString(input)}");
        }
    }
}
