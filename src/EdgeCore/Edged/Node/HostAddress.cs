using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace EdgeSync.EdgeCore.Edged.Node;

/// <summary>The address under which this machine is known on its network.</summary>
internal static class HostAddress
{
    // TEST-NET-1 (RFC 5737): routed like any far address, belongs to nobody
    private static readonly IPEndPoint s_farAway = new(IPAddress.Parse("192.0.2.1"), 9);

    /// <summary>
    /// The source address of the default route; without one, the first address of an interface that is up.
    /// Asks the kernel only: nothing is sent. Empty where there is none.
    /// </summary>
    public static string Find()
    {
        try
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            socket.Connect(s_farAway);
            return ((IPEndPoint)socket.LocalEndPoint!).Address.ToString();
        }
        catch (SocketException)
        {
            return FirstOfInterfaces();
        }
    }

    private static string FirstOfInterfaces()
    {
        try
        {
            return NetworkInterface.GetAllNetworkInterfaces()
                .Where(i => i.OperationalStatus == OperationalStatus.Up && i.NetworkInterfaceType != NetworkInterfaceType.Loopback)
                .SelectMany(i => i.GetIPProperties().UnicastAddresses)
                .Select(a => a.Address)
                .FirstOrDefault(a => a.AddressFamily == AddressFamily.InterNetwork)?.ToString() ?? "";
        }
        catch (NetworkInformationException)
        {
            return ""; // what confines this process may refuse to list them
        }
    }
}
