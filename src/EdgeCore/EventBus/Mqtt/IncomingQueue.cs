using System.Threading.Channels;

namespace EdgeSync.EdgeCore.EventBus.Mqtt;

/// <summary>
/// Messages of one connection that wait for the handler. Bounded by number and bytes: a full queue stops the reader,
/// and so the broker. One adder, one taker.
/// </summary>
internal sealed class IncomingQueue(MqttOptions options)
{
    private readonly Lock _gate = new();
    private readonly Channel<bool> _added = Signal();
    private readonly Channel<bool> _taken = Signal();
    private List<MqttMessage> _messages = []; // guarded by _gate, as all below
    private long _bytes;
    private bool _complete;

    /// <summary>Waits until there is room.</summary>
    public async ValueTask AddAsync(MqttMessage message, CancellationToken cancellationToken)
    {
        while (!TryAdd(message))
        {
            await _taken.Reader.ReadAsync(cancellationToken);
        }

        _added.Writer.TryWrite(true);
    }

    /// <summary>Everything that waits, in order; empty where the queue is complete and nothing is left.</summary>
    public async ValueTask<IReadOnlyList<MqttMessage>> TakeAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            lock (_gate)
            {
                if (_messages.Count > 0 || _complete)
                {
                    var all = _messages;
                    _messages = [];
                    _bytes = 0;
                    _taken.Writer.TryWrite(true);
                    return all;
                }
            }

            await _added.Reader.ReadAsync(cancellationToken);
        }
    }

    /// <summary>Nothing more comes; what is there can still be taken.</summary>
    public void Complete()
    {
        lock (_gate)
        {
            _complete = true;
        }

        _added.Writer.TryWrite(true);
    }

    private bool TryAdd(MqttMessage message)
    {
        lock (_gate)
        {
            if (_messages.Count >= options.MaxIncoming || (_messages.Count > 0 && _bytes + message.Payload.Length > options.MaxIncomingBytes))
            {
                return false;
            }

            _messages.Add(message);
            _bytes += message.Payload.Length;
            return true;
        }
    }

    // one signal is enough: whoever wakes looks at the state
    private static Channel<bool> Signal() =>
        Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
}
