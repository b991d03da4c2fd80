using System.Runtime.CompilerServices;
using System.Security.Cryptography.X509Certificates;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.Protocol.Enrollment;

namespace EdgeSync.CloudCore.EmbeddedApi.Authentication;

/// <summary>
/// Who a client is by its certificate. TLS lets any certificate in, so that a client with a wrong one is told 401 and not left
/// with a broken connection; here it is judged, once for each connection. What it may do is judged for each request, and so is
/// its end.
/// </summary>
/// <param name="authority">The one CA; null where TLS has checked certificates already.</param>
/// <param name="time">The clock.</param>
internal sealed class ClientCertificateUsers(X509Certificate2? authority, TimeProvider time)
{
    // by the connection's certificate object, which lives as long as the connection
    private readonly ConditionalWeakTable<X509Certificate2, Judged> _judged = [];

    /// <summary>The user, or why the certificate stands for none.</summary>
    public (UserInfo? User, string Problem) Find(X509Certificate2 certificate)
    {
        var judged = _judged.GetValue(certificate, Judge);
        return judged.User is not null && time.GetUtcNow() > judged.End
            ? (null, "the client certificate has expired")
            : (judged.User, judged.Problem);
    }

    private Judged Judge(X509Certificate2 certificate)
    {
        DateTimeOffset end = certificate.NotAfter.ToUniversalTime();
        if (authority is not null
            && TrustedChain.Problem(certificate, authority, NodeCertificateRequest.ClientAuthentication, time.GetUtcNow()) is { } problem)
        {
            return new Judged(null, $"the client certificate is not accepted: {problem}", end);
        }

        return UserInfo.FromCertificate(certificate) is { } user
            ? new Judged(user, "", end)
            : new Judged(null, "the client certificate's subject must have exactly one common name", end);
    }

    private sealed record Judged(UserInfo? User, string Problem, DateTimeOffset End);
}
