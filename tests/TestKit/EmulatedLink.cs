using System.Net;

namespace EdgeSync.TestKit;

/// <summary>
/// Two networks with one link between them, as bad as the test wants it. It does what the kernel's netem does, without
/// that kernel module: each side has a TUN interface, and a seeded pump in this process carries the packets from one to the
/// other with delay, jitter, loss, a rate with a bounded queue, duplicates, reordering, or not at all; each direction on its
/// own. The TCP that runs over it is the kernel's.
/// </summary>
public sealed class EmulatedLink : IDisposable
{
    private const string Interface = "tun0";

    private readonly TunDevice _cloudDevice;
    private readonly TunDevice _edgeDevice;
    private readonly LinkDirection _down;
    private readonly LinkDirection _up;

    private EmulatedLink(int seed)
    {
        _cloudDevice = new TunDevice(Cloud, Interface);
        _edgeDevice = new TunDevice(Edge, Interface);
        _down = new LinkDirection(_cloudDevice, _edgeDevice, seed);
        _up = new LinkDirection(_edgeDevice, _cloudDevice, seed + 1);
    }

    /// <summary>The cloud's addresses: it can come back on the other one.</summary>
    public static IPAddress CloudAddress { get; } = IPAddress.Parse("10.111.0.1");

    /// <inheritdoc cref="CloudAddress"/>
    public static IPAddress OtherCloudAddress { get; } = IPAddress.Parse("10.111.0.3");

    public static IPAddress EdgeAddress { get; } = IPAddress.Parse("10.111.0.2");

    public NetworkNamespace Cloud { get; } = new();

    public NetworkNamespace Edge { get; } = new();

    /// <summary>From the cloud to the edge.</summary>
    public LinkConditions Down
    {
        get => _down.Conditions;
        set => _down.Conditions = value;
    }

    /// <summary>From the edge to the cloud.</summary>
    public LinkConditions Up
    {
        get => _up.Conditions;
        set => _up.Conditions = value;
    }

    /// <summary>Packets of both directions that were lost on purpose.</summary>
    public long Lost => _down.Lost + _up.Lost;

    /// <summary>Packets of both directions that were carried.</summary>
    public long Passed => _down.Passed + _up.Passed;

    public static async Task<EmulatedLink> StartAsync(int seed)
    {
        var link = new EmulatedLink(seed);
        try
        {
            await UpAsync(link.Cloud, CloudAddress, EdgeAddress);
            await UpAsync(link.Edge, EdgeAddress, CloudAddress);
            await link.Edge.IpAsync("route", "add", $"{OtherCloudAddress}/32", "dev", Interface);
            return link;
        }
        catch
        {
            link.Dispose();
            throw;
        }
    }

    /// <summary>Both directions alike.</summary>
    public void Set(LinkConditions conditions)
    {
        Down = conditions;
        Up = conditions;
    }

    /// <summary>Takes the cloud's address away and gives it the other one; connections to the old one hang.</summary>
    public async Task MoveCloudAsync()
    {
        await Cloud.IpAsync("addr", "flush", "dev", Interface);
        await Cloud.IpAsync("addr", "add", $"{OtherCloudAddress}", "peer", $"{EdgeAddress}", "dev", Interface);
    }

    public void Dispose()
    {
        _down.Dispose();
        _up.Dispose();
        _cloudDevice.Dispose();
        _edgeDevice.Dispose();
        Cloud.Dispose();
        Edge.Dispose();
    }

    private static async Task UpAsync(NetworkNamespace network, IPAddress own, IPAddress peer)
    {
        await network.IpAsync("link", "set", "lo", "up");
        await network.IpAsync("addr", "add", $"{own}", "peer", $"{peer}", "dev", Interface);
        await network.IpAsync("link", "set", Interface, "up");
    }
}
