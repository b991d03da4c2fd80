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

    /// <summary>The process; null while it is dead.</summary>
    public SimAgent? Agent { get; private set; }

    /// <summary>The last status that was committed to the disk, by object; what the API has to come to.</summary>
    public Dictionary<(ObjectKey Key, string Uid), long> Reported { get; } = [];

    /// <summary>Keys of "each" messages that were committed to the disk and not dropped.</summary>
    public HashSet<string> Events { get; } = [];

    public void Start()
    {
        if (Agent is null)
        {
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
        _acknowledgedGone.Clear();
    }

    public void AcknowledgedGone(string uid) => _acknowledgedGone.Add(uid);

    /// <summary>Whether the edge has said that it removed this incarnation.</summary>
    public bool HasAcknowledgedGone(string uid) => _acknowledgedGone.Contains(uid);
}
