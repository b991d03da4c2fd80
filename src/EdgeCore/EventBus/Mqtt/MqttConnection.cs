using System.Buffers;
using System.IO.Pipelines;
using System.Threading.Channels;
using EdgeSync.Storage;

namespace EdgeSync.EdgeCore.EventBus.Mqtt;

/// <summary>
/// One network connection to the broker, from CONNECT to its end: a task that reads, one that handles, one that
/// writes, one that watches the silence. Acknowledgements go out in the order of receipt, after the handler.
/// </summary>
internal sealed class MqttConnection(
    Stream stream, MqttOptions options, OutgoingQueue outgoing, RedeliveryFilter redelivery, TimeProvider time)
{
    private const int ReadBufferSize = 64 * 1024;
    private const int WriteBatchBytes = 64 * 1024;

    private readonly IncomingQueue _incoming = new(options);
    private readonly TaskCompletionSource _subscribed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();
    private readonly Channel<bool> _toWrite = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    private List<ushort> _acknowledgements = []; // guarded by _gate
    private bool _pingDue; // guarded by _gate
    private long _lastHeard; // a TimeProvider timestamp; the reader writes, the watch reads
    private volatile bool _readerWaits; // for room, not for the broker: silence then says nothing
    private ushort _subscribeId;

    /// <summary>Whether the broker has confirmed the subscriptions.</summary>
    public bool IsSubscribed => _subscribed.Task.IsCompletedSuccessfully;

    /// <summary>Something is to be written.</summary>
    public void Wake() => _toWrite.Writer.TryWrite(true);

    /// <summary>
    /// Runs until the connection ends, which it always does with an exception; what was received is handled first.
    /// </summary>
    public async Task RunAsync(
        IReadOnlyList<string> topics, MqttHandler handler, Action<bool> accepted, CancellationToken cancellationToken)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var reader = PipeReader.Create(stream, new StreamPipeReaderOptions(bufferSize: ReadBufferSize));
        var sessionPresent = await ConnectAsync(reader, cancellationToken);
        Resume(sessionPresent);
        accepted(sessionPresent);

        // not cut off by the end of the connection: what has arrived is handled
        var handling = HandleAsync(handler, cancellationToken);
        Task[] tasks = [ReadAsync(reader, ended.Token), WriteAsync(topics, ended.Token), WatchAsync(ended.Token), handling];
        var first = await Task.WhenAny(tasks);
        await ended.CancelAsync();
        _incoming.Complete();
        await Task.WhenAll(tasks).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (cancellationToken.IsCancellationRequested)
        {
            await SayGoodbyeAsync();
        }

        await handling;
        await first;
    }

    private async Task<bool> ConnectAsync(PipeReader reader, CancellationToken cancellationToken)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(options.OperationTimeout);
        try
        {
            var output = new ArrayBufferWriter<byte>();
            MqttWriter.WriteConnect(output, options);
            await stream.WriteAsync(output.WrittenMemory, timeout.Token);
            while (true)
            {
                var result = await reader.ReadAsync(timeout.Token);
                var buffer = result.Buffer;
                if (MqttReader.TryReadHeader(buffer, out var header) && buffer.Length >= header.HeaderLength + 2)
                {
                    if (header is not { Type: MqttPacketType.ConnAck, Length: 2 })
                    {
                        throw new MqttProtocolException($"the answer to CONNECT is not a CONNACK (packet type {(int)header.Type})");
                    }

                    var (sessionPresent, code) = MqttReader.ReadConnAck(buffer.Slice(header.HeaderLength, 2));
                    reader.AdvanceTo(buffer.GetPosition(header.HeaderLength + 2));
                    return code == 0 ? sessionPresent : throw new MqttProtocolException($"refused: {Refusal(code)}");
                }

                reader.AdvanceTo(buffer.Start, buffer.End);
                if (result.IsCompleted)
                {
                    throw new MqttProtocolException("the broker closed the connection instead of answering CONNECT");
                }
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"no CONNACK within {options.OperationTimeout.TotalSeconds:0} s");
        }
    }

    private void Resume(bool sessionPresent)
    {
        _lastHeard = time.GetTimestamp();
        outgoing.Restart(sessionPresent);
        _subscribeId = outgoing.TakePacketId();
        if (sessionPresent)
        {
            redelivery.Reconnected();
        }
        else
        {
            redelivery.SessionLost();
        }
    }

    private async Task ReadAsync(PipeReader reader, CancellationToken cancellationToken)
    {
        var parser = new IncomingParser(options.MaxPacketBytes);
        var packets = new List<IncomingPacket>();
        while (true)
        {
            var result = await reader.ReadAsync(cancellationToken);
            Volatile.Write(ref _lastHeard, time.GetTimestamp());
            var rest = parser.Parse(result.Buffer, packets);
            reader.AdvanceTo(rest, result.Buffer.End);
            foreach (var packet in packets)
            {
                await TakeAsync(packet, cancellationToken);
            }

            packets.Clear();
            if (result.IsCompleted)
            {
                throw new IOException("the broker closed the connection");
            }
        }
    }

    private async ValueTask TakeAsync(IncomingPacket packet, CancellationToken cancellationToken)
    {
        switch (packet.Type)
        {
            case MqttPacketType.Publish:
                _readerWaits = true;
                await _incoming.AddAsync(packet.Message!, cancellationToken);
                Volatile.Write(ref _lastHeard, time.GetTimestamp());
                _readerWaits = false;
                break;
            case MqttPacketType.PubAck:
                outgoing.Confirm(packet.PacketId);
                Wake();
                break;
            case MqttPacketType.SubAck when packet.PacketId == _subscribeId:
                if (packet.SubscribeRefused)
                {
                    throw new MqttProtocolException("the broker refused a subscription; allow the client its topics ($hw/#, SYS/#, +/user/#) in the broker's access list");
                }

                _subscribed.TrySetResult();
                break;
            case MqttPacketType.PingResp:
                break;
            default:
                throw new MqttProtocolException($"an unexpected packet of type {(int)packet.Type}");
        }
    }

    private async Task HandleAsync(MqttHandler handler, CancellationToken cancellationToken)
    {
        while (true)
        {
            var messages = await _incoming.TakeAsync(cancellationToken);
            if (messages.Count == 0)
            {
                return;
            }

            var fresh = messages.Where(m => !redelivery.IsKnown(m)).ToList();
            if (fresh.Count > 0)
            {
                await handler(fresh, cancellationToken);
                fresh.ForEach(redelivery.Handled);
            }

            lock (_gate)
            {
                _acknowledgements.AddRange(messages.Where(m => m.PacketId != 0).Select(m => m.PacketId));
            }

            Wake();
        }
    }

    private async Task WriteAsync(IReadOnlyList<string> topics, CancellationToken cancellationToken)
    {
        var output = new ArrayBufferWriter<byte>(WriteBatchBytes);
        MqttWriter.WriteSubscribe(output, _subscribeId, topics);
        while (true)
        {
            var acknowledged = WriteAcknowledgements(output);
            while (output.WrittenCount < WriteBatchBytes && outgoing.TryTake(out var item))
            {
                MqttWriter.WritePublish(output, item.PacketId, item.Again, item.Topic, item.Payload.Span);
            }

            if (output.WrittenCount == 0)
            {
                await _toWrite.Reader.ReadAsync(cancellationToken);
                continue;
            }

            await FlushAsync(output.WrittenMemory, cancellationToken);
            if (acknowledged)
            {
                Failpoint.Hit(EdgeFailpoints.BrokerAcknowledged);
            }

            output.ResetWrittenCount();
        }
    }

    /// <returns>Whether there was any.</returns>
    private bool WriteAcknowledgements(ArrayBufferWriter<byte> output)
    {
        List<ushort> acknowledgements;
        lock (_gate)
        {
            acknowledgements = _acknowledgements;
            _acknowledgements = [];
            if (_pingDue)
            {
                MqttWriter.WriteEmpty(output, MqttPacketType.PingReq);
                _pingDue = false;
            }
        }

        foreach (var id in acknowledgements)
        {
            Failpoint.Hit(EdgeFailpoints.BrokerAcknowledging);
            MqttWriter.WritePubAck(output, id);
        }

        return acknowledgements.Count > 0;
    }

    private async Task FlushAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(options.OperationTimeout);
        try
        {
            await stream.WriteAsync(bytes, timeout.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"the broker took nothing for {options.OperationTimeout.TotalSeconds:0} s");
        }
    }

    private async Task WatchAsync(CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(options.KeepAlive / 4, time);
        var started = time.GetTimestamp();
        for (var tick = 0; await timer.WaitForNextTickAsync(cancellationToken); tick++)
        {
            if (!_subscribed.Task.IsCompleted && !_readerWaits && time.GetElapsedTime(started) > options.OperationTimeout)
            {
                throw new TimeoutException($"no SUBACK within {options.OperationTimeout.TotalSeconds:0} s");
            }

            if (!_readerWaits && time.GetElapsedTime(Volatile.Read(ref _lastHeard)) > options.KeepAlive)
            {
                throw new TimeoutException($"nothing heard from the broker for {options.KeepAlive.TotalSeconds:0.#} s, not even an answer to a ping");
            }

            if (tick % 2 == 0)
            {
                lock (_gate)
                {
                    _pingDue = true;
                }

                Wake();
            }
        }
    }

    private async Task SayGoodbyeAsync()
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        var output = new ArrayBufferWriter<byte>();
        MqttWriter.WriteEmpty(output, MqttPacketType.Disconnect);
        try
        {
            await stream.WriteAsync(output.WrittenMemory, timeout.Token);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // the connection may be gone already; the session stays either way
        }
    }

    /// <summary>MQTT 3.1.1 section 3.2.2.3.</summary>
    private static string Refusal(byte code) => code switch
    {
        1 => "the broker does not speak MQTT 3.1.1",
        2 => "the broker does not accept the client id",
        3 => "the broker is not ready",
        4 => "bad user name or password; check modules.eventBus.mqttUsername and mqttPassword",
        5 => "not authorized; set modules.eventBus.mqttUsername and mqttPassword, or allow anonymous clients on the broker's loopback listener",
        _ => $"code {code}",
    };
}
