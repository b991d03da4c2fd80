using EdgeSync.Integration.Tests.World;
using EdgeSync.TestKit;
using Xunit.Abstractions;

namespace EdgeSync.Integration.Tests.Faults;

/// <summary>
/// An <see cref="EdgeWorld"/> whose two sides live in networks of their own with an <see cref="EmulatedLink"/> between
/// them. The hub is known to the box by a name.
/// </summary>
internal sealed class FaultWorld : IAsyncDisposable
{
    private FaultWorld(EmulatedLink link, NameServer names, EdgeWorld world)
    {
        Link = link;
        Names = names;
        World = world;
        Api = new FaultApi(world.Cloud);
    }

    public EmulatedLink Link { get; }

    /// <summary>What the box's programs resolve names with.</summary>
    public NameServer Names { get; }

    public EdgeWorld World { get; }

    public FaultApi Api { get; private set; }

    public ProgramsCloud Cloud => World.Cloud;

    public ProgramsEdge Edge => World.Edge;

    /// <summary>All parts started, the node joined over a clean link and Ready.</summary>
    public static async Task<FaultWorld> StartAsync(ITestOutputHelper output, int seed, FaultWorldSetup? setup = null)
    {
        var link = await EmulatedLink.StartAsync(seed);
        var names = await NameServer.StartAsync(link.Edge, EmulatedLink.CloudAddress);
        var world = await EdgeWorld.StartCloudAsync(output, new EdgeWorldPlaces
        {
            Cloud = new ProgramsPlace { Network = link.Cloud },
            Edge = new ProgramsPlace { Network = link.Edge },
            CloudAddresses = [NameServer.HubName, $"{EmulatedLink.CloudAddress}"],
            CloudFolder = setup?.CloudFolder,
            EdgeFolder = setup?.EdgeFolder,
        });
        var faults = new FaultWorld(link, names, world);
        try
        {
            world.Edge.Place = setup?.EdgePlace(world.Edge.Place) ?? world.Edge.Place;
            await world.Edge.JoinAsync(world.Cloud);
            world.Edge.Start();
            await world.NodeIsReadyAsync();
            return faults;
        }
        catch
        {
            await faults.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        Api.Dispose();
        await World.DisposeAsync();
        await Names.DisposeAsync();
        Link.Dispose();
    }
}

/// <summary>What a fault needs to be in place from the start.</summary>
internal sealed record FaultWorldSetup
{
    public string? CloudFolder { get; init; }

    public string? EdgeFolder { get; init; }

    /// <summary>Changes where the agent runs, from its join on.</summary>
    public Func<ProgramsPlace, ProgramsPlace> EdgePlace { get; init; } = place => place;
}
