using System.Security.Cryptography.X509Certificates;

namespace EdgeSync.CloudCore.KubeApi.Authentication;

/// <summary>What a request shows of who sends it.</summary>
internal sealed record Credential
{
    /// <summary>A bearer token.</summary>
    public string? Token { get; init; }

    /// <summary>A client certificate with its private key.</summary>
    public X509Certificate2? Certificate { get; init; }

    /// <summary>Intermediates that follow the certificate.</summary>
    public X509Certificate2Collection? Chain { get; init; }
}

/// <summary>Where a client's credential comes from, and comes anew. Safe to be used at once.</summary>
internal interface ICredentials
{
    /// <summary>The credential for a request that is sent now.</summary>
    /// <exception cref="ApiException">There is none; the message says why.</exception>
    ValueTask<Credential> GetAsync(CancellationToken ct);

    /// <summary>The API answered 401 to it. True where the next <see cref="GetAsync"/> may give another one.</summary>
    bool IsRefused(Credential credential);
}
