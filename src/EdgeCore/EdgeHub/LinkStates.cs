using System.Runtime.InteropServices;

namespace EdgeSync.EdgeCore.EdgeHub;

/// <summary>
/// Which interfaces have a carrier, by what the kernel tells (rtnetlink(7)); not thread-safe. A datagram holds messages one after
/// another, each padded to four bytes, in the machine's byte order:
/// <code>
/// nlmsghdr   length u32 | type u16 | flags u16 | number u32 | port u32
/// ifinfomsg  family u8 | - | type u16 | index i32 | flags u32 | …      NEWLINK, DELLINK
/// ifaddrmsg  family u8 | prefix u8 | flags u8 | scope u8 | index u32   NEWADDR
/// rtmsg      family u8 | … | table u8 (at 4) | protocol u8 | scope u8 | type u8 | …   NEWROUTE
/// </code>
/// </summary>
internal sealed class LinkStates
{
    private const int MostInterfaces = 4096;
    private const int HeaderLength = 16;
    private const ushort NewLink = 16;
    private const ushort DeletedLink = 17;
    private const ushort NewAddress = 20;
    private const ushort NewRoute = 24;
    private const uint IsLoopback = 0x8;
    private const uint HasCarrier = 0x40 | 0x10000; // IFF_RUNNING, IFF_LOWER_UP
    private const byte IsTentative = 0x40;
    private const byte HostScope = 254;
    private const byte MainTable = 254;
    private const byte Unicast = 1;

    private readonly Dictionary<int, bool> _carriers = [];

    /// <summary>True where something came up that may lead to the hub: a carrier, an address, a route.</summary>
    public bool Take(ReadOnlySpan<byte> datagram)
    {
        var isUp = false;
        while (datagram.Length >= HeaderLength)
        {
            var length = MemoryMarshal.Read<uint>(datagram);
            if (length < HeaderLength || length > datagram.Length)
            {
                break;
            }

            var type = MemoryMarshal.Read<ushort>(datagram[4..]);
            var isAnswer = MemoryMarshal.Read<uint>(datagram[8..]) == NetlinkSocket.QuestionNumber;
            isUp |= TakeMessage(type, datagram[HeaderLength..(int)length]) && !isAnswer;
            datagram = datagram[Math.Min(datagram.Length, (int)((length + 3) & ~3u))..];
        }

        return isUp;
    }

    private bool TakeMessage(ushort type, ReadOnlySpan<byte> body) => type switch
    {
        NewLink or DeletedLink when body.Length >= 16 => TakeLink(type == NewLink, body),
        NewAddress when body.Length >= 8 => (body[2] & IsTentative) == 0 && body[3] != HostScope,
        NewRoute when body.Length >= 12 => body[4] == MainTable && body[7] == Unicast,
        _ => false,
    };

    private bool TakeLink(bool isThere, ReadOnlySpan<byte> body)
    {
        var index = MemoryMarshal.Read<int>(body[4..]);
        var flags = MemoryMarshal.Read<uint>(body[8..]);
        if (!isThere)
        {
            _carriers.Remove(index);
            return false;
        }

        var had = _carriers.GetValueOrDefault(index);
        var has = (flags & HasCarrier) == HasCarrier && (flags & IsLoopback) == 0;
        if (_carriers.Count >= MostInterfaces)
        {
            _carriers.Clear();
        }

        _carriers[index] = has;
        return has && !had;
    }
}
