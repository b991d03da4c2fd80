using System.Net;
using System.Net.Sockets;

namespace EdgeSync.TestKit;

/// <summary>
/// Loopback TCP ports that are free and stay so until the test uses them: never one twice from one process, and never one that
/// another process of tests on this machine may choose, since each takes whole blocks, and as long as it lives holds the UDP port of
/// a block's first number as its mark, which leaves nothing behind. They lie below the range from which Linux takes the ports of
/// outgoing connections (32768 and up by default, ip_local_port_range), so that a program that is killed and started again finds its
/// port free: no client of another test can have got it meanwhile.
/// </summary>
public static class FreePort
{
    private const int First = 15_000;
    private const int End = 32_768;
    private const int BlockSize = 64;

    private static readonly Lock s_gate = new();
    private static readonly List<Socket> s_marks = []; // guarded by s_gate; held until the process ends
    private static int s_next; // guarded by s_gate, as the next
    private static int s_end;

    public static int Next() => Next(1);

    /// <summary>The first of so many in a row.</summary>
    public static int Next(int count)
    {
        lock (s_gate)
        {
            while (true)
            {
                if (s_next + count > s_end)
                {
                    TakeBlock();
                }

                var first = s_next;
                s_next += count;
                if (Enumerable.Range(first, count).All(IsFree))
                {
                    return first;
                }
            }
        }
    }

    private static void TakeBlock()
    {
        for (var attempt = 0; attempt < 1_000; attempt++)
        {
            var first = First + (Random.Shared.Next((End - First) / BlockSize) * BlockSize);
            var mark = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            try
            {
                mark.Bind(new IPEndPoint(IPAddress.Loopback, first));
            }
            catch (SocketException)
            {
                mark.Dispose(); // another's, or ours already
                continue;
            }

            s_marks.Add(mark);
            (s_next, s_end) = (first, first + BlockSize);
            return;
        }

        throw new InvalidOperationException($"no block of TCP ports was found between {First} and {End}: all are marked by other processes of tests");
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
}
