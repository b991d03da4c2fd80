using EdgeSync.CloudCore.CloudStream.Spdy;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.CloudCore.CloudStream.RemoteCommand;

/// <summary>
/// Carries one exec or attach between a client and the node, which speaks SPDY/3.1. The channels are taken apart here, so that a link that
/// is cut becomes an error that the client sees: over bare SPDY, kubectl would take it for success.
/// </summary>
internal sealed class RemoteCommandProxy(string node, IRemoteClient client, SpdyConnection kubelet)
{
    private static readonly TimeSpan s_endTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_goodbye = TimeSpan.FromSeconds(2);

    private readonly Dictionary<int, RemoteChannel> _channels = [];
    private readonly Dictionary<RemoteChannel, int> _streams = [];
    private bool _hasStatus; // of the node's reader

    /// <summary>Runs it to its end, whichever side that comes from.</summary>
    public async Task RunAsync(RemoteChannels channels, CancellationToken cancellationToken)
    {
        // to cancel a read of a WebSocket breaks it: the client's reader is cancelled last, when the client has been told all
        using var clientEnding = new CancellationTokenSource();
        using var nodeEnding = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            foreach (var channel in channels.All)
            {
                var stream = await kubelet.OpenAsync([new("streamtype", RemoteChannels.NameOf(channel))], nodeEnding.Token);
                _channels[stream] = channel;
                _streams[channel] = stream;
            }
        }
        catch (IOException e)
        {
            await EndAsync(e.Message);
            return;
        }

        var up = FromClientAsync(clientEnding.Token);
        var down = FromNodeAsync(nodeEnding.Token);
        if (await Task.WhenAny(down, up) == down)
        {
            await EndAsync(await ProblemOfAsync(down));
            await Task.WhenAny(up, Task.Delay(s_goodbye, CancellationToken.None));
        }

        await clientEnding.CancelAsync();
        await nodeEnding.CancelAsync();
        await Task.WhenAll(up, down).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // either end is an end, however it came
    }

    private static async Task<string> ProblemOfAsync(Task task)
    {
        try
        {
            await task;
            return "";
        }
        catch (OperationCanceledException)
        {
            return "the hub stops";
        }
        catch (Exception e) when (e is IOException or ProtocolException)
        {
            return e.Message;
        }
    }

    private async Task FromClientAsync(CancellationToken cancellationToken)
    {
        while (await client.ReadAsync(cancellationToken) is { } input)
        {
            if (input.Channel is RemoteChannel.Stdin or RemoteChannel.Resize && _streams.TryGetValue(input.Channel, out var stream))
            {
                await SendAsync(stream, input, cancellationToken);
            }
        }
    }

    private async Task SendAsync(int stream, RemoteInput input, CancellationToken cancellationToken)
    {
        try
        {
            await kubelet.SendAsync(stream, input.Data, input.IsEnd, cancellationToken);
        }
        catch (IOException)
        {
            // the node is gone, which its reader tells the client; what the client says until it has heard that is of no use
        }
    }

    private async Task FromNodeAsync(CancellationToken cancellationToken)
    {
        // the client may begin: as a kubelet does it
        await client.WriteAsync(_streams.ContainsKey(RemoteChannel.Stdout) ? RemoteChannel.Stdout : RemoteChannel.Error, default, cancellationToken);
        var open = _streams.Where(s => s.Key is RemoteChannel.Error or RemoteChannel.Stdout or RemoteChannel.Stderr).Select(s => s.Value).ToHashSet();
        while (open.Count > 0 && await kubelet.ReadAsync(cancellationToken) is { } next)
        {
            if (!_channels.TryGetValue(next.StreamId, out var channel))
            {
                continue;
            }

            if (next.Data.Length > 0)
            {
                _hasStatus |= channel == RemoteChannel.Error;
                await client.WriteAsync(channel, next.Data, cancellationToken);
            }

            if (next.IsEnd)
            {
                open.Remove(next.StreamId);
            }
        }
    }

    private async Task EndAsync(string problem)
    {
        using var deadline = new CancellationTokenSource(s_endTimeout);
        try
        {
            if (!_hasStatus)
            {
                var text = problem.Length > 0 ? problem : "the node ended the stream without saying how the command ended";
                var status = StatusWriter.Failure(ApiException.Internal($"the stream to node {node} broke: {text}"));
                await client.WriteAsync(RemoteChannel.Error, status, deadline.Token);
            }

            await client.EndAsync(deadline.Token);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // the client went first
        }
    }
}
