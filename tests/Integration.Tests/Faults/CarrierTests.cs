using System.Diagnostics;
using EdgeSync.Integration.Tests.World;
using EdgeSync.TestKit;
using Xunit.Abstractions;

namespace EdgeSync.Integration.Tests.Faults;

/// <summary>A cable that was out for minutes and is plugged in again.</summary>
public sealed class CarrierTests(ITestOutputHelper output)
{
    private const double SecondsOut = 150;
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(3);

    /// <summary>After so long the agent waits 6 to 12 s between two tries.</summary>
    [FaultFact]
    [Trait("Category", "Long")]
    public async Task A_box_is_back_as_soon_as_its_cable_is_in_again()
    {
        using var link = await VethLink.StartAsync();
        await using var world = await EdgeWorld.StartCloudAsync(output, new EdgeWorldPlaces
        {
            Cloud = new ProgramsPlace { Network = link.Cloud },
            Edge = new ProgramsPlace { Network = link.Edge },
            CloudAddresses = [$"{VethLink.CloudAddress}"],
        });
        await world.Edge.JoinAsync(world.Cloud);
        world.Edge.Start();
        await world.NodeIsReadyAsync();
        var connects = Connects(world);

        await link.PullAsync();
        await LinkFaults.LastsAsync(SecondsOut);
        Assert.Equal(connects, Connects(world));
        var clock = Stopwatch.StartNew();
        await link.PlugInAsync();
        await world.EventuallyAsync("the node has its session again", () => Task.FromResult(Connects(world) > connects));
        world.Note($"cable in again to the session: {clock.Elapsed.TotalSeconds:0.00} s");
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, s_soon);
    }

    private static int Connects(EdgeWorld world)
    {
        using var reader = new StreamReader(new FileStream(world.Edge.LogFile, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return reader.ReadToEnd().Split("Connected to hub").Length - 1;
    }
}
