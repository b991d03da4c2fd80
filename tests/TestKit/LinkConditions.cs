namespace EdgeSync.TestKit;

/// <summary>What one direction of an <see cref="EmulatedLink"/> does to packets. The default is a link without faults.</summary>
public sealed record LinkConditions
{
    public static LinkConditions Clean { get; } = new();

    /// <summary>Nothing passes, and nobody is told: packets vanish.</summary>
    public static LinkConditions Down { get; } = new() { Cut = true };

    public bool Cut { get; init; }

    /// <summary>One way.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>The delay varies by so much to either side, evenly; packets keep their order (see <see cref="Reorder"/>).</summary>
    public TimeSpan Jitter { get; init; }

    /// <summary>Share of packets lost, 0 to 1.</summary>
    public double Loss { get; init; }

    /// <summary>Share of packets that arrive twice.</summary>
    public double Duplicate { get; init; }

    /// <summary>Share of packets that overtake those before them (they are not delayed).</summary>
    public double Reorder { get; init; }

    /// <summary>0 for no limit.</summary>
    public long BitsPerSecond { get; init; }

    /// <summary>With a rate: so much waits for its turn, more is lost.</summary>
    public int QueueBytes { get; init; } = 256 * 1024;
}
