using System.Text;
using EdgeSync.Protocol.Tunnel;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.Hosting.Tunnel;

/// <summary>Serves one request that came through a tunnel; what it throws ends the stream with that reason.</summary>
/// <param name="type">How the answer is to look.</param>
/// <param name="request">The request.</param>
/// <param name="stream">The stream; closed after the call.</param>
/// <param name="cancellationToken">Ends with the tunnel.</param>
public delegate Task ServeTunnelRequest(
    TunnelMessageType type, TunnelRequest request, TunnelStream stream, CancellationToken cancellationToken);

/// <summary>
/// One tunnel: many streams over one <see cref="RawWebSocket"/>, in KubeEdge's messages. The cloud opens streams, the edge serves them.
/// With EdgeSync's peers each stream has its window (<see cref="TunnelStream.WindowBytes"/>), so the reader never waits for
/// anybody; with KubeEdge's it waits for a slow stream for a while, and then ends that stream.
/// </summary>
/// <param name="socket">The connection; owned from here on.</param>
/// <param name="isExtended">Whether the peer speaks EdgeSync's extensions.</param>
/// <param name="serve">What serves requests: the edge's; null in the cloud.</param>
/// <param name="time">The clock.</param>
public sealed class TunnelSession(RawWebSocket socket, bool isExtended, ServeTunnelRequest? serve, TimeProvider time) : IAsyncDisposable
{
    /// <summary>The most streams of one tunnel at a time.</summary>
    public const int MaxStreams = 256;

    /// <summary>Time between two pings of the edge; a tunnel without a sign of life for four of them is given up by both sides.</summary>
    public static readonly TimeSpan PingInterval = TimeSpan.FromSeconds(5);

    private const int MaxUnread = 1 << 20; // bytes of one stream of a peer without windows
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private readonly Dictionary<ulong, TunnelStream> _streams = []; // guarded by _gate
    private readonly Dictionary<ulong, Task> _serving = []; // guarded by _gate; the edge's
    private ulong _lastId; // guarded by _gate; the cloud's
    private long _idleSince = time.GetTimestamp(); // guarded by _gate
    private string _endReason = ""; // guarded by _gate
    private bool _over; // guarded by _gate

    /// <summary>The longest message: KubeEdge's most, and its head.</summary>
    public static int MaxMessageBytes => TunnelMessage.MaxDataBytes + TunnelMessage.MaxHeadBytes;

    public bool IsExtended => isExtended;

    /// <summary>
    /// Whether a stream's end is answered by another: KubeEdge's cloud, whose client has gone, says so again and again, as fast as it
    /// can, until its node says it too.
    /// </summary>
    internal bool AnswersEnds => serve is not null && !isExtended;

    /// <summary>Streams that are open.</summary>
    public int StreamCount
    {
        get
        {
            lock (_gate)
            {
                return _streams.Count;
            }
        }
    }

    /// <summary>For how long there has been no stream.</summary>
    public TimeSpan Idle
    {
        get
        {
            lock (_gate)
            {
                return _streams.Count > 0 ? TimeSpan.Zero : time.GetElapsedTime(_idleSince);
            }
        }
    }

    /// <summary>Carries messages until the tunnel is over.</summary>
    /// <returns>Why it ended. Never throws for what the peer or the link does.</returns>
    public async Task<string> RunAsync(CancellationToken cancellationToken)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var watching = WatchAsync(ending.Token);
        var reason = "the peer closed the tunnel";
        try
        {
            while (await socket.ReceiveAsync(ending.Token) is { } payload)
            {
                var message = TunnelMessage.Read(payload);
                if (message.Type == TunnelMessageType.CloseConnect && serve is not null)
                {
                    reason = $"the hub closed the tunnel: {Encoding.UTF8.GetString(message.Data.Span)}";
                    break;
                }

                await HandleAsync(message, ending.Token);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            reason = "this side stops";
        }
        catch (Exception e) when (e is IOException or ProtocolException or ObjectDisposedException or OperationCanceledException)
        {
            reason = e.Message;
        }

        lock (_gate)
        {
            reason = _endReason.Length > 0 ? _endReason : reason;
        }

        await ending.CancelAsync();
        await watching;
        await EndStreamsAsync(reason);
        return reason;
    }

    /// <summary>Opens a stream for a request (the cloud's side).</summary>
    /// <exception cref="IOException">The tunnel is over, or has as many streams as it may.</exception>
    public async Task<TunnelStream> OpenAsync(TunnelMessageType type, TunnelRequest request, CancellationToken cancellationToken)
    {
        TunnelStream stream;
        lock (_gate)
        {
            if (_over || _streams.Count >= MaxStreams)
            {
                throw new IOException(_over ? $"the tunnel is over: {_endReason}" : $"{MaxStreams} streams are open already");
            }

            stream = new TunnelStream(this, ++_lastId);
            _streams.Add(stream.Id, stream);
        }

        try
        {
            await SendAsync(new TunnelMessage(stream.Id, type, request.Write(stream.Id)), cancellationToken);
            return stream;
        }
        catch
        {
            Forget(stream);
            throw;
        }
    }

    /// <summary>Ends the tunnel; <see cref="RunAsync"/> completes when it has.</summary>
    public void End(string reason)
    {
        lock (_gate)
        {
            _endReason = _endReason.Length > 0 ? _endReason : reason;
        }

        _ = socket.DisposeAsync().AsTask(); // whoever reads or writes is told by the closed stream
    }

