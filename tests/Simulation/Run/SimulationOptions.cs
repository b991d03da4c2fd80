using EdgeSync.Simulation.World;

namespace EdgeSync.Simulation.Run;

/// <summary>What the command line asked for.</summary>
internal sealed record SimulationOptions
{
    public int Seeds { get; init; } = 1000;

    public ulong Start { get; init; } = 1;

    /// <summary>0: the seed chooses.</summary>
    public int Edges { get; init; }

    public int Parallel { get; init; } = 2;

    /// <summary>Things done from outside in each world.</summary>
    public int Acts { get; init; } = 160;

    /// <summary>Replays one seed.</summary>
    public ulong? Seed { get; init; }

    public bool Trace { get; init; }

    /// <summary>Numbers of the acts that are kept in a replay; null for all.</summary>
    public IReadOnlyList<int>? Keep { get; init; }

    /// <summary>Runs every mutation.</summary>
    public bool Mutations { get; init; }

    /// <summary>Switches one mutation on.</summary>
    public string? Mutation { get; init; }

    public WorldOptions World(ulong seed) => new() { Seed = seed, Edges = Edges, Acts = Acts, Trace = Trace };
}
