using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using EdgeSync.Hosting;
using EdgeSync.Protocol.Enrollment;

namespace EdgeSync.Benchmarks.Hollow;

/// <summary>Where hollow edges dial, and whom they trust there.</summary>
/// <param name="Ports">On loopback, of replicas: an edge goes to any of them, and after a failure to the next, as by a balancer.</param>
/// <param name="Authority">The pinned CA.</param>
/// <param name="IsBare">A server that takes WebSockets and says nothing on them (<see cref="BareServer"/>), not a hub.</param>
/// <param name="Compresses">Whether edges offer permessage-deflate, as the agent does.</param>
internal sealed record HollowTarget(IReadOnlyList<int> Ports, X509Certificate2 Authority, bool IsBare, bool Compresses);

/// <summary>
/// One TLS WebSocket with a client certificate, as the agent opens it, but by hand: the request line and the answer are
/// a few bytes, where an HTTP client would cost more than the link.
/// </summary>
internal sealed class HollowLink : IAsyncDisposable
{
    public static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(15);

    // as the agent (HubConnector)
    private static readonly TimeSpan s_pingInterval = Heartbeat * 14 / 15;
    private static readonly TimeSpan s_pingTimeout = Heartbeat * 8 / 15;

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    private readonly Socket _socket;
    private CountingStream? _counted;
    private SslStream? _tls;

    private HollowLink(Socket socket) => _socket = socket;

    public MessageSocket Messages { get; private set; } = null!;

    /// <summary>Bytes that left, TLS included.</summary>
    public long BytesSent => _counted?.Sent ?? 0;

    /// <summary>Bytes that came, TLS included.</summary>
    public long BytesReceived => _counted?.Received ?? 0;

    /// <summary>Dials once.</summary>
    public static async Task<HollowLink> OpenAsync(
        HollowTarget target, int port, string node, int index, SslStreamCertificateContext certificate, CancellationToken cancellationToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(s_limit);
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)
        {
            NoDelay = true,

            // a cut link leaves no port in TIME_WAIT, of which there would soon be too few
            LingerState = new LingerOption(enable: true, 0),
        };
        var link = new HollowLink(socket);
        try
        {
            // addresses of the loopback network by turns: one address has fewer ports than a fleet needs
            socket.Bind(new IPEndPoint(new IPAddress([127, 1, (byte)(index / 250), (byte)((index % 250) + 1)]), 0));
            await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), deadline.Token);
            await link.AuthenticateAsync(target, certificate, deadline.Token);
            link.Messages = new MessageSocket(
                await link.UpgradeAsync(node, target.Compresses, deadline.Token), MessageSocket.DefaultMaxMessageBytes, TimeSpan.FromSeconds(15));
            return link;
        }
        catch
        {
            await link.DisposeAsync();
            throw;
        }
    }

    /// <summary>Cuts the link without a word.</summary>
    public void Cut() => _socket.Dispose();

    public async ValueTask DisposeAsync()
    {
        Cut();
        if (Messages is not null)
        {
            await Messages.DisposeAsync();
        }

        if (_tls is not null)
        {
            await _tls.DisposeAsync();
        }
    }

    private async Task AuthenticateAsync(HollowTarget target, SslStreamCertificateContext certificate, CancellationToken cancellationToken)
    {
        _counted = new CountingStream(new NetworkStream(_socket, ownsSocket: true));
        _tls = new SslStream(_counted);
        await _tls.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                TargetHost = "127.0.0.1",
                ClientCertificateContext = certificate,
                CertificateChainPolicy = TrustedChain.PolicyFor(target.Authority, NodeCertificateRequest.ServerAuthentication),

                // the agent reads its certificate anew for each try, so each of its handshakes is a full one
                AllowTlsResume = false,
            },
            cancellationToken);
    }

    private async Task<WebSocket> UpgradeAsync(string node, bool compresses, CancellationToken cancellationToken)
    {
        var offer = compresses ? "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n" : "";
        var key = Convert.ToBase64String(RandomNumberGenerator.GetBytes(16));
        var request = string.Create(CultureInfo.InvariantCulture, $"""
            GET /e632aba927ea4ac2b575ec1603d56f10/{node}/events HTTP/1.1
            Host: 127.0.0.1
            Connection: Upgrade
            Upgrade: websocket
            Sec-WebSocket-Version: 13
            Sec-WebSocket-Key: {key}
            Node_id: {node}
            Project_id: e632aba927ea4ac2b575ec1603d56f10
            Connectionuse: msg
            Edgesync-Version: 1
            {offer}

            """).ReplaceLineEndings("\r\n");
        await _tls!.WriteAsync(Encoding.ASCII.GetBytes(request), cancellationToken);
        var answer = await ReadAnswerAsync(cancellationToken);
        if (!answer.StartsWith("HTTP/1.1 101", StringComparison.Ordinal))
        {
            throw new IOException($"the hub refused: {answer.Split('\r')[0]}");
        }

        return WebSocket.CreateFromStream(_tls, new WebSocketCreationOptions
        {
            KeepAliveInterval = s_pingInterval,
            KeepAliveTimeout = s_pingTimeout,
            DangerousDeflateOptions = !answer.Contains("permessage-deflate", StringComparison.OrdinalIgnoreCase)
                ? null
                : new WebSocketDeflateOptions { ClientContextTakeover = false, ServerContextTakeover = false },
        });
    }

    private async Task<string> ReadAnswerAsync(CancellationToken cancellationToken)
    {
        // byte by byte: what follows the empty line belongs to the WebSocket
        var answer = new byte[1024];
        var length = 0;
        while (length < answer.Length)
        {
            if (await _tls!.ReadAsync(answer.AsMemory(length, 1), cancellationToken) == 0)
            {
                throw new IOException("the hub closed the connection");
            }

            length++;
            if (answer.AsSpan(0, length).EndsWith("\r\n\r\n"u8))
            {
                return Encoding.ASCII.GetString(answer, 0, length);
            }
        }

        throw new IOException("the hub's answer is too long");
    }
}
