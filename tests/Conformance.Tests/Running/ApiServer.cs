using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.RegularExpressions;

namespace EdgeSync.Conformance.Tests.Running;

/// <summary>One of the two servers that are compared, as its clients see it. Lives as long as the run.</summary>
internal sealed partial class ApiServer : IDisposable
{
    private static readonly TimeSpan s_requestLimit = TimeSpan.FromSeconds(30);

    private readonly X509Certificate2 _authority;
    private readonly ConcurrentDictionary<string, HttpClient> _clients = new();

    /// <param name="name">For messages.</param>
    /// <param name="kubeconfig">The administrator's, with the authority's certificate in it.</param>
    /// <param name="authorityKey">PEM file of the authority's key: users' certificates are made with it.</param>
    public ApiServer(string name, string kubeconfig, string authorityKey)
    {
        Name = name;
        Kubeconfig = kubeconfig;
        var text = File.ReadAllText(kubeconfig);
        Address = new Uri(ServerRegex().Match(text).Groups[1].Value);
        var pem = Encoding.ASCII.GetString(Convert.FromBase64String(AuthorityRegex().Match(text).Groups[1].Value));
        _authority = X509Certificate2.CreateFromPem(pem, File.ReadAllText(authorityKey));
    }

    public string Name { get; }

    public string Kubeconfig { get; }

    public Uri Address { get; }

    /// <summary>Whether it answers some reads from a cache that trails its store: see <see cref="WatchCache"/>.</summary>
    public bool HasWatchCache { get; init; }

    /// <summary>A client of a user: <c>NAME GROUP,GROUP</c>; empty for the administrator, <c>-</c> for nobody.</summary>
    public HttpClient Client(string user) => _clients.GetOrAdd(user, NewClient);

    public void Dispose()
    {
        foreach (var client in _clients.Values)
        {
            client.Dispose();
        }

        _authority.Dispose();
    }

    private HttpClient NewClient(string user)
    {
        var handler = new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, AutomaticDecompression = DecompressionMethods.None };
        var trust = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        trust.CustomTrustStore.Add(_authority);
        handler.SslOptions.CertificateChainPolicy = trust;
        if (user != "-")
        {
            var words = (user.Length == 0 ? "conformance system:masters" : user).Split(' ', 2, StringSplitOptions.TrimEntries);
            var certificate = Issue(words[0], words.Length > 1 ? words[1].Split(',') : []);
            handler.SslOptions.ClientCertificates = [certificate];
            handler.SslOptions.LocalCertificateSelectionCallback = (_, _, _, _, _) => certificate;
        }

        var client = new HttpClient(handler) { BaseAddress = Address, Timeout = s_requestLimit };
        client.DefaultRequestHeaders.TryAddWithoutValidation("User-Agent", "conformance");
        return client;
    }

    private X509Certificate2 Issue(string user, string[] groups)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var subject = new X500DistinguishedNameBuilder();
        subject.AddCommonName(user);
        foreach (var group in groups)
        {
            subject.AddOrganizationName(group);
        }

        var request = new CertificateRequest(subject.Build(), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.2")], false));
        using var issued = request.Create(_authority, _authority.NotBefore, DateTimeOffset.UtcNow.AddHours(12), Guid.NewGuid().ToByteArray());
        return issued.CopyWithPrivateKey(key);
    }

    [GeneratedRegex(@"server:\s*""?(https://[^""\s,}]+)")]
    private static partial Regex ServerRegex();

    [GeneratedRegex(@"certificate-authority-data:\s*""?([A-Za-z0-9+/=]+)")]
    private static partial Regex AuthorityRegex();
}
