using System.Runtime.InteropServices;
using System.Text;

namespace EdgeSync.TestKit;

/// <summary>
/// A network interface whose other end is this process: what the kernel sends there is read as IP packets, what is
/// written arrives. It ends when it is disposed of.
/// </summary>
internal sealed unsafe partial class TunDevice : IDisposable
{
    private const int ReadWriteCloseOnExec = 0x80002;
    private const nuint SetInterface = 0x400454ca; // TUNSETIFF
    private const short PlainIpPackets = 0x1001; // IFF_TUN | IFF_NO_PI
    private const short Readable = 1; // POLLIN

    private readonly int _descriptor;

    /// <summary>Makes the interface in the namespace.</summary>
    public TunDevice(NetworkNamespace network, string name) => _descriptor = network.Run(() => OpenHere(name));

    /// <summary>The next packet; 0 where none came within <paramref name="timeoutMs"/>.</summary>
    public int Read(Span<byte> packet, int timeoutMs)
    {
        var wait = new PollRequest { Descriptor = _descriptor, Events = Readable };
        if (Poll(&wait, 1, timeoutMs) <= 0)
        {
            return 0;
        }

        fixed (byte* first = packet)
        {
            return Math.Max(0, (int)Read(_descriptor, first, (nuint)packet.Length));
        }
    }

    /// <summary>Hands the kernel a packet; one that it does not take is lost, as on any link.</summary>
    public void Write(ReadOnlySpan<byte> packet)
    {
        fixed (byte* first = packet)
        {
            _ = Write(_descriptor, first, (nuint)packet.Length);
        }
    }

    public void Dispose() => _ = Close(_descriptor);

    private static int OpenHere(string name)
    {
        var descriptor = Open("/dev/net/tun", ReadWriteCloseOnExec);
        if (descriptor < 0)
        {
            throw new InvalidOperationException($"/dev/net/tun: {Marshal.GetLastPInvokeErrorMessage()}");
        }

        // struct ifreq: 16 bytes of name, then the flags
        var request = stackalloc byte[40];
        new Span<byte>(request, 40).Clear();
        Encoding.ASCII.GetBytes(name, new Span<byte>(request, 15));
        *(short*)(request + 16) = PlainIpPackets;
        if (Control(descriptor, SetInterface, request) < 0)
        {
            var error = Marshal.GetLastPInvokeErrorMessage();
            _ = Close(descriptor);
            throw new InvalidOperationException($"no tun interface {name}: {error}");
        }

        return descriptor;
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Control(int descriptor, nuint request, byte* argument);

    [LibraryImport("libc", EntryPoint = "poll")]
    private static partial int Poll(PollRequest* requests, nuint count, int timeoutMs);

    [LibraryImport("libc", EntryPoint = "read")]
    private static partial nint Read(int descriptor, byte* buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "write")]
    private static partial nint Write(int descriptor, byte* buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);

    /// <summary>struct pollfd.</summary>
    private struct PollRequest
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }
}
