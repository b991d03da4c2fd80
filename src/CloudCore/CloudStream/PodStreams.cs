using System.Net.WebSockets;
using EdgeSync.CloudCore.CloudStream.RemoteCommand;
using EdgeSync.CloudCore.CloudStream.Spdy;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.Hosting.Tunnel;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Tunnel;
using EdgeSync.Protocol.Wire;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Primitives;

namespace EdgeSync.CloudCore.CloudStream;

/// <summary>
/// Serves logs, exec, attach and port-forward of a pod to whoever has been let in: kubectl at the embedded API, or a cluster's API server
/// at the stream server. Fails with <see cref="ApiException"/> as long as nothing has been answered.
/// </summary>
internal sealed class PodStreams(KubeletClient kubelets, Func<CancellationToken> stopping, TimeProvider time)
{
    private const string SpdyProtocol = "SPDY/3.1";
    private const string RemoteProtocol = "v4.channel.k8s.io";
    private const string PortForwardProtocol = "portforward.k8s.io";
    private const string TunneledPortForward = "SPDY/3.1+portforward.k8s.io";
    private const string ProtocolHeader = "X-Stream-Protocol-Version";
    private const int BufferBytes = 16 * 1024;

    /// <summary>Whether the request asks for an upgrade of the connection.</summary>
    public static bool IsUpgrade(HttpRequest request) =>
        request.Headers.Connection.ToString().Contains("upgrade", StringComparison.OrdinalIgnoreCase);

