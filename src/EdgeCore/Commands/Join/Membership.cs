using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EdgeSync.EdgeCore.Configuration;
using EdgeSync.Protocol.Enrollment;
using EdgeSync.Storage;

namespace EdgeSync.EdgeCore.Commands.Join;

/// <summary>The files that make a box a member: written together, or not at all.</summary>
internal static class Membership
{
    private const UnixFileMode FolderMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>Why the node's certificate below the data folder is of no use at <paramref name="now"/>; null when it is good.</summary>
    public static string? CertificateProblem(EdgeCoreConfig config, DateTimeOffset now)
    {
        var hub = config.Modules.EdgeHub;
        try
        {
            using var authority = X509CertificateLoader.LoadCertificateFromFile(hub.TlsCaFile);
            using var certificate = X509Certificate2.CreateFromPemFile(hub.TlsCertFile, hub.TlsPrivateKeyFile);
            return NodeIdentity.FromSubject(certificate.SubjectName)?.NodeName != config.Modules.Edged.HostnameOverride
                ? $"it is for {certificate.Subject}"
                : TrustedChain.Problem(certificate, authority, NodeCertificateRequest.ClientAuthentication, now);
        }
        catch (Exception e) when (e is CryptographicException or IOException or ArgumentException or UnauthorizedAccessException)
        {
            return e.Message;
        }
    }

    /// <summary>Fetches the certificate for a new key and checks that it is the one that was asked for.</summary>
    /// <exception cref="EnrollmentException">The hub refused, or sent something else.</exception>
    public static async Task<(string KeyPem, string CertificatePem)> EnrollAsync(VerifiedHub hub, string nodeName, CancellationToken cancellationToken)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var der = await hub.Client.RequestCertificateAsync(nodeName, hub.Token.Ticket, NodeCertificateRequest.Create(key, nodeName), cancellationToken);
        try
        {
            using var authority = X509CertificateLoader.LoadCertificate(hub.FetchedAuthority.Certificate);
            using var certificate = X509CertificateLoader.LoadCertificate(der);
            var problem = TrustedChain.Problem(certificate, authority, NodeCertificateRequest.ClientAuthentication, hub.Now)
                ?? (NodeIdentity.FromSubject(certificate.SubjectName)?.NodeName != nodeName ? $"it is for {certificate.Subject}" : null)
                ?? (certificate.PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(key.ExportSubjectPublicKeyInfo()) ? null : "it is for another key");
            return problem is null
                ? (key.ExportECPrivateKeyPem() + "\n", certificate.ExportCertificatePem() + "\n")
                : throw new EnrollmentException($"the hub sent a certificate that is of no use: {problem}", "see the hub's log");
        }
        catch (CryptographicException e)
        {
            throw new EnrollmentException($"the hub sent something that is no certificate: {e.Message}", "see the hub's log");
        }
    }

    /// <summary>
    /// Writes the files, the configuration last; <paramref name="config"/> null leaves the one that is there. On
    /// failure the files that this call has made are gone again.
    /// </summary>
    public static void Write(EdgeFiles files, EdgeCoreConfig? config, ReadOnlySpan<byte> authority, string keyPem, string certificatePem)
    {
        using var folder = new FolderProbe(files.Pki);
        var wanted = new List<(string Path, string Content, UnixFileMode Mode)>
        {
            (files.CaCertificate, PemEncoding.WriteString("CERTIFICATE", authority) + "\n", DurableFile.WorldReadable),
            (files.Key, keyPem, DurableFile.OwnerOnly),
            (files.Certificate, certificatePem, DurableFile.WorldReadable),
        };
        if (config is not null)
        {
            wanted.Add((files.Config, EdgeCoreConfigFile.Render(config), DurableFile.WorldReadable));
        }

        var written = new List<string>();
        try
        {
            foreach (var (path, content, mode) in wanted)
            {
                written.Add(path);
                DurableFile.Write(path, content, mode);
            }
        }
        catch when (config is not null)
        {
            foreach (var path in written)
            {
                File.Delete(path);
                File.Delete(path + ".new");
            }

            throw;
        }

        File.SetUnixFileMode(files.Pki, FolderMode);
        folder.Keep();
    }
}
