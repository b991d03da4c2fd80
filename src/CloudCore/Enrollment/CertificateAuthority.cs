using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EdgeSync.Protocol.Enrollment;

namespace EdgeSync.CloudCore.Enrollment;

/// <summary>
/// The one CA of hub, boxes and the embedded API: signs certificates, makes and checks join tickets. KubeEdge's
/// profiles, with two changes: certificates are back-dated by an hour, because a box's clock may be behind, and
/// serial numbers are random.
/// </summary>
internal sealed class CertificateAuthority : IDisposable
{
    private static readonly TimeSpan s_backDate = TimeSpan.FromHours(1);

    // KubeEdge's: as good as for ever, for boxes that nobody visits
    private static readonly TimeSpan s_authorityLifetime = TimeSpan.FromDays(364 * 100);

    private readonly byte[] _keyDer;
    private readonly TimeProvider _time;

    /// <param name="certificate">With its private key; owned from here on.</param>
    /// <param name="keyDer">The key as SEC1 DER, byte for byte as stored: it is the tickets' HMAC key.</param>
    /// <param name="time">The clock.</param>
    private CertificateAuthority(X509Certificate2 certificate, byte[] keyDer, TimeProvider time)
    {
        Certificate = certificate;
        _keyDer = keyDer;
        _time = time;
    }

    public X509Certificate2 Certificate { get; }

    /// <summary>The certificate as <c>GET /ca.crt</c> serves it.</summary>
    public byte[] CertificateDer => Certificate.RawData;

    /// <summary>A CA for <paramref name="key"/>.</summary>
    public static CertificateAuthority Create(ECDsa key, TimeProvider time)
    {
        var request = new CertificateRequest("CN=KubeEdge", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(
            X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.KeyEncipherment | X509KeyUsageFlags.KeyCertSign, critical: true));
        request.CertificateExtensions.Add(ExtendedUsage(NodeCertificateRequest.ServerAuthentication, NodeCertificateRequest.ClientAuthentication));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        var now = time.GetUtcNow();
        var generator = X509SignatureGenerator.CreateForECDsa(key);
        using var certificate = request.Create(request.SubjectName, generator, now - s_backDate, now + s_authorityLifetime, NewSerial());
        return new CertificateAuthority(certificate.CopyWithPrivateKey(key), key.ExportECPrivateKey(), time);
    }

    /// <exception cref="InvalidDataException">A file is no PEM certificate or key, or the two do not belong together.</exception>
    public static CertificateAuthority Load(string certificateFile, string keyFile, TimeProvider time)
    {
        try
        {
            using var certificate = X509CertificateLoader.LoadCertificateFromFile(certificateFile);
            var pem = File.ReadAllText(keyFile);
            using var key = ECDsa.Create();
            key.ImportFromPem(pem);
            return new CertificateAuthority(certificate.CopyWithPrivateKey(key), StoredKey(pem) ?? key.ExportECPrivateKey(), time);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new InvalidDataException($"{certificateFile} and {keyFile} are not a CA certificate and its key: {e.Message}", e);
        }
    }

    /// <summary>The private key in the form of KubeEdge's files.</summary>
    public string ExportKeyPem() => PemEncoding.WriteString("EC PRIVATE KEY", _keyDer);

    /// <summary>A server certificate for boxes and kubectl to verify.</summary>
    /// <param name="key">The server's public key.</param>
    /// <param name="names">IPs and DNS names.</param>
    public X509Certificate2 IssueServer(PublicKey key, IEnumerable<string> names)
    {
        var alternatives = new SubjectAlternativeNameBuilder();
        foreach (var name in names)
        {
            if (System.Net.IPAddress.TryParse(name, out var address))
            {
                alternatives.AddIpAddress(address);
            }
            else
            {
                alternatives.AddDnsName(name);
            }
        }

        return Issue(new NodeIdentity("KubeEdge", "KubeEdge"), key, s_authorityLifetime, [NodeCertificateRequest.ServerAuthentication], alternatives.Build());
    }

    /// <summary>A client certificate: a node's, or the administrator's.</summary>
    public X509Certificate2 IssueClient(NodeIdentity identity, PublicKey key, TimeSpan lifetime, IReadOnlyList<string> usages) =>
        Issue(identity, key, lifetime, usages, alternativeNames: null);

