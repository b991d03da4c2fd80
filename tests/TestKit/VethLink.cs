using System.Net;

namespace EdgeSync.TestKit;

/// <summary>
/// A cable between a cloud's network and an edge's: a pair of virtual interfaces. Pulled, both ends keep their addresses and
/// have no carrier, and what is sent is lost.
/// </summary>
public sealed class VethLink : IDisposable
{
    private const string CloudEnd = "cloud0";
    private const string EdgeEnd = "edge0";

    private VethLink()
    {
    }

    public static IPAddress CloudAddress { get; } = IPAddress.Parse("10.112.0.1");

    public static IPAddress EdgeAddress { get; } = IPAddress.Parse("10.112.0.2");

    public NetworkNamespace Cloud { get; } = new();

    public NetworkNamespace Edge { get; } = new();

    public static async Task<VethLink> StartAsync()
    {
        var link = new VethLink();
        try
        {
            await link.Cloud.IpAsync("link", "add", CloudEnd, "type", "veth", "peer", "name", EdgeEnd);
            await link.Cloud.IpAsync("link", "set", EdgeEnd, "netns", link.Edge.Path);
            await UpAsync(link.Cloud, CloudEnd, CloudAddress);
            await UpAsync(link.Edge, EdgeEnd, EdgeAddress);
            return link;
        }
        catch
        {
            link.Dispose();
            throw;
        }
    }

    /// <summary>Pulls the cable at the cloud's end.</summary>
    public Task PullAsync() => Cloud.IpAsync("link", "set", CloudEnd, "down");

    /// <summary>Plugs it in again.</summary>
    public Task PlugInAsync() => Cloud.IpAsync("link", "set", CloudEnd, "up");

    public void Dispose()
    {
        Cloud.Dispose();
        Edge.Dispose();
    }

    private static async Task UpAsync(NetworkNamespace network, string end, IPAddress address)
    {
        await network.IpAsync("link", "set", "lo", "up");

        // no address that comes and goes with the carrier
        await network.IpAsync("link", "set", end, "addrgenmode", "none");
        await network.IpAsync("addr", "add", $"{address}/24", "dev", end);
        await network.IpAsync("link", "set", end, "up");
    }
}
