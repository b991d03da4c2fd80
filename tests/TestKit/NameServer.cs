using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace EdgeSync.TestKit;

/// <summary>
/// The DNS server of one <see cref="NetworkNamespace"/>: answers every question for an IPv4 address with
/// <see cref="Address"/>, all others with nothing (RFC 1035, over UDP). It listens where the machine's
/// <c>resolv.conf</c> says, inside the namespace.
/// </summary>
public sealed class NameServer : IAsyncDisposable
{
    /// <summary>Any name would do.</summary>
    public const string HubName = "hub.edgesync.test";

    private const int HeaderBytes = 12;
    private const int TypeA = 1;

    private readonly Socket _socket;
    private readonly CancellationTokenSource _ending = new();
    private readonly Task _serving;
    private volatile IPAddress _address;

    private NameServer(Socket socket, IPAddress address)
    {
        _socket = socket;
        _address = address;
        _serving = ServeAsync();
    }

    /// <summary>What every name means, from now on.</summary>
    public IPAddress Address
    {
        get => _address;
        set => _address = value;
    }

    public static async Task<NameServer> StartAsync(NetworkNamespace network, IPAddress address)
    {
        var own = await ConfiguredServerAsync();
        if (!IPAddress.IsLoopback(own))
        {
            await network.IpAsync("addr", "add", $"{own}/32", "dev", "lo");
        }

        var socket = network.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
        socket.Bind(new IPEndPoint(own, 53));
        return new NameServer(socket, address);
    }

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        await _serving;
        _socket.Dispose();
        _ending.Dispose();
    }

    private static async Task<IPAddress> ConfiguredServerAsync()
    {
        foreach (var line in await File.ReadAllLinesAsync("/etc/resolv.conf"))
        {
            if (line.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries) is ["nameserver", var text, ..]
                && IPAddress.TryParse(text, out var found) && found.AddressFamily == AddressFamily.InterNetwork)
            {
                return found;
            }
        }

        return IPAddress.Loopback; // what the C library asks where nothing is configured
    }

    private async Task ServeAsync()
    {
        var buffer = new byte[512];
        try
        {
            while (true)
            {
                var question = await _socket.ReceiveFromAsync(buffer, SocketFlags.None, new IPEndPoint(IPAddress.Any, 0), _ending.Token);
                if (Answer(buffer.AsSpan(0, question.ReceivedBytes), _address) is { } answer)
                {
                    await _socket.SendToAsync(answer, SocketFlags.None, question.RemoteEndPoint, _ending.Token);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // disposed of
        }
    }

    /// <summary>id(2) flags(2) counts(8), then labels ending with a zero byte, type(2), class(2).</summary>
    private static byte[]? Answer(ReadOnlySpan<byte> question, IPAddress address)
    {
        var end = question.Length > HeaderBytes ? question[HeaderBytes..].IndexOf((byte)0) : -1;
        if (end < 0 || question.Length < HeaderBytes + end + 5)
        {
            return null;
        }

        var asked = question[..(HeaderBytes + end + 5)];
        var isAddress = BinaryPrimitives.ReadUInt16BigEndian(asked[^4..]) == TypeA;
        // name as in the question, type A, class IN, lives 0 s, 4 bytes
        byte[] record = isAddress ? [0xC0, HeaderBytes, 0, TypeA, 0, 1, 0, 0, 0, 0, 0, 4, .. address.GetAddressBytes()] : [];
        byte[] answer = [.. asked, .. record];
        BinaryPrimitives.WriteUInt16BigEndian(answer.AsSpan(2), 0x8580); // an answer, by the authority, recursion available
        BinaryPrimitives.WriteUInt16BigEndian(answer.AsSpan(6), (ushort)(isAddress ? 1 : 0));
        answer.AsSpan(8, 4).Clear(); // no authority, no additional records
        return answer;
    }
}
