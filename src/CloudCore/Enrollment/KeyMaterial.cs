using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EdgeSync.CloudCore.Configuration;
using EdgeSync.Protocol.Enrollment;
using EdgeSync.Storage;

namespace EdgeSync.CloudCore.Enrollment;

/// <summary>
/// Makes the keys and certificates that are missing below the data folder, and those that no longer fit. A key is
/// written before its certificate, so a folder that a crash left half made is completed by the next call.
/// </summary>
internal sealed class KeyMaterial(CloudFiles files, TimeProvider time, Action<string> made)
{
    // a certificate that ends within this time is made anew
    private static readonly TimeSpan s_renewBefore = TimeSpan.FromDays(30);

    private static readonly TimeSpan s_adminLifetime = TimeSpan.FromDays(3650);

    /// <summary>The CA; made only while init has never finished, because a second CA would orphan every box.</summary>
    /// <exception cref="InvalidDataException">Init had finished and the CA is gone, or its files are damaged.</exception>
    public CertificateAuthority EnsureAuthority(bool initFinished)
    {
        if (File.Exists(files.CaCertificate) && File.Exists(files.CaKey))
        {
            return CertificateAuthority.Load(files.CaCertificate, files.CaKey, time);
        }

        if (initFinished)
        {
            var missing = File.Exists(files.CaKey) ? files.CaCertificate : files.CaKey;
            throw new InvalidDataException(
                $"{missing} is gone. A new CA would lock out every box that has joined: restore it from a backup, or, to begin anew, move {files.DataDir} away");
        }

        using var key = EnsureKey(files.CaKey, out _);
        var authority = CertificateAuthority.Create(key, time);
        WriteCertificate(files.CaCertificate, authority.Certificate);
        return authority;
    }

    /// <summary>A server certificate. One that lacks a wanted name is made anew; of the others, a new one has all.</summary>
    public void EnsureServer(
        CertificateAuthority authority, string certificateFile, string keyFile, IReadOnlyList<string> wanted, IReadOnlyList<string> others)
    {
        using var key = EnsureKey(keyFile, out _);
        if (!Fits(authority, key, certificateFile, NodeCertificateRequest.ServerAuthentication, wanted))
        {
            using var certificate = authority.IssueServer(PublicKeyOf(key), wanted.Union(others));
            WriteCertificate(certificateFile, certificate);
        }
    }

    /// <summary>The administrator's client certificate. True when it was made now.</summary>
    public bool EnsureAdmin(CertificateAuthority authority)
    {
        using var key = EnsureKey(files.AdminKey, out _);
        if (Fits(authority, key, files.AdminCertificate, NodeCertificateRequest.ClientAuthentication, []))
        {
            return false;
        }

        using var certificate = authority.IssueClient(
            new NodeIdentity("kubernetes-admin", "system:masters"),
            PublicKeyOf(key),
            s_adminLifetime,
            [NodeCertificateRequest.ClientAuthentication]);
        WriteCertificate(files.AdminCertificate, certificate);
        return true;
    }

    public void EnsureServiceAccountKey()
    {
        using var key = EnsureKey(files.ServiceAccountKey, out var isNew);
        if (isNew || !File.Exists(files.ServiceAccountPublicKey))
        {
            Write(files.ServiceAccountPublicKey, key.ExportSubjectPublicKeyInfoPem(), DurableFile.WorldReadable);
        }
    }

    private ECDsa EnsureKey(string path, out bool isNew)
    {
        isNew = !File.Exists(path);
        if (isNew)
        {
            var fresh = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            Write(path, fresh.ExportECPrivateKeyPem(), DurableFile.OwnerOnly);
            return fresh;
        }

        var key = ECDsa.Create();
        try
        {
            key.ImportFromPem(File.ReadAllText(path));
            return key;
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            key.Dispose();
            throw new InvalidDataException($"{path} is not a PEM private key: {e.Message}", e);
        }
    }

    private bool Fits(CertificateAuthority authority, ECDsa key, string certificateFile, string usage, IReadOnlyList<string> names)
    {
        if (!File.Exists(certificateFile))
        {
            return false;
        }

        try
        {
            using var certificate = X509CertificateLoader.LoadCertificateFromFile(certificateFile);
            return certificate.PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(key.ExportSubjectPublicKeyInfo())
                && TrustedChain.Problem(certificate, authority.Certificate, usage, time.GetUtcNow() + s_renewBefore) is null
                && names.All(name => certificate.MatchesHostname(name, allowWildcards: false, allowCommonName: false));
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    private static PublicKey PublicKeyOf(ECDsa key) => new(key);

    private void WriteCertificate(string path, X509Certificate2 certificate) =>
        Write(path, certificate.ExportCertificatePem() + "\n", DurableFile.WorldReadable);

    private void Write(string path, string content, UnixFileMode mode)
    {
        DurableFile.Write(path, content, mode);
        Failpoint.Hit(HubFailpoints.KeyMaterialWritten);
        made(path);
    }
}