    public ValueTask DisposeAsync() => socket.DisposeAsync();

    internal async Task SendAsync(TunnelMessage message, CancellationToken cancellationToken)
    {
        var head = new byte[TunnelMessage.MaxHeadBytes];
        await socket.SendAsync(head.AsMemory(0, message.WriteHead(head)), message.Data, cancellationToken);
    }

    /// <summary>Tells the peer that a stream is over; of no consequence where the tunnel is.</summary>
    internal Task SendRemoveAsync(ulong id, string reason) => SendIfOpenAsync(
        new TunnelMessage(id, TunnelMessageType.RemoveConnect, isExtended ? Encoding.UTF8.GetBytes(reason) : default));

    internal Task SendGrantAsync(ulong id, int bytes) => SendIfOpenAsync(TunnelMessage.Grant(id, bytes));

    internal void Forget(TunnelStream stream)
    {
        lock (_gate)
        {
            if (_streams.Remove(stream.Id) && _streams.Count == 0)
            {
                _idleSince = time.GetTimestamp();
            }
        }
    }

    private async Task SendIfOpenAsync(TunnelMessage message)
    {
        try
        {
            await SendAsync(message, CancellationToken.None);
        }
        catch (IOException)
        {
            // the tunnel is over, and with it the stream
        }
    }

    private async Task HandleAsync(TunnelMessage message, CancellationToken cancellationToken)
    {
        var stream = Find(message.Id);
        switch (message.Type)
        {
            case TunnelMessageType.LogsConnect or TunnelMessageType.ExecConnect or TunnelMessageType.MetricConnect or TunnelMessageType.AttachConnect
                when serve is not null:
                await BeginAsync(message, cancellationToken);
                break;
            case TunnelMessageType.Data when stream is not null:
                await ReceiveAsync(stream, message.Data, cancellationToken);
                break;
            case TunnelMessageType.RemoveConnect when stream is not null:
                Forget(stream);
                stream.End(Encoding.UTF8.GetString(message.Data.Span));
                break;
            case TunnelMessageType.Credit when isExtended:
                stream?.Grant(message.ReadCredit());
                break;
        }
    }

    private async Task ReceiveAsync(TunnelStream stream, ReadOnlyMemory<byte> data, CancellationToken cancellationToken)
    {
        if (!await stream.ReceiveAsync(data))
        {
            throw new ProtocolException($"stream {stream.Id}: more than its window of {TunnelStream.WindowBytes} bytes");
        }

        // a peer without windows: it can only be held up as a whole, which is done for a while
        if (!isExtended && stream.Unread > MaxUnread && !await stream.DrainsAsync(MaxUnread / 2, s_patience, time, cancellationToken))
        {
            Forget(stream);
            stream.End($"nobody read this stream for {s_patience.TotalSeconds:0} s, and others waited for it");
            await SendRemoveAsync(stream.Id, "");
        }
    }

    private async Task BeginAsync(TunnelMessage message, CancellationToken cancellationToken)
    {
        TunnelStream? stream = null;
        lock (_gate)
        {
            if (_streams.Count < MaxStreams && !_streams.ContainsKey(message.Id))
            {
                stream = new TunnelStream(this, message.Id);
                _streams.Add(stream.Id, stream);
                _serving[stream.Id] = ServeAsync(stream, message, cancellationToken);
            }
        }

        if (stream is null)
        {
            await SendRemoveAsync(message.Id, $"the node serves {MaxStreams} streams already");
        }
    }

    private async Task ServeAsync(TunnelStream stream, TunnelMessage message, CancellationToken cancellationToken)
    {
        await Task.Yield(); // out of the lock
        var reason = "";
        try
        {
            await serve!(message.Type, TunnelRequest.Read(message.Data), stream, cancellationToken);
        }
        catch (Exception e)
        {
            reason = e.Message; // whatever it is, it ends this stream and tells whoever waits at its other end
        }

        await stream.CloseAsync(reason);
        lock (_gate)
        {
            _serving.Remove(stream.Id);
        }
    }

    private TunnelStream? Find(ulong id)
    {
        lock (_gate)
        {
            return _streams.GetValueOrDefault(id);
        }
    }

    /// <summary>The edge pings; both sides give a silent tunnel up.</summary>
    private async Task WatchAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                await Task.Delay(PingInterval, time, cancellationToken);
                if (socket.Silence > 4 * PingInterval)
                {
                    End($"nothing was heard for {(4 * PingInterval).TotalSeconds:0} s");
                    return;
                }

                if (serve is not null)
                {
                    await socket.PingAsync(cancellationToken);
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // the tunnel is over; its reader says why
        }
    }

    private async Task EndStreamsAsync(string reason)
    {
        TunnelStream[] streams;
        Task[] serving;
        lock (_gate)
        {
            _over = true;
            _endReason = reason;
            streams = [.. _streams.Values];
            serving = [.. _serving.Values];
            _streams.Clear();
        }

        foreach (var stream in streams)
        {
            stream.End($"the tunnel is over: {reason}");
        }

        await socket.CloseAsync();
        await socket.DisposeAsync();
        await Task.WhenAll(serving);
    }
}
