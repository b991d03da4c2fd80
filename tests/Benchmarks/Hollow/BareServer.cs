using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.WebSockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using EdgeSync.Protocol.Enrollment;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Logging;

namespace EdgeSync.Benchmarks.Hollow;

/// <summary>
/// A bare Kestrel that takes TLS WebSockets from clients with certificates of the CA and waits on each: what the hub's
/// figures are compared with. A process of its own: <c>bare PKI PORT</c>.
/// </summary>
internal static class BareServer
{
    public static async Task<int> RunAsync(string pki, string port)
    {
        using var authority = X509CertificateLoader.LoadCertificateFromFile(Path.Combine(pki, "ca.crt"));
        var certificate = X509Certificate2.CreateFromPemFile(Path.Combine(pki, "server.crt"), Path.Combine(pki, "server.key"));
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(
            IPAddress.Loopback, int.Parse(port, CultureInfo.InvariantCulture), l =>
            {
                l.Protocols = HttpProtocols.Http1;
                l.UseHttps(o =>
                {
                    o.ServerCertificate = certificate;
                    o.SslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13;
                    o.ClientCertificateMode = ClientCertificateMode.RequireCertificate;
                    o.HandshakeTimeout = TimeSpan.FromSeconds(60);
                    o.OnAuthenticate = (_, ssl) =>
                        ssl.CertificateChainPolicy = TrustedChain.PolicyFor(authority, NodeCertificateRequest.ClientAuthentication);
                    o.ClientCertificateValidation = (_, _, errors) => errors == SslPolicyErrors.None;
                });
            }));
        await using var web = builder.Build();
        web.UseWebSockets();
        web.Run(async context =>
        {
            using var socket = await context.WebSockets.AcceptWebSocketAsync();
            var buffer = new byte[16];
            try
            {
                while ((await socket.ReceiveAsync(buffer.AsMemory(), context.RequestAborted)).MessageType != WebSocketMessageType.Close)
                {
                    // nothing is said
                }
            }
            catch (Exception e) when (e is WebSocketException or OperationCanceledException)
            {
                // how a client goes
            }
        });
        await web.StartAsync();
        await Console.Out.WriteLineAsync("ready");

        // ends with its input
        await Console.In.ReadToEndAsync();
        return 0;
    }
}
