using System.Buffers.Binary;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace EdgeSync.EdgeCore.EdgeHub;

/// <summary>The kernel's own channel for news of interfaces, addresses and routes (rtnetlink(7)), for which .NET has no call.</summary>
internal static partial class NetlinkSocket
{
    /// <summary>No message of the kernel is longer; a longer one is cut off, and read as far as it is whole.</summary>
    public const int LongestMessage = 32 * 1024;

    /// <summary>The number that the answers to our question carry; news have 0.</summary>
    public const uint QuestionNumber = 1;

    private const int FamilyNetlink = 16;
    private const int RawCloseOnExec = 3 | 0x80000;
    private const int ProtocolRoute = 0;
    private const uint Groups = 0x1 | 0x10 | 0x40 | 0x100 | 0x400; // links; IPv4 addresses, routes; IPv6 addresses, routes
    private const ushort GetLink = 18;
    private const ushort RequestDump = 0x301;

    /// <summary>Opens it in the network of the calling thread, and asks for the links as they are.</summary>
    /// <exception cref="SocketException">The kernel, or what confines this process, does not allow it.</exception>
    public static Socket Open()
    {
        var descriptor = Check(OpenSocket(FamilyNetlink, RawCloseOnExec, ProtocolRoute));
        var handle = new SafeSocketHandle(descriptor, ownsHandle: true);
        try
        {
            // sockaddr_nl: family u16, padding u16, port u32 (0: the kernel chooses), groups u32
            Span<byte> address = stackalloc byte[12];
            address.Clear();
            BinaryPrimitives.WriteUInt16LittleEndian(address, FamilyNetlink);
            MemoryMarshal.Write(address[8..], Groups);
            Check(Bind(descriptor, address, address.Length));

            // nlmsghdr: length u32, type u16, flags u16, number u32, port u32; then ifinfomsg, all zero
            Span<byte> question = stackalloc byte[32];
            question.Clear();
            MemoryMarshal.Write(question, (uint)question.Length);
            MemoryMarshal.Write(question[4..], GetLink);
            MemoryMarshal.Write(question[6..], RequestDump);
            MemoryMarshal.Write(question[8..], QuestionNumber);
            Check((int)Send(descriptor, question, question.Length, 0));
            return new Socket(handle);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    private static int Check(int result) => result >= 0 ? result : throw new SocketException(
        (int)SocketError.SocketError, Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError()));

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial int OpenSocket(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "bind", SetLastError = true)]
    private static partial int Bind(int descriptor, ReadOnlySpan<byte> address, int length);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    private static partial nint Send(int descriptor, ReadOnlySpan<byte> message, nint length, int flags);
}
