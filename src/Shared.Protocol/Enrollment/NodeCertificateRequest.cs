using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace EdgeSync.Protocol.Enrollment;

/// <summary>The signing request (PKCS#10) by which a node asks for its client certificate.</summary>
public static class NodeCertificateRequest
{
    public const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";

    public const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    /// <summary>DER, signed by <paramref name="key"/>.</summary>
    public static byte[] Create(ECDsa key, string nodeName) =>
        new CertificateRequest(NodeIdentity.ForNode(nodeName).ToSubject(), key, HashAlgorithmName.SHA256).CreateSigningRequest();
}
