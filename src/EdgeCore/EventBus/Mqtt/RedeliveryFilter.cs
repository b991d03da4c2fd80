namespace EdgeSync.EdgeCore.EventBus.Mqtt;

/// <summary>
/// Knows what was handled on the last connection and may not have been acknowledged, because the acknowledgement was
/// lost with the connection. The broker delivers that again, before anything new; applying it again would set values
/// back for a moment. Used by one task at a time.
/// </summary>
internal sealed class RedeliveryFilter
{
    /// <summary>More than a broker keeps in flight; older acknowledgements have arrived.</summary>
    private const int Remembered = 4096;

    private readonly Queue<ushort> _order = new();
    private readonly Dictionary<ushort, (int Hash, int Length)> _handled = [];
    private Dictionary<ushort, (int Hash, int Length)> _suspects = [];

    /// <summary>Notes a handled message; QoS 0 has nothing to be delivered again.</summary>
    public void Handled(MqttMessage message)
    {
        if (message.PacketId == 0)
        {
            return;
        }

        if (!_handled.ContainsKey(message.PacketId))
        {
            _order.Enqueue(message.PacketId);
        }

        _handled[message.PacketId] = Print(message);
        if (_order.Count > Remembered)
        {
            _handled.Remove(_order.Dequeue());
        }
    }

    /// <summary>A new connection of the same session begins.</summary>
    public void Reconnected()
    {
        _suspects = new(_handled);
        _handled.Clear();
        _order.Clear();
    }

    /// <summary>The broker began a new session: packet ids mean nothing any more.</summary>
    public void SessionLost()
    {
        _suspects.Clear();
        _handled.Clear();
        _order.Clear();
    }

    /// <summary>Whether this very message was handled on the connection before.</summary>
    public bool IsKnown(MqttMessage message)
    {
        if (_suspects.Count == 0 || message.PacketId == 0)
        {
            return false;
        }

        if (!message.Again)
        {
            // the first new message ends the redelivery
            _suspects.Clear();
            return false;
        }

        return _suspects.Remove(message.PacketId, out var print) && print == Print(message);
    }

    private static (int Hash, int Length) Print(MqttMessage message)
    {
        var hash = new HashCode();
        hash.Add(message.Topic);
        hash.AddBytes(message.Payload.Span);
        return (hash.ToHashCode(), message.Payload.Length);
    }
}
