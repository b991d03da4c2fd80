using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EdgeSync.CloudCore.EmbeddedApi;
using EdgeSync.CloudCore.Enrollment;
using EdgeSync.TestKit;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace EdgeSync.CloudCore.Tests.EmbeddedApi;

/// <summary>The embedded API behind a real web server with TLS and client certificates, as cloudcore runs it.</summary>
internal sealed class ApiHost : IAsyncDisposable
{
    private readonly TempFolder? _ownFolder;
    private readonly WebApplication _web;
    private readonly List<IDisposable> _disposables = [];

    private ApiHost(TempFolder? ownFolder, WebApplication web, EmbeddedApiServer server, TestCertificates certificates)
    {
        _ownFolder = ownFolder;
        _web = web;
        Server = server;
        Certificates = certificates;
    }

    public EmbeddedApiServer Server { get; }

    public TestCertificates Certificates { get; }

    public Uri Address => new(_web.Urls.First());

    public string Folder { get; private init; } = "";

    /// <param name="folder">Of the database; one of its own by default.</param>
    /// <param name="time">The clock.</param>
    /// <param name="options">Completed by what follows from the host.</param>
    /// <param name="withAuthority">Whether the server signs certificates and publishes its CA (a ConfigMap in each namespace).</param>
    /// <param name="http2Streams">The most requests on one connection.</param>
    public static async Task<ApiHost> StartAsync(
        string? folder = null, TimeProvider? time = null, EmbeddedApiOptions? options = null, bool withAuthority = false, int http2Streams = 100)
    {
        var own = folder is null ? new TempFolder() : null;
        var path = folder ?? own!.Path;
        var certificates = TestCertificates.Create();
        var server = EmbeddedApiServer.Open(
            Complete(options ?? new EmbeddedApiOptions { DataDir = path }, certificates, path, withAuthority), time ?? TimeProvider.System, NullLoggerFactory.Instance);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Limits.Http2.MaxStreamsPerConnection = http2Streams);
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(https =>
        {
            https.ServerCertificate = certificates.Server;
            https.ClientCertificateMode = ClientCertificateMode.AllowCertificate;
            https.ClientCertificateValidation = (_, _, _) => true;
        })));
        var web = builder.Build();
        web.Run(server.HandleAsync);
        await web.StartAsync();
        return new ApiHost(own, web, server, certificates) { Folder = path };
    }

    /// <summary>The options with a CA, as cloudcore gives one, and a key for tokens.</summary>
    private static EmbeddedApiOptions Complete(EmbeddedApiOptions options, TestCertificates certificates, string folder, bool withAuthority)
    {
        var authority = Path.Combine(folder, "ca.crt");
        var authorityKey = Path.Combine(folder, "ca.key");
        var tokenKey = Path.Combine(folder, "sa.key");
        File.WriteAllText(authority, certificates.Authority.ExportCertificatePem());
        using (var key = certificates.Authority.GetECDsaPrivateKey()!)
        {
            File.WriteAllText(authorityKey, key.ExportECPrivateKeyPem());
        }

        if (!File.Exists(tokenKey))
        {
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            File.WriteAllText(tokenKey, key.ExportECPrivateKeyPem());
        }

        return options with
        {
            ClientAuthority = certificates.Authority,
            Authority = withAuthority ? CertificateAuthority.Load(authority, authorityKey, TimeProvider.System) : null,
            ServiceAccountKeyFile = tokenKey,
        };
    }

    /// <summary>A client with a certificate of the given user and groups; without a user it is anonymous.</summary>
    public HttpClient Client(string? user = "admin", params string[] groups)
    {
        var handler = new SocketsHttpHandler();
        handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, _, _) => Certificates.Issued(certificate);
        if (user is not null)
        {
            var certificate = Certificates.IssueClient(user, groups.Length == 0 && user == "admin" ? ["system:masters"] : groups);
            handler.SslOptions.ClientCertificates = [certificate];
            handler.SslOptions.LocalCertificateSelectionCallback = (_, _, _, _, _) => certificate;
        }

        var client = new HttpClient(handler) { BaseAddress = Address, Timeout = TimeSpan.FromSeconds(60) };
        _disposables.Add(client);
        return client;
    }

    /// <summary>A kubeconfig of an administrator, in <paramref name="folder"/>.</summary>
    public string WriteKubeconfig(string folder)
    {
        using var certificate = Certificates.IssueClient("admin", ["system:masters"]);
        using var key = certificate.GetECDsaPrivateKey()!;
        static string Base64(string text) => Convert.ToBase64String(System.Text.Encoding.ASCII.GetBytes(text));
        var path = Path.Combine(folder, "kubeconfig");
        File.WriteAllText(path, $"""
            apiVersion: v1
            kind: Config
            clusters: [{"{"}name: c, cluster: {"{"}server: "{Address}", certificate-authority-data: {Base64(Certificates.Authority.ExportCertificatePem())}{"}}"}]
            users: [{"{"}name: u, user: {"{"}client-certificate-data: {Base64(certificate.ExportCertificatePem())}, client-key-data: {Base64(key.ExportPkcs8PrivateKeyPem())}{"}}"}]
            contexts: [{"{"}name: x, context: {"{"}cluster: c, user: u{"}}"}]
            current-context: x
            """);
        return path;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var disposable in _disposables)
        {
            disposable.Dispose();
        }

        Server.BeginStop();
        await _web.StopAsync();
        await _web.DisposeAsync();
        await Server.DisposeAsync();
        Certificates.Dispose();
        _ownFolder?.Dispose();
    }
}

/// <summary>A certificate authority of one test's own.</summary>
internal sealed class TestCertificates : IDisposable
{
    private static readonly DateTimeOffset s_from = DateTimeOffset.UtcNow.AddHours(-1);
    private static readonly DateTimeOffset s_to = DateTimeOffset.UtcNow.AddDays(1);

    private TestCertificates(X509Certificate2 authority) => Authority = authority;

    public X509Certificate2 Authority { get; }

    public X509Certificate2 Server { get; private set; } = null!;

    public static TestCertificates Create()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=test-ca", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        var certificates = new TestCertificates(request.CreateSelfSigned(s_from, s_to));
        certificates.Server = certificates.Issue("CN=127.0.0.1", "1.3.6.1.5.5.7.3.1");
        return certificates;
    }

    public X509Certificate2 IssueClient(string user, IEnumerable<string> groups) =>
        Issue(string.Join(", ", groups.Select(g => $"O={g}").Append($"CN={user}")), "1.3.6.1.5.5.7.3.2");

    public bool Issued(X509Certificate? certificate)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(Authority);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        return certificate is X509Certificate2 full && chain.Build(full);
    }

    public void Dispose()
    {
        Server.Dispose();
        Authority.Dispose();
    }

    private X509Certificate2 Issue(string subject, string usage)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(usage)], false));
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var issued = request.Create(Authority, s_from, s_to, Guid.NewGuid().ToByteArray());
        using var withKey = issued.CopyWithPrivateKey(key);

        // Kestrel wants a key that is bound to the certificate
        return X509CertificateLoader.LoadPkcs12(withKey.Export(X509ContentType.Pkcs12), null);
    }
}
