using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using EdgeSync.EdgeCore.Configuration;
using EdgeSync.EdgeCore.Edged;
using EdgeSync.EdgeCore.EdgeHub;
using EdgeSync.Hosting.Tunnel;

namespace EdgeSync.EdgeCore.EdgeStream;

/// <summary>
/// Opens the stream tunnel: <c>wss://HOST:PORT/v1/kubeedge/connect</c> with KubeEdge's headers and the node's certificate. .NET's
/// WebSocket refuses what KubeEdge sends there, so the handshake is made here and the frames are read by <see cref="RawWebSocket"/>.
/// </summary>
internal sealed class TunnelConnector(EdgeCoreConfig config, EdgedSettings settings, HubConnector hub, TimeProvider time)
{
    private const string VersionHeader = "Edgesync-Version";
    private const int KubeEdgePort = 10004;
    private const int MaxErrorBytes = 1024;

    private readonly EdgeStreamSection _stream = config.Modules.EdgeStream;

    /// <summary>Where the tunnel goes.</summary>
    /// <param name="hubIsExtended">Whether the hub is EdgeSync's, which takes tunnels on its one port.</param>
    public string Server(bool hubIsExtended)
    {
        if (_stream.Server.Length > 0)
        {
            return _stream.Server;
        }

        return hubIsExtended || !HostPort.TryParse(hub.Server, null, out var address)
            ? hub.Server
            : new HostPort(address.Host, KubeEdgePort).ToString();
    }

    /// <summary>Dials once.</summary>
    /// <param name="server">HOST:PORT.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>The connection, and whether the peer speaks EdgeSync's extensions.</returns>
    /// <exception cref="HttpRequestException">Unreachable or not trusted.</exception>
    /// <exception cref="MisdirectedTunnelException">Another replica of the hub was reached than that which has the session.</exception>
    /// <exception cref="IOException">Refused; the message says how.</exception>
    public async Task<(RawWebSocket Socket, bool IsExtended)> ConnectAsync(string server, CancellationToken cancellationToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(TimeSpan.FromSeconds(_stream.HandshakeTimeout));
        using var handler = hub.CreateHandler(_ => { });
        using var invoker = new HttpMessageInvoker(handler);
        var key = Convert.ToBase64String(RandomNumberGenerator.GetBytes(16));
        using var request = Request(server, key);
        var response = await invoker.SendAsync(request, deadline.Token);
        try
        {
            if (response.StatusCode == HttpStatusCode.MisdirectedRequest)
            {
                throw new MisdirectedTunnelException($"{(int)response.StatusCode} {await ErrorAsync(response, deadline.Token)}");
            }

            if (response.StatusCode != HttpStatusCode.SwitchingProtocols)
            {
                throw new IOException($"{(int)response.StatusCode} {await ErrorAsync(response, deadline.Token)}");
            }

            if (!response.Headers.TryGetValues("Sec-WebSocket-Accept", out var accept) || accept.First() != WebSocketHandshake.Accept(key))
            {
                throw new IOException("the answer to the WebSocket handshake is not one to this handshake");
            }

            var isExtended = response.Headers.TryGetValues(VersionHeader, out var versions) && versions.Contains("1");
            var socket = new RawWebSocket(
                await response.Content.ReadAsStreamAsync(deadline.Token), isClient: true, TunnelSession.MaxMessageBytes,
                TimeSpan.FromSeconds(_stream.WriteDeadline), time);
            return (socket, isExtended);
        }
        catch
        {
            response.Dispose();
            throw;
        }
    }

    private static async Task<string> ErrorAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var buffer = new byte[MaxErrorBytes];
        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        var length = await body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken);
        return Encoding.UTF8.GetString(buffer, 0, length).Trim();
    }

    private HttpRequestMessage Request(string server, string key)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, new Uri($"https://{server}/v1/kubeedge/connect"))
        {
            Version = HttpVersion.Version11,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        request.Headers.Connection.Add("Upgrade");
        request.Headers.Upgrade.Add(new ProductHeaderValue("websocket"));
        request.Headers.Add("Sec-WebSocket-Version", "13");
        request.Headers.Add("Sec-WebSocket-Key", key);
        request.Headers.Add("SessionHostNameOverride", settings.NodeName);
        request.Headers.Add("SessionInternalIP", settings.NodeIP);
        request.Headers.Add(VersionHeader, "1");
        return request;
    }
}
