using EdgeSync.CloudCore.CloudStream.Spdy;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.CloudCore.CloudStream.RemoteCommand;

/// <summary>A client that speaks SPDY/3.1 with <c>v4.channel.k8s.io</c>: it opens one stream for each channel.</summary>
internal sealed class SpdyClient : IRemoteClient
{
    private static readonly TimeSpan s_openTimeout = TimeSpan.FromSeconds(30); // a kubelet's streamCreationTimeout

    private readonly SpdyConnection _connection;
    private readonly Dictionary<int, RemoteChannel> _channels = [];
    private readonly Dictionary<RemoteChannel, int> _streams = [];

    private SpdyClient(SpdyConnection connection) => _connection = connection;

    /// <summary>Waits until the client has opened the streams of all channels.</summary>
    /// <exception cref="ProtocolException">It opened others, or not all in time.</exception>
    public static async Task<SpdyClient> OpenAsync(Stream stream, RemoteChannels channels, TimeProvider time, CancellationToken cancellationToken)
    {
        var client = new SpdyClient(new SpdyConnection(stream, isServer: true));
        using var deadline = new CancellationTokenSource(s_openTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, deadline.Token);
        try
        {
            var missing = channels.All.ToDictionary(RemoteChannels.NameOf);
            while (missing.Count > 0)
            {
                var next = await client._connection.ReadAsync(either.Token) ?? throw new ProtocolException("the client went before it had opened its streams");
                if (next.Kind != SpdyEventKind.Opened)
                {
                    continue; // nobody sends data before all streams are there
                }

                if (!missing.Remove(next.Headers!.GetValueOrDefault("streamtype", ""), out var channel))
                {
                    throw new ProtocolException($"the client opened a stream that it did not ask for: \"{next.Headers!.GetValueOrDefault("streamtype", "")}\"");
                }

                client._channels[next.StreamId] = channel;
                client._streams[channel] = next.StreamId;
                await client._connection.AcceptAsync(next.StreamId, either.Token);
            }

            return client;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            await client.DisposeAsync();
            throw new ProtocolException($"the client did not open its streams within {s_openTimeout.TotalSeconds:0} s");
        }
        catch
        {
            await client.DisposeAsync();
            throw;
        }
    }

    public async Task<RemoteInput?> ReadAsync(CancellationToken cancellationToken)
    {
        while (await _connection.ReadAsync(cancellationToken) is { } next)
        {
            if (next.Kind == SpdyEventKind.Opened)
            {
                await _connection.RefuseAsync(next.StreamId, cancellationToken);
            }
            else if (_channels.TryGetValue(next.StreamId, out var channel))
            {
                return new RemoteInput(channel, next.Data, next.IsEnd);
            }
        }

        return null;
    }

    public Task WriteAsync(RemoteChannel channel, ReadOnlyMemory<byte> data, CancellationToken cancellationToken) =>
        _streams.TryGetValue(channel, out var stream) ? _connection.SendAsync(stream, data, isEnd: false, cancellationToken) : Task.CompletedTask;

    public async Task EndAsync(CancellationToken cancellationToken)
    {
        // the status last: a client that has read it looks no further
        foreach (var (channel, stream) in _streams.OrderBy(s => s.Key == RemoteChannel.Error))
        {
            if (channel is RemoteChannel.Stdout or RemoteChannel.Stderr or RemoteChannel.Error)
            {
                await _connection.SendAsync(stream, default, isEnd: true, cancellationToken);
            }
        }

        await _connection.GoAwayAsync(cancellationToken);
    }

    public ValueTask DisposeAsync() => _connection.DisposeAsync();
}
