using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace EdgeSync.TestKit;

/// <summary>
/// Loopback TCP ports that are free and stay so until the test uses them: never one twice from one process, and never one that
/// another process of tests on this machine may choose, since each takes whole blocks, with a locked file for each. They lie below
/// the range from which Linux takes the ports of outgoing connections (32768 and up by default, ip_local_port_range), so that a
/// program that is killed and started again finds its port free: no client of another test can have got it meanwhile.
/// </summary>
public static class FreePort
{
    private const int First = 15_000;
    private const int End = 32_768;
    private const int BlockSize = 64;

    private static readonly Lock s_gate = new();
    private static readonly List<FileStream> s_locks = []; // guarded by s_gate; held until the process ends
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
        var folder = Directory.CreateDirectory(Path.Combine(Path.GetTempPath(), $"edgesync-ports-{Environment.UserName}")).FullName;
        for (var attempt = 0; attempt < 1_000; attempt++)
        {
            var block = Random.Shared.Next((End - First) / BlockSize);
            var file = Path.Combine(folder, block.ToString(CultureInfo.InvariantCulture));
            try
            {
                s_locks.Add(new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
            }
            catch (IOException)
            {
                continue; // another's, or ours already
            }

            (s_next, s_end) = (First + (block * BlockSize), First + ((block + 1) * BlockSize));
            return;
        }

        throw new InvalidOperationException($"no block of TCP ports was found between {First} and {End} in 1000 tries: all are locked in {folder}");
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
