using System.Net;
using EdgeSync.Protocol.Enrollment;

namespace EdgeSync.CloudCore.Enrollment;

/// <summary>One request for a node's certificate, as it came in. All of it is untrusted but <see cref="Client"/>.</summary>
internal sealed record CertificateApplication
{
    public required string NodeName { get; init; }

    /// <summary>The header's whole value; empty without one.</summary>
    public required string Authorization { get; init; }

    /// <summary>JSON list of Go's numbers (1 serverAuth, 2 clientAuth); empty without the header.</summary>
    public string ExtKeyUsages { get; init; } = "";

    /// <summary>From a client certificate that TLS has validated against the CA.</summary>
    public NodeIdentity? Client { get; init; }

    public bool HasClientCertificate { get; init; }

    /// <summary>PKCS#10, DER.</summary>
    public required byte[] SigningRequest { get; init; }

    public IPAddress? Address { get; init; }
}

/// <summary>The certificate, or the HTTP status and the words of the refusal.</summary>
internal sealed record CertificateDecision(byte[]? Certificate, int Status, string Reason)
{
    public static CertificateDecision Issued(byte[] certificate) => new(certificate, StatusCodes.Status200OK, "");

    public static CertificateDecision Refused(int status, string reason) => new(null, status, reason);
}
