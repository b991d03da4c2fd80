using System.Net;
using System.Net.Sockets;

namespace EdgeSync.TestKit;

/// <summary>
/// Loopback TCP ports that were free a moment ago, never one twice from one process. They lie below the range from
/// which Linux takes the ports of outgoing connections (32768 and up by default, ip_local_port_range), so that a
/// program that is killed and started again finds its port free: no client of another test can have got it meanwhile.
/// </summary>
public static class FreePort
{
    private const int First = 15_000;
    private const int End = 32_768;

    private static readonly HashSet<int> s_given = [];

    public static int Next()
    {
        for (var attempt = 0; attempt < 1_000; attempt++)
        {
            var port = Random.Shared.Next(First, End);
            if (IsFree(port) && Take(port))
            {
                return port;
            }
        }

        throw new InvalidOperationException($"no free TCP port was found between {First} and {End} in 1000 tries");
    }

    // on every address, so that a program that listens on all of them is seen too
    private static bool IsFree(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Any, port));
            return true;
        }
        catch (SocketException taken) when (taken.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            return false;
        }
    }

    private static bool Take(int port)
    {
        lock (s_given)
        {
            return s_given.Add(port);
        }
    }
}
