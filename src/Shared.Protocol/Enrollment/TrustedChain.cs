using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace EdgeSync.Protocol.Enrollment;

/// <summary>
/// Checks of a certificate against the one CA that hub and agents share. The system's own list of authorities has
/// no say, and nothing is fetched from the network.
/// </summary>
public static class TrustedChain
{
    /// <summary>The rules, for TLS stacks that build the chain themselves.</summary>
    /// <param name="authority">The one CA.</param>
    /// <param name="usage">The extended key usage wanted, an OID.</param>
    public static X509ChainPolicy PolicyFor(X509Certificate2 authority, string usage)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
        };
        policy.CustomTrustStore.Add(authority);
        policy.ApplicationPolicy.Add(new Oid(usage));
        return policy;
    }

    /// <summary>Why <paramref name="certificate"/> is not to be trusted at <paramref name="now"/>; null when it is.</summary>
    public static string? Problem(X509Certificate2 certificate, X509Certificate2 authority, string usage, DateTimeOffset now)
    {
        using var chain = new X509Chain { ChainPolicy = PolicyFor(authority, usage) };
        chain.ChainPolicy.VerificationTime = now.UtcDateTime;
        chain.ChainPolicy.VerificationTimeIgnored = false;
        if (chain.Build(certificate))
        {
            return null;
        }

        var status = chain.ChainStatus.Aggregate(X509ChainStatusFlags.NoError, (all, one) => all | one.Status);
        if ((status & (X509ChainStatusFlags.PartialChain | X509ChainStatusFlags.UntrustedRoot | X509ChainStatusFlags.NotSignatureValid)) != 0)
        {
            return "it was not signed by the hub's CA";
        }

        if ((status & X509ChainStatusFlags.NotTimeValid) != 0)
        {
            return $"it is valid from {Format(certificate.NotBefore)} to {Format(certificate.NotAfter)}, and the time is {JoinTicket.Format(now)}";
        }

        return (status & X509ChainStatusFlags.NotValidForUsage) != 0
            ? "it was not made for this use"
            : $"it is not valid ({status})";
    }

    private static string Format(DateTime local) => JoinTicket.Format(new DateTimeOffset(local.ToUniversalTime()));
}
