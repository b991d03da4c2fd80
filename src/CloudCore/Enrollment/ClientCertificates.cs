using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using EdgeSync.Protocol.Enrollment;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace EdgeSync.CloudCore.Enrollment;

/// <summary>
/// TLS for Kestrel with our CA as the only authority over clients: the chain is built once per handshake, against
/// that CA, with the clientAuth usage, and a certificate that does not pass ends the handshake. A client without a
/// certificate gets through, because a box that joins has none yet: every other endpoint must ask
/// <see cref="IdentityOf"/>.
/// </summary>
internal sealed class ClientCertificates(X509Certificate2 authority)
{
    /// <summary>TLS 1.2 and 1.3, as KubeEdge's hub.</summary>
    /// <param name="options">Of the listener.</param>
    /// <param name="server">The listener's certificate with its key.</param>
    public void Configure(HttpsConnectionAdapterOptions options, X509Certificate2 server)
    {
        options.ServerCertificate = server;
        options.SslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13;
        options.ClientCertificateMode = ClientCertificateMode.AllowCertificate;
        options.HandshakeTimeout = TimeSpan.FromSeconds(30);

        // the policy given here is the one that the handshake's own chain is built by
        options.OnAuthenticate = (_, ssl) =>
            ssl.CertificateChainPolicy = TrustedChain.PolicyFor(authority, NodeCertificateRequest.ClientAuthentication);
        options.ClientCertificateValidation = (_, _, errors) => errors == SslPolicyErrors.None;
    }

    /// <summary>
    /// As <see cref="Configure"/>, for the embedded API, which judges certificates itself: one that is not ours gets through the
    /// handshake and is answered 401, where the hub ends the connection.
    /// </summary>
    public void ConfigureApi(HttpsConnectionAdapterOptions options, X509Certificate2 server)
    {
        Configure(options, server);
        options.ClientCertificateValidation = (_, _, _) => true;
    }

    /// <summary>Who a client is by its (already validated) certificate; null without one, or with a subject that is not plain.</summary>
    public static NodeIdentity? IdentityOf(X509Certificate2? certificate) =>
        certificate is null ? null : NodeIdentity.FromSubject(certificate.SubjectName);
}
