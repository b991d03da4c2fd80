using System.Globalization;
using System.Net.Security;
using System.Net.WebSockets;
using System.Reflection;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using EdgeSync.EdgeCore.Configuration;
using EdgeSync.Hosting;

namespace EdgeSync.EdgeCore.EdgeHub;

/// <summary>An open link.</summary>
/// <param name="Socket">The link; the taker closes it.</param>
/// <param name="Extended">Whether the hub speaks EdgeSync's extensions; otherwise KubeEdge's rules hold.</param>
internal sealed record HubLink(MessageSocket Socket, bool Extended);

/// <summary>
/// Opens the WebSocket to the hub: <c>wss://HOST:PORT/PROJECT/NODE/events</c> with KubeEdge's headers, the node's certificate, and
/// the pinned CA as the only one trusted.
/// </summary>
internal sealed class HubConnector(EdgeCoreConfig config, HubTime hubTime)
{
    private const string VersionHeader = "Edgesync-Version";
    private const string AgentHeader = "Edgesync-Agent";

    private static readonly string s_agent = typeof(HubConnector).Assembly
        .GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    private readonly EdgeHubSection _hub = config.Modules.EdgeHub;

    /// <summary>The hub's address, for logs.</summary>
    public string Server => _hub.Websocket.Server;

    /// <summary>Dials once.</summary>
    /// <exception cref="WebSocketException">Unreachable, refused, or not trusted; the inner exceptions say which.</exception>
    public async Task<HubLink> ConnectAsync(CancellationToken cancellationToken)
    {
        var socket = new ClientWebSocket();
        try
        {
            // the certificates are read anew each time: a renewed one is taken without a restart
            X509Certificate2? hub = null;
            using var handler = CreateHandler(certificate => hub = certificate);
            using var invoker = new HttpMessageInvoker(handler);
            socket.Options.SetRequestHeader("Node_id", config.Modules.Edged.HostnameOverride);
            socket.Options.SetRequestHeader("Project_id", _hub.ProjectID);
            socket.Options.SetRequestHeader("Connectionuse", "msg");
            socket.Options.SetRequestHeader(VersionHeader, "1");
            socket.Options.SetRequestHeader(AgentHeader, s_agent);
            socket.Options.CollectHttpResponseDetails = true;

            // pings find a dead link within two heartbeats though nothing is sent (.NET looks four times in each of the two
            // times); KubeEdge's hub answers them too
            socket.Options.KeepAliveInterval = TimeSpan.FromSeconds(_hub.Heartbeat) * 14 / 15;
            socket.Options.KeepAliveTimeout = TimeSpan.FromSeconds(_hub.Heartbeat) * 8 / 15;

            // a hub that does not know it ignores the offer; what carries a secret is never compressed (MessageSocket)
            socket.Options.DangerousDeflateOptions = new WebSocketDeflateOptions { ClientContextTakeover = false, ServerContextTakeover = false };
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            deadline.CancelAfter(TimeSpan.FromSeconds(_hub.Websocket.HandshakeTimeout));
            var address = new Uri($"wss://{Server}/{_hub.ProjectID}/{Uri.EscapeDataString(config.Modules.Edged.HostnameOverride)}/events");
            await socket.ConnectAsync(address, invoker, deadline.Token);
            var extended = socket.HttpResponseHeaders?.TryGetValue(VersionHeader, out var values) == true && values.Contains("1");
            if (hub is not null && socket.HttpResponseHeaders?.TryGetValue("Date", out var dates) == true
                && DateTimeOffset.TryParseExact(dates.First(), "r", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var hubNow))
            {
                await hubTime.HeardAsync(hubNow, hub, cancellationToken);
            }

            socket.HttpResponseHeaders = null;
            return new HubLink(
                new MessageSocket(socket, MessageSocket.DefaultMaxMessageBytes, TimeSpan.FromSeconds(_hub.Websocket.WriteDeadline)),
                extended);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>A client with the node's certificate that trusts the pinned CA alone; the certificates are read anew each time.</summary>
    /// <param name="trusted">Told the hub's certificate.</param>
    public SocketsHttpHandler CreateHandler(Action<X509Certificate2> trusted)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,

            // a box whose clock is wrong at boot must still find its hub: HubTime judges in the clock's place
            VerificationFlags = X509VerificationFlags.IgnoreNotTimeValid,
        };
        policy.CustomTrustStore.ImportFromPemFile(_hub.TlsCaFile);
        var certificate = X509Certificate2.CreateFromPemFile(_hub.TlsCertFile, _hub.TlsPrivateKeyFile);
        return new SocketsHttpHandler
        {
            UseProxy = false,
            SslOptions = new SslClientAuthenticationOptions
            {
                CertificateChainPolicy = policy,
                RemoteCertificateValidationCallback = (_, presented, chain, errors) =>
                {
                    if (errors != SslPolicyErrors.None || presented is not X509Certificate2 hub || chain is null)
                    {
                        return false;
                    }

                    if (hubTime.Problem(chain.ChainElements.Select(e => e.Certificate), certificate) is { } problem)
                    {
                        throw new AuthenticationException(problem);
                    }

                    trusted(hub);
                    return true;
                },
                ClientCertificateContext = SslStreamCertificateContext.Create(certificate, null, offline: true),
            },
        };
    }
}