    /// <summary>A certificate that somebody asked for by a CertificateSigningRequest, and that was approved.</summary>
    /// <param name="subject">As it was asked for.</param>
    /// <param name="key">Whose it is.</param>
    /// <param name="lifetime">From now.</param>
    /// <param name="usages">In Kubernetes' words; of those, these can be granted: digital signature, key encipherment, client auth, server auth.</param>
    /// <param name="dnsNames">Subject alternative names.</param>
    /// <param name="addresses">Likewise.</param>
    public X509Certificate2 IssueRequested(
        X500DistinguishedName subject, PublicKey key, TimeSpan lifetime, IReadOnlyCollection<string> usages,
        IReadOnlyList<string> dnsNames, IReadOnlyList<System.Net.IPAddress> addresses)
    {
        var keyUsage = (usages.Contains("digital signature") ? X509KeyUsageFlags.DigitalSignature : 0)
            | (usages.Contains("key encipherment") ? X509KeyUsageFlags.KeyEncipherment : 0);
        var extended = new List<string>();
        if (usages.Contains("client auth"))
        {
            extended.Add(NodeCertificateRequest.ClientAuthentication);
        }

        if (usages.Contains("server auth"))
        {
            extended.Add(NodeCertificateRequest.ServerAuthentication);
        }

        var names = new SubjectAlternativeNameBuilder();
        foreach (var name in dnsNames)
        {
            names.AddDnsName(name);
        }

        foreach (var address in addresses)
        {
            names.AddIpAddress(address);
        }

        return Issue(subject, key, lifetime, keyUsage, extended, dnsNames.Count + addresses.Count > 0 ? names.Build() : null);
    }

    public JoinToken NewToken(TimeSpan lifetime) =>
        JoinToken.Create(Certificate.RawData, _keyDer, _time.GetUtcNow() + lifetime);

    /// <summary>Why the ticket admits nobody now; null when it does.</summary>
    public string? TicketProblem(string ticket) => JoinTicket.Problem(ticket, _keyDer, _time.GetUtcNow());

    public void Dispose() => Certificate.Dispose();

    private X509Certificate2 Issue(NodeIdentity identity, PublicKey key, TimeSpan lifetime, IReadOnlyList<string> usages, X509Extension? alternativeNames) =>
        Issue(identity.ToSubject(), key, lifetime, X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.KeyEncipherment, usages, alternativeNames);

    private X509Certificate2 Issue(
        X500DistinguishedName subject, PublicKey key, TimeSpan lifetime, X509KeyUsageFlags keyUsage, IReadOnlyList<string> usages, X509Extension? alternativeNames)
    {
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: false, hasPathLengthConstraint: false, 0, critical: true));
        if (keyUsage != X509KeyUsageFlags.None)
        {
            request.CertificateExtensions.Add(new X509KeyUsageExtension(keyUsage, critical: true));
        }

        request.CertificateExtensions.Add(ExtendedUsage([.. usages]));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(key, critical: false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(Certificate, includeKeyIdentifier: true, includeIssuerAndSerial: false));
        if (alternativeNames is not null)
        {
            request.CertificateExtensions.Add(alternativeNames);
        }

        // never outside the CA's own lifetime: such a chain is not valid
        var now = _time.GetUtcNow();
        var authorityStart = new DateTimeOffset(Certificate.NotBefore.ToUniversalTime());
        var authorityEnd = new DateTimeOffset(Certificate.NotAfter.ToUniversalTime());
        var start = now - s_backDate > authorityStart ? now - s_backDate : authorityStart;
        var end = now + lifetime < authorityEnd ? now + lifetime : authorityEnd;
        using var signer = Certificate.GetECDsaPrivateKey()!;
        return request.Create(Certificate.SubjectName, X509SignatureGenerator.CreateForECDsa(signer), start, end, NewSerial());
    }

    private static X509EnhancedKeyUsageExtension ExtendedUsage(params string[] usages)
    {
        var oids = new OidCollection();
        foreach (var usage in usages)
        {
            oids.Add(new Oid(usage));
        }

        return new X509EnhancedKeyUsageExtension(oids, critical: false);
    }

    private static byte[] NewSerial()
    {
        var serial = RandomNumberGenerator.GetBytes(16);
        serial[0] = (byte)((serial[0] & 0x7F) | 0x01); // positive, and no leading zero byte
        return serial;
    }

    private static byte[]? StoredKey(string pem) =>
        PemEncoding.TryFind(pem, out var fields) && pem[fields.Label] == "EC PRIVATE KEY"
            ? Convert.FromBase64String(pem[fields.Base64Data])
            : null;
}
