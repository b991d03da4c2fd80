using System.Net;
using System.Net.Sockets;

namespace EdgeSync.CloudCore.Enrollment;

/// <summary>
/// Counts refused enrollments per client address and says when one has had enough for now. It keeps a guesser from
/// filling log and processor; the token's signature is what keeps him out. Memory is bounded: past the limit, the
/// address that has been quiet longest is forgotten.
/// </summary>
internal sealed class FailedAttempts(TimeProvider time)
{
    // many honest boxes may share one address behind a NAT
    private const int MaxPerWindow = 30;
    private const int MaxAddresses = 10_000;

    private static readonly TimeSpan s_window = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private readonly Dictionary<IPAddress, LinkedListNode<Entry>> _byAddress = []; // guard: _gate
    private readonly LinkedList<Entry> _byAge = new(); // guard: _gate; oldest window first

    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _byAddress.Count;
            }
        }
    }

    /// <summary>How long the address has to wait; zero when it may try.</summary>
    public TimeSpan WaitFor(IPAddress? address)
    {
        lock (_gate)
        {
            var now = time.GetUtcNow();
            return _byAddress.TryGetValue(Group(address), out var node)
                && node.Value.Failures >= MaxPerWindow
                && node.Value.Start + s_window > now
                    ? node.Value.Start + s_window - now
                    : TimeSpan.Zero;
        }
    }

    public void Add(IPAddress? address)
    {
        lock (_gate)
        {
            var now = time.GetUtcNow();
            var group = Group(address);
            if (_byAddress.TryGetValue(group, out var node))
            {
                if (node.Value.Start + s_window > now)
                {
                    node.Value.Failures++;
                    return;
                }

                _byAge.Remove(node);
                _byAddress.Remove(group);
            }

            if (_byAddress.Count == MaxAddresses)
            {
                _byAddress.Remove(_byAge.First!.Value.Address);
                _byAge.RemoveFirst();
            }

            _byAddress[group] = _byAge.AddLast(new Entry { Address = group, Start = now, Failures = 1 });
        }
    }

    /// <summary>An IPv6 customer holds a /64 at least, so that is one address here.</summary>
    private static IPAddress Group(IPAddress? address)
    {
        if (address is null)
        {
            return IPAddress.None;
        }

        if (address.IsIPv4MappedToIPv6)
        {
            return address.MapToIPv4();
        }

        if (address.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return address;
        }

        var bytes = address.GetAddressBytes();
        bytes.AsSpan(8).Clear();
        return new IPAddress(bytes);
    }

    private sealed class Entry
    {
        public required IPAddress Address { get; init; }

        public required DateTimeOffset Start { get; init; }

        public int Failures { get; set; }
    }
}
