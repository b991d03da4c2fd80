using System.Diagnostics.CodeAnalysis;

namespace EdgeSync.EdgeCore.EventBus.Mqtt;

/// <summary>
/// Messages on their way to the broker: waiting, and sent but not confirmed. Bounded by number and bytes; when full the
/// oldest waiting message of the least needed kind goes (documents, then results, then deltas), and is counted. Waiting
/// instead would hold back acknowledgements, and a broker whose queue for this client overflows drops updates that it
/// has acknowledged: an answer is the smaller loss. Outlives connections. Thread-safe.
/// </summary>
internal sealed class OutgoingQueue(MqttOptions options)
{
    private readonly Lock _gate = new();

    // all below: guarded by _gate. One queue for each kind, so that dropping is cheap; numbers keep the order over all.
    private readonly Queue<Item>[] _waiting = [new(), new(), new()];
    private readonly Queue<Item> _again = new();
    private readonly Dictionary<ushort, Item> _inFlight = [];
    private readonly long[] _dropped = new long[3];
    private long _number;
    private int _count;
    private long _bytes;
    private ushort _lastPacketId;

    /// <summary>Messages that the broker has not confirmed.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _count;
            }
        }
    }

    /// <summary>Dropped so far, by kind.</summary>
    public long Dropped(PublishKind kind)
    {
        lock (_gate)
        {
            return _dropped[(int)kind];
        }
    }

    /// <summary>Adds a message.</summary>
    /// <returns>False where that made the queue drop one (the new one, where nothing less needed waits).</returns>
    public bool Add(PublishKind kind, string topic, ReadOnlyMemory<byte> payload)
    {
        var item = new Item(kind, topic, payload);
        lock (_gate)
        {
            item.Number = _number++;
            _waiting[(int)kind].Enqueue(item);
            Weigh(item, 1);
            var kept = true;
            while (_count > options.MaxOutgoing || _bytes > options.MaxOutgoingBytes)
            {
                if (!DropOne())
                {
                    break;
                }

                kept = false;
            }

            return kept;
        }
    }

    /// <summary>The next message to write, with its packet id; false where none waits or enough are unconfirmed.</summary>
    public bool TryTake([NotNullWhen(true)] out Item? item)
    {
        lock (_gate)
        {
            if (_again.TryDequeue(out item))
            {
                return true;
            }

            if (_inFlight.Count >= options.MaxInFlight || Oldest() is not { } queue)
            {
                return false;
            }

            item = queue.Dequeue();
            item.PacketId = NewPacketId();
            _inFlight.Add(item.PacketId, item);
            return true;
        }
    }

    /// <summary>The broker has the message.</summary>
    public void Confirm(ushort packetId)
    {
        lock (_gate)
        {
            // an id that is not known answers a message of the connection before: no harm
            if (_inFlight.Remove(packetId, out var item))
            {
                Weigh(item, -1);
            }
        }
    }

    /// <summary>A new connection: what was not confirmed on the last one goes first, in the old order.</summary>
    public void Restart(bool sessionPresent)
    {
        lock (_gate)
        {
            _again.Clear();
            foreach (var item in _inFlight.Values.OrderBy(i => i.Number))
            {
                item.Again = sessionPresent;
                _again.Enqueue(item);
            }
        }
    }

    /// <summary>A packet id that is not in use, for a SUBSCRIBE.</summary>
    public ushort TakePacketId()
    {
        lock (_gate)
        {
            return NewPacketId();
        }
    }

    private ushort NewPacketId()
    {
        do
        {
            _lastPacketId++;
        }
        while (_lastPacketId == 0 || _inFlight.ContainsKey(_lastPacketId));
        return _lastPacketId;
    }

    private Queue<Item>? Oldest()
    {
        Queue<Item>? oldest = null;
        foreach (var queue in _waiting)
        {
            if (queue.TryPeek(out var head) && (oldest is null || head.Number < oldest.Peek().Number))
            {
                oldest = queue;
            }
        }

        return oldest;
    }

    private bool DropOne()
    {
        for (var kind = _waiting.Length - 1; kind >= 0; kind--)
        {
            if (_waiting[kind].TryDequeue(out var item))
            {
                Weigh(item, -1);
                _dropped[kind]++;
                return true;
            }
        }

        return false;
    }

    private void Weigh(Item item, int sign)
    {
        _count += sign;
        _bytes += sign * (item.Topic.Length + item.Payload.Length);
    }

    /// <summary>One message.</summary>
    internal sealed class Item(PublishKind kind, string topic, ReadOnlyMemory<byte> payload)
    {
        public PublishKind Kind => kind;

        public string Topic => topic;

        public ReadOnlyMemory<byte> Payload => payload;

        public long Number { get; set; }

        public ushort PacketId { get; set; }

        /// <summary>Was written on an earlier connection of the same session.</summary>
        public bool Again { get; set; }
    }
}
