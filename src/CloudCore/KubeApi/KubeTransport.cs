using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using EdgeSync.CloudCore.KubeApi.Authentication;

namespace EdgeSync.CloudCore.KubeApi;

/// <summary>Makes the HTTP transport that a kubeconfig asks for.</summary>
internal static class KubeTransport
{
    /// <summary>With the credential that the kubeconfig names, kept fresh.</summary>
    public static HttpMessageHandler Create(KubeConfig config, TimeProvider time) => new CredentialHandler(
        config.Exec is { } exec ? new ExecCredentials(exec, time) : new FixedCredentials(config, time), credential => Connect(config, credential));

    private static SocketsHttpHandler Connect(KubeConfig config, Credential credential)
    {
        var handler = new SocketsHttpHandler
        {
            // one HTTP/2 connection carries 100 and more watches; more connections only when it is full
            EnableMultipleHttp2Connections = true,
            ConnectTimeout = TimeSpan.FromSeconds(10),
            PooledConnectionIdleTimeout = TimeSpan.FromMinutes(5),
            // a half-open connection is found out within a minute, also below a silent watch
            KeepAlivePingDelay = TimeSpan.FromSeconds(30),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(15),
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
            AllowAutoRedirect = false,
            UseCookies = false,
            ConnectCallback = ConnectAsync,
            SslOptions = TlsOptions(config, credential),
        };
        if (config.ProxyUrl is { } proxy)
        {
            handler.Proxy = new WebProxy(proxy) { Credentials = ProxyCredentials(proxy) };
        }

        return handler;
    }

    private static NetworkCredential? ProxyCredentials(Uri proxy) => proxy.UserInfo.Split(':', 2) switch
    {
        [var user, var password] => new NetworkCredential(Uri.UnescapeDataString(user), Uri.UnescapeDataString(password)),
        [{ Length: > 0 } user] => new NetworkCredential(Uri.UnescapeDataString(user), ""),
        _ => null,
    };

    private static SslClientAuthenticationOptions TlsOptions(KubeConfig config, Credential credential)
    {
        var options = new SslClientAuthenticationOptions();
        if (credential.Certificate is { } certificate)
        {
            // a context sends the certificate whatever names of issuers the server lists
            options.ClientCertificateContext = SslStreamCertificateContext.Create(
                certificate, credential.Chain, offline: true);
        }

        if (config.InsecureSkipTlsVerify)
        {
#pragma warning disable CA5359 // the kubeconfig's owner asked for exactly this (insecure-skip-tls-verify)
            options.RemoteCertificateValidationCallback = static (_, _, _, _) => true;
#pragma warning restore CA5359
        }
        else if (config.CertificateAuthority is { Count: > 0 } roots)
        {
            options.CertificateChainPolicy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
                DisableCertificateDownloads = true,
            };
            options.CertificateChainPolicy.CustomTrustStore.AddRange(roots);
        }

        return options;
    }

    // TCP keepalive, because HTTP/1.1 (plain http) has no pings
    private static async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken ct)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 30);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 10);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 3);
            await socket.ConnectAsync(context.DnsEndPoint, ct);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
