using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EdgeSync.Protocol.Enrollment;

namespace EdgeSync.Benchmarks.Hollow;

/// <summary>
/// Names and client certificates (P-256, a key of its own each) of hollow edges, signed with the hub's CA, whose folder the
/// benchmark owns: enrolling thousands through the hub would measure the hub's enrolment.
/// </summary>
internal sealed class HollowIdentities : IDisposable
{
    private readonly X509Certificate2 _authority;
    private readonly ConcurrentDictionary<int, SslStreamCertificateContext> _contexts = new();

    public HollowIdentities(string pki) =>
        _authority = X509Certificate2.CreateFromPemFile(Path.Combine(pki, "ca.crt"), Path.Combine(pki, "ca.key"));

    public X509Certificate2 Authority => _authority;

    public static string NameOf(int index) => string.Create(CultureInfo.InvariantCulture, $"hollow-{index:00000}");

    public SslStreamCertificateContext ContextOf(int index) => _contexts.GetOrAdd(
        index, i => SslStreamCertificateContext.Create(Issue(NameOf(i)), null, offline: true));

    /// <summary>Makes them before a measurement begins.</summary>
    public void Prepare(int first, int count) => Parallel.For(first, first + count, i => ContextOf(i));

    /// <summary>Writes an edge's certificate and key as the agent's files.</summary>
    public void Export(int index, string certificateFile, string keyFile)
    {
        using var certificate = Issue(NameOf(index));
        using var key = certificate.GetECDsaPrivateKey()!;
        File.WriteAllText(certificateFile, certificate.ExportCertificatePem());
        File.WriteAllText(keyFile, key.ExportECPrivateKeyPem());
    }

    public void Dispose()
    {
        foreach (var context in _contexts.Values)
        {
            context.TargetCertificate.Dispose();
        }

        _authority.Dispose();
    }

    private X509Certificate2 Issue(string node)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(NodeIdentity.ForNode(node).ToSubject(), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(NodeCertificateRequest.ClientAuthentication)], critical: false));
        var now = DateTimeOffset.UtcNow;
        var start = new DateTimeOffset(_authority.NotBefore.ToUniversalTime());
        using var signed = request.Create(_authority, start, now.AddDays(2), RandomNumberGenerator.GetBytes(12));
        return signed.CopyWithPrivateKey(key);
    }
}
