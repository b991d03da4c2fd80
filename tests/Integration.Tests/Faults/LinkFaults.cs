using EdgeSync.TestKit;

namespace EdgeSync.Integration.Tests.Faults;

/// <summary>
/// What is done to the link. The first eight are link profiles as published for other edge products' connectivity tests
/// (online, offline, on and off in turn, satellite, cellular, and those with outages), an hour shortened to some seconds.
/// </summary>
internal static class LinkFaults
{
    /// <summary>600±50 ms round trip, 2 % loss, 25 Mbit/s.</summary>
    public static LinkConditions Satellite { get; } = new()
    {
        Delay = TimeSpan.FromMilliseconds(300),
        Jitter = TimeSpan.FromMilliseconds(25),
        Loss = 0.02,
        BitsPerSecond = 25_000_000,
    };

    /// <summary>100±10 ms round trip, 2 Mbit/s.</summary>
    public static LinkConditions Cellular { get; } = new()
    {
        Delay = TimeSpan.FromMilliseconds(50),
        Jitter = TimeSpan.FromMilliseconds(5),
        BitsPerSecond = 2_000_000,
    };

    /// <summary>Longer than two heartbeats and the ping timeout: both sides must have found out.</summary>
    private const double HalfOpenSeconds = 40;

    public static IReadOnlyDictionary<string, Func<EmulatedLink, Task>> All { get; } = new Dictionary<string, Func<EmulatedLink, Task>>
    {
        ["profile 1: online"] = link => HoldAsync(link, LinkConditions.Clean, 10),
        ["profile 2: offline once"] = link => HoldAsync(link, LinkConditions.Down, 30),
        ["profile 3: on and off in turn, evenly"] = link => InTurnAsync(link, 4, (LinkConditions.Clean, 4), (LinkConditions.Down, 4)),
        ["profile 4: on and off in turn, mostly off"] = link => InTurnAsync(link, 3, (LinkConditions.Clean, 2), (LinkConditions.Down, 12)),
        ["profile 5: satellite 600±50 ms, 2 % loss, 25 Mbit"] = link => HoldAsync(link, Satellite, 20),
        ["profile 6: satellite, on and off"] = link => InTurnAsync(link, 3, (Satellite, 6), (LinkConditions.Down, 4)),
        ["profile 7: 3G 100±10 ms, 2 Mbit"] = link => HoldAsync(link, Cellular, 20),
        ["profile 8: 3G, on and off"] = link => InTurnAsync(link, 3, (Cellular, 6), (LinkConditions.Down, 4)),
        ["one-way cut, edge to cloud"] = link => OneWayAsync(link, up: true, HalfOpenSeconds),
        ["one-way cut, cloud to edge"] = link => OneWayAsync(link, up: false, HalfOpenSeconds),
        ["flapping each second"] = link => InTurnAsync(link, 12, (LinkConditions.Clean, 1), (LinkConditions.Down, 1)),
        ["50 % loss"] = link => HoldAsync(link, new LinkConditions { Loss = 0.5, Delay = TimeSpan.FromMilliseconds(10) }, 30),
        ["25 % reordered, 10 % twice, 5 % loss"] = link => HoldAsync(
            link, new LinkConditions { Reorder = 0.25, Duplicate = 0.1, Loss = 0.05, Delay = TimeSpan.FromMilliseconds(30) }, 20),
        ["64 kbit with a queue of 8 KiB"] = link => HoldAsync(
            link, new LinkConditions { BitsPerSecond = 64_000, QueueBytes = 8192, Delay = TimeSpan.FromMilliseconds(50) }, 20),
    };

    public static async Task HoldAsync(EmulatedLink link, LinkConditions conditions, double seconds)
    {
        link.Set(conditions);
        await LastsAsync(seconds);
    }

    /// <summary>How long a fault lasts is what these tests are about, not a wait for something.</summary>
    public static Task LastsAsync(double seconds) => Task.Delay(TimeSpan.FromSeconds(seconds));

    private static async Task InTurnAsync(EmulatedLink link, int rounds, params (LinkConditions Conditions, double Seconds)[] phases)
    {
        for (var round = 0; round < rounds; round++)
        {
            foreach (var (conditions, seconds) in phases)
            {
                await HoldAsync(link, conditions, seconds);
            }
        }
    }

    private static async Task OneWayAsync(EmulatedLink link, bool up, double seconds)
    {
        (link.Up, link.Down) = up ? (LinkConditions.Down, LinkConditions.Clean) : (LinkConditions.Clean, LinkConditions.Down);
        await LastsAsync(seconds);
    }
}