    /// <summary>A log, with the query that kubelets know (PodLogOptions).</summary>
    public async Task LogsAsync(HttpContext context, PodTarget target, string query)
    {
        using var ending = Ending(context);
        await using var answer = await AskAsync(
            target, new TunnelRequest(
                "GET", $"/containerLogs/{target.Namespace}/{target.Pod}/{target.Container}", query,
                [new("User-Agent", "edgesync-cloudcore"), new("Connection", "close")]),
            StatusCodes.Status200OK, ending.Token);
        context.Response.ContentType = "text/plain";
        context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        await context.Response.StartAsync(ending.Token);
        var buffer = new byte[BufferBytes];
        try
        {
            int read;
            while ((read = await answer.Body.ReadAsync(buffer, ending.Token)) > 0)
            {
                await context.Response.Body.WriteAsync(buffer.AsMemory(0, read), ending.Token);
                await context.Response.Body.FlushAsync(ending.Token);
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            context.Abort(); // a cut answer must not look like a whole one
        }
    }

    /// <summary>Exec or attach.</summary>
    /// <param name="context">The request; SPDY/3.1 or WebSocket.</param>
    /// <param name="target">The container.</param>
    /// <param name="verb"><c>exec</c> or <c>attach</c>.</param>
    public async Task RemoteCommandAsync(HttpContext context, PodTarget target, string verb)
    {
        var query = QueryHelpers.ParseQuery(context.Request.QueryString.Value);
        var channels = RemoteQuery.Channels(query);
        var command = query.GetValueOrDefault("command", StringValues.Empty);
        Check(verb, channels, command);
        var isWebSocket = context.WebSockets.IsWebSocketRequest;
        var protocol = isWebSocket
            ? WebSocketClient.Protocols.FirstOrDefault(context.WebSockets.WebSocketRequestedProtocols.Contains)
            : Spdy(context, RemoteProtocol);
        if (protocol is null)
        {
            throw Unknown(context, isWebSocket ? context.WebSockets.WebSocketRequestedProtocols : context.Request.Headers[ProtocolHeader]);
        }

        using var ending = Ending(context);
        var request = new TunnelRequest(
            "POST", $"/{verb}/{target.Namespace}/{target.Pod}/{target.Container}", RemoteQuery.ForKubelet(channels, command),
            [new("Connection", "Upgrade"), new("Upgrade", SpdyProtocol), new(ProtocolHeader, RemoteProtocol), new("Content-Length", "0")]);
        await using var answer = await AskAsync(target, request, StatusCodes.Status101SwitchingProtocols, ending.Token);
        await using var kubelet = new SpdyConnection(answer.Body, isServer: false);
        IRemoteClient client;
        try
        {
            client = isWebSocket
                ? new WebSocketClient(await context.WebSockets.AcceptWebSocketAsync(protocol))
                : await SpdyClient.OpenAsync(await UpgradeAsync(context, SpdyProtocol, (ProtocolHeader, protocol)), channels, time, ending.Token);
        }
        catch (Exception e) when (e is ProtocolException or IOException)
        {
            context.Abort();
            return;
        }

        await using (client)
        {
            await new RemoteCommandProxy(target.Node, client, kubelet).RunAsync(channels, ending.Token);
        }
    }

    /// <summary>
    /// Port-forward: the streams are the client's and the runtime's own, and are carried as they are. Clients come with SPDY/3.1, with
    /// that inside a WebSocket (kubectl), or with a WebSocket of channels (the kubelet's own).
    /// </summary>
    public async Task PortForwardAsync(HttpContext context, PodTarget target)
    {
        using var ending = Ending(context);
        var path = $"/portForward/{target.Namespace}/{target.Pod}";
        var offered = context.WebSockets.WebSocketRequestedProtocols;
        if (context.WebSockets.IsWebSocketRequest && !offered.Contains(TunneledPortForward))
        {
            throw Unknown(context, offered);
        }

        if (!context.WebSockets.IsWebSocketRequest && Spdy(context, PortForwardProtocol) is null)
        {
            throw Unknown(context, context.Request.Headers[ProtocolHeader]);
        }

        var request = new TunnelRequest(
            "POST", path, "",
            [new("Connection", "Upgrade"), new("Upgrade", SpdyProtocol), new(ProtocolHeader, PortForwardProtocol), new("Content-Length", "0")]);
        await using var answer = await AskAsync(target, request, StatusCodes.Status101SwitchingProtocols, ending.Token);
        await using var client = context.WebSockets.IsWebSocketRequest
            ? await TunneledAsync(context)
            : await UpgradeAsync(context, SpdyProtocol, (ProtocolHeader, PortForwardProtocol));
        await CarryAsync(client, answer.Body, ending.Token);
    }

    /// <summary>Asks the node; an answer other than the wanted one becomes an error in Kubernetes' words.</summary>
    private async Task<KubeletResponse> AskAsync(PodTarget target, TunnelRequest request, int wanted, CancellationToken cancellationToken)
    {
        KubeletResponse answer;
        try
        {
            answer = await kubelets.SendAsync(target.Node, request, cancellationToken);
        }
        catch (NodeUnreachableException e)
        {
            throw new ApiException(StatusReason.ServiceUnavailable, e.Message);
        }

        if (answer.Status == wanted)
        {
            return answer;
        }

        await using (answer)
        {
            string text;
            try
            {
                text = await answer.ErrorTextAsync(cancellationToken);
            }
            catch (IOException e)
            {
                text = e.Message;
            }

            throw new ApiException(
                answer.Status switch
                {
                    StatusCodes.Status400BadRequest => StatusReason.BadRequest,
                    StatusCodes.Status403Forbidden => StatusReason.Forbidden,
                    StatusCodes.Status404NotFound => StatusReason.NotFound,
                    _ => StatusReason.InternalError,
                },
                text.Length > 0 ? text : $"node {target.Node} answered with {answer.Status}",
                new StatusDetails());
        }
    }

    private static void Check(string verb, RemoteChannels channels, StringValues command)
    {
        if (!channels.Stdin && !channels.Stdout && !channels.Stderr)
        {
            throw ApiException.BadRequest("you must specify at least 1 of stdin, stdout, stderr");
        }

        if (channels is { Tty: true, Stderr: true })
        {
            throw ApiException.BadRequest("tty and stderr cannot both be true");
        }

        if (verb == "exec" && command.Count == 0)
        {
            throw ApiException.BadRequest("you must specify at least one command");
        }
    }

    /// <summary>The protocol, where the client offers it over SPDY/3.1.</summary>
    private static string? Spdy(HttpContext context, string protocol)
    {
        if (!IsUpgrade(context.Request) || !context.Request.Headers.Upgrade.ToString().Equals(SpdyProtocol, StringComparison.OrdinalIgnoreCase))
        {
            throw ApiException.BadRequest("Upgrade request required");
        }

        return context.Request.Headers[ProtocolHeader].SelectMany(v => (v ?? "").Split(',', StringSplitOptions.TrimEntries)).Contains(protocol) ? protocol : null;
    }

    private static ApiException Unknown(HttpContext context, IEnumerable<string?> offered)
    {
        var served = context.Request.Path.Value!.EndsWith("/portforward", StringComparison.OrdinalIgnoreCase)
            ? $"{TunneledPortForward}, or {PortForwardProtocol} over {SpdyProtocol}"
            : $"{string.Join(", ", WebSocketClient.Protocols)}, or {RemoteProtocol} over {SpdyProtocol}";
        return new ApiException(
            StatusReason.Forbidden, $"unable to negotiate protocol: client supports [{string.Join(' ', offered)}], server accepts {served}", new StatusDetails());
    }

    /// <summary>
    /// The handshake is made here: the protocol's name has a slash in it, which is none of RFC 6455's, and ASP.NET refuses it.
    /// </summary>
    private static async Task<Stream> TunneledAsync(HttpContext context)
    {
        context.Response.Headers.SecWebSocketAccept = WebSocketHandshake.Accept(context.Request.Headers.SecWebSocketKey.ToString());
        var stream = await UpgradeAsync(context, "websocket", ("Sec-WebSocket-Protocol", TunneledPortForward));
        var socket = WebSocket.CreateFromStream(stream, new WebSocketCreationOptions { IsServer = true });
        return WebSocketStream.Create(socket, WebSocketMessageType.Binary, ownsWebSocket: true);
    }

    private static async Task<Stream> UpgradeAsync(HttpContext context, string protocol, (string Name, string Value) header)
    {
        if (context.Features.Get<IHttpUpgradeFeature>() is not { IsUpgradableRequest: true } upgrade)
        {
            throw ApiException.BadRequest("Upgrade request required");
        }

        context.Response.Headers.Connection = "Upgrade";
        context.Response.Headers.Upgrade = protocol;
        context.Response.Headers[header.Name] = header.Value;
        return await upgrade.UpgradeAsync();
    }

    private static async Task CarryAsync(Stream client, Stream node, CancellationToken cancellationToken)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task[] directions = [CopyAsync(client, node, ending.Token), CopyAsync(node, client, ending.Token)];
        await Task.WhenAny(directions);
        await ending.CancelAsync();
        await Task.WhenAll(directions).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // an end of either side is the end, however it came
    }

    private static async Task CopyAsync(Stream from, Stream to, CancellationToken cancellationToken)
    {
        var buffer = new byte[BufferBytes];
        int read;
        while ((read = await from.ReadAsync(buffer, cancellationToken)) > 0)
        {
            await to.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
            await to.FlushAsync(cancellationToken);
        }
    }

    private CancellationTokenSource Ending(HttpContext context) =>
        CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping());
}
