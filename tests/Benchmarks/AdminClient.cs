using System.Security.Cryptography.X509Certificates;
using EdgeSync.TestKit;

namespace EdgeSync.Benchmarks;

/// <summary>Connections to the embedded API as its administrator.</summary>
internal static class AdminClient
{
    public static HttpClient Create(ProgramsCloud cloud)
    {
        var pki = Path.Combine(cloud.DataFolder, "pki");
        using var pem = X509Certificate2.CreateFromPemFile(Path.Combine(pki, "admin.crt"), Path.Combine(pki, "admin.key"));
        var handler = new SocketsHttpHandler();
        handler.SslOptions.ClientCertificates = [X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null)];
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.Add(X509CertificateLoader.LoadCertificateFromFile(Path.Combine(pki, "ca.crt")));
        handler.SslOptions.CertificateChainPolicy = policy;
        return new HttpClient(handler) { BaseAddress = new Uri($"https://127.0.0.1:{cloud.ApiPort}"), Timeout = Timeout.InfiniteTimeSpan };
    }
}
