using System.Security.Cryptography.X509Certificates;
using EdgeSync.CloudCore.CloudHub;
using EdgeSync.Hosting.Tunnel;
using Microsoft.AspNetCore.Http.Features;

namespace EdgeSync.CloudCore.CloudStream;

/// <summary>
/// Takes the nodes' stream tunnels: <c>GET /v1/kubeedge/connect</c> with KubeEdge's headers. As with sessions, who a node is comes from its
/// client certificate. The WebSocket is spoken by <see cref="RawWebSocket"/>, since .NET's refuses the bytes that come as text.
/// </summary>
internal sealed partial class TunnelEndpoint(
    NodeTunnels tunnels, Func<CancellationToken> stopping, TimeProvider time, ILogger<TunnelEndpoint> logger)
{
    /// <summary>KubeEdge's path.</summary>
    public const string Path = "/v1/kubeedge/connect";

    private const string NodeHeader = "SessionHostNameOverride";
    private static readonly TimeSpan s_writeTimeout = TimeSpan.FromSeconds(15);

    /// <summary>
    /// Whether the node's session is elsewhere: then its tunnel has to be too, and this one is refused with 421. A balancer in front of several
    /// replicas does not know which one is meant; the node tries again.
    /// </summary>
    public Func<string, bool> IsMisdirected { get; init; } = _ => false;

    /// <summary>Serves one connection from the upgrade to its end.</summary>
    public async Task HandleAsync(HttpContext context)
    {
        var key = context.Request.Headers.SecWebSocketKey.ToString();
        if (context.Features.Get<IHttpUpgradeFeature>() is not { IsUpgradableRequest: true } upgrade
            || !context.Request.Headers.Upgrade.ToString().Equals("websocket", StringComparison.OrdinalIgnoreCase)
            || context.Request.Headers.SecWebSocketVersion != "13" || key.Length == 0)
        {
            await RefuseAsync(context, StatusCodes.Status400BadRequest, "a WebSocket upgrade was expected here: nodes connect with edgecore");
            return;
        }

        var node = context.Request.Headers[NodeHeader].ToString();
        if (await context.Connection.GetClientCertificateAsync(context.RequestAborted) is not { } certificate)
        {
            await RefuseAsync(context, StatusCodes.Status401Unauthorized, "no client certificate: join this node first (edgecore join)");
            return;
        }

        var named = certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false);
        if (node.Length == 0 || named != $"system:node:{node}")
        {
            await RefuseAsync(context, StatusCodes.Status403Forbidden, $"the certificate is \"{named}\", the header says node \"{node}\"");
            return;
        }

        if (IsMisdirected(node))
        {
            await RefuseAsync(context, StatusCodes.Status421MisdirectedRequest, "this replica of the hub does not hold the node's session; try again, another one does");
            return;
        }

        var extended = context.Request.Headers[CloudHubEndpoint.VersionHeader] == "1";
        if (extended)
        {
            context.Response.Headers[CloudHubEndpoint.VersionHeader] = "1";
        }

        context.Response.Headers.Upgrade = "websocket";
        context.Response.Headers.Connection = "Upgrade";
        context.Response.Headers.SecWebSocketAccept = WebSocketHandshake.Accept(key);
        await ServeAsync(node, await upgrade.UpgradeAsync(), extended);
    }

    private async Task ServeAsync(string node, Stream stream, bool extended)
    {
        await using var socket = new RawWebSocket(stream, isClient: false, TunnelSession.MaxMessageBytes, s_writeTimeout, time);
        await using var session = new TunnelSession(socket, extended, serve: null, time);
        tunnels.Enter(node, session);
        LogOpened(node, extended);
        try
        {
            LogClosed(node, await session.RunAsync(stopping()));
        }
        finally
        {
            tunnels.Leave(node, session);
        }
    }

    private async Task RefuseAsync(HttpContext context, int code, string text)
    {
        LogRefused(context.Connection.RemoteIpAddress?.ToString() ?? "", text);
        context.Response.StatusCode = code;
        context.Response.ContentType = "text/plain; charset=utf-8";
        await context.Response.WriteAsync(text + "\n", context.RequestAborted);
    }

    [LoggerMessage(LogLevel.Information, "Stream tunnel of node {Node} is up, extensions {Extended}")]
    private partial void LogOpened(string node, bool extended);

    [LoggerMessage(LogLevel.Information, "Stream tunnel of node {Node} is closed: {Reason}")]
    private partial void LogClosed(string node, string reason);

    [LoggerMessage(LogLevel.Warning, "Stream tunnel from {Address} refused: {Text}")]
    private partial void LogRefused(string address, string text);
}
