using EdgeSync.Protocol.Wire;

namespace EdgeSync.Simulation.World;

/// <summary>One box: its disk, which outlives its agent; its path to the hub; and what the world outside knows of it.</summary>
internal sealed class SimEdge(SimWorld world, int number)
{
    private readonly HashSet<string> _acknowledgedGone = [];

    public string Name { get; } = $"edge-{number}";

    public SimDisk Disk { get; private set; } = new();

    public SimPath Path { get; } = new();

    public bool DiskFull { get; set; }

    /// <summary>The longest that a commit takes, milliseconds.</summary>
    public int DiskDelay { get; set; } = 8;

    /// <summary>How soon a thread goes on whose transaction is committed: in fewer than so many milliseconds.</summary>
    public int ThreadDelay { get; set; } = 2;

    /// <summary>What the box's status says; what it says of itself repeats.</summary>
    public string Mode { get; set; } = "m0";

    /// <summary>The agent's version, a label of its Node; another one after some starts.</summary>
    public string Release { get; private set; } = "r0";

    /// <summary>The process; null while it is dead.</summary>
    public SimAgent? Agent { get; private set; }

    /// <summary>The last status that was committed to the disk, by object; what the API has to come to.</summary>
    public Dictionary<(ObjectKey Key, string Uid), long> Reported { get; } = [];

    /// <summary>The mode of the node status that was committed to the disk last; null for none.</summary>
    public string? SaidMode { get; set; }

    /// <summary>The numbers of routed messages that were committed to the disk and not dropped, by topic.</summary>
    public Dictionary<string, SortedSet<long>> Routed { get; } = [];

    /// <summary>Keys of events that were committed to the disk and not dropped.</summary>
    public HashSet<string> Events { get; } = [];

    public void Start()
    {
        if (Agent is null)
        {
            Release = world.Rng.OneIn(2) ? "r0" : "r1";
            Agent = new SimAgent(world, this);
            Agent.Start();
        }
    }

    /// <summary>The process dies; its connection breaks, or (power loss) the hub hears nothing.</summary>
    public void Crash(bool silently)
    {
        if (Agent is not null)
        {
            world.Log($"{Name} dies{(silently ? " silently" : "")}");
            Agent.Die(silently);
            Agent = null;
        }
    }

    /// <summary>The database was damaged and set aside. What only it knew is lost, and said to be.</summary>
    public void LoseDisk()
    {
        Crash(false);
        world.Log($"{Name} loses its disk");
        Disk = new SimDisk();
        Reported.Clear();
        Events.Clear();
        Routed.Clear();
        SaidMode = null;
        _acknowledgedGone.Clear();
    }

    public void AcknowledgedGone(string uid) => _acknowledgedGone.Add(uid);

    /// <summary>Whether the edge has said that it removed this incarnation.</summary>
    public bool HasAcknowledgedGone(string uid) => _acknowledgedGone.Contains(uid);
}
