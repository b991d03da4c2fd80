using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EdgeSync.CloudCore.Enrollment;
using EdgeSync.Protocol.Enrollment;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace EdgeSync.CloudCore.Tests.Enrollment;

/// <summary>The enrollment endpoints on a real Kestrel with TLS, on a port of their own, and a client for them.</summary>
internal sealed class EnrollmentHost : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly X509Certificate2 _server;

    private EnrollmentHost(CertificateAuthority authority, X509Certificate2 server, WebApplication app)
    {
        Authority = authority;
        _server = server;
        _app = app;
    }

    public CertificateAuthority Authority { get; }

    /// <summary>What the API is made to know; a name that is not there is absent.</summary>
    public Dictionary<string, NodePresence> Nodes { get; } = [];

    public bool ApiIsDown { get; set; }

    /// <summary>Requests that came in, with the headers that name their sender.</summary>
    public ConcurrentQueue<string> Requests { get; } = new();

    /// <summary>How far the hub's clock, as it tells it in answers, is from the real one.</summary>
    public TimeSpan ClockSkew { get; set; }

    /// <summary>What /ca.crt gives in place of the CA certificate; empty: 404.</summary>
    public byte[]? ServedAuthority { get; set; }

    public int Port => Address.Port;

    public Uri Address => new(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());

    /// <param name="time">The clock of tokens and certificates.</param>
    /// <param name="serverName">The one address that the server certificate names.</param>
    public static async Task<EnrollmentHost> StartAsync(TimeProvider? time = null, string serverName = "127.0.0.1")
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var authority = CertificateAuthority.Create(key, time ?? TimeProvider.System);
        using var serverKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var issued = authority.IssueServer(new PublicKey(serverKey), [serverName]);
        var server = issued.CopyWithPrivateKey(serverKey);

        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen =>
            listen.UseHttps(https => new ClientCertificates(authority.Certificate).Configure(https, server))));
        var app = builder.Build();
        var host = new EnrollmentHost(authority, server, app);
        app.Use((context, next) =>
        {
            host.Requests.Enqueue($"{context.Request.Path} {context.Request.Headers.Authorization} {context.Request.Headers["NodeName"]}");
            if (host.ClockSkew != TimeSpan.Zero)
            {
                context.Response.Headers.Date = (DateTimeOffset.UtcNow + host.ClockSkew).ToString("R", CultureInfo.InvariantCulture);
            }

            return host.ServedAuthority is { } other && context.Request.Path == "/ca.crt" ? SendAsync(context.Response, other) : next(context);
        });
        app.MapEnrollment(new CertificateDesk(
            authority,
            TimeSpan.FromDays(365),
            (name, _) => host.ApiIsDown
                ? throw new InvalidOperationException("the API is down")
                : Task.FromResult(host.Nodes.GetValueOrDefault(name)),
            new FailedAttempts(time ?? TimeProvider.System),
            NullLogger<CertificateDesk>.Instance));
        await app.StartAsync();
        return host;
    }

    /// <summary>A client that trusts the CA, and shows <paramref name="certificate"/> when there is one.</summary>
    public HttpClient Client(X509Certificate2? certificate = null)
    {
        var tls = new SslClientAuthenticationOptions
        {
            CertificateChainPolicy = TrustedChain.PolicyFor(Authority.Certificate, NodeCertificateRequest.ServerAuthentication),
        };
        if (certificate is not null)
        {
            tls.ClientCertificates = [certificate];
        }

        return new HttpClient(new SocketsHttpHandler { SslOptions = tls }) { BaseAddress = Address, Timeout = TimeSpan.FromSeconds(10) };
    }

    public string Ticket(TimeSpan? lifetime = null) => Authority.NewToken(lifetime ?? TimeSpan.FromHours(1)).Ticket;

    public static HttpRequestMessage Application(string node, byte[] csr, string? ticket)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, "edge.crt") { Content = new ByteArrayContent(csr) };
        request.Headers.TryAddWithoutValidation("NodeName", node);
        if (ticket is not null)
        {
            request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + ticket);
        }

        return request;
    }

    /// <summary>A certificate fetched with a fresh token, with its key.</summary>
    public async Task<X509Certificate2> EnrollAsync(string node)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var client = Client();
        using var request = Application(node, NodeCertificateRequest.Create(key, node), Ticket());
        using var response = await client.SendAsync(request);
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
        using var certificate = X509CertificateLoader.LoadCertificate(await response.Content.ReadAsByteArrayAsync());
        return certificate.CopyWithPrivateKey(key);
    }

    private static async Task SendAsync(HttpResponse response, byte[] content)
    {
        response.StatusCode = content.Length == 0 ? StatusCodes.Status404NotFound : StatusCodes.Status200OK;
        await response.Body.WriteAsync(content);
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _server.Dispose();
        Authority.Dispose();
    }
}
