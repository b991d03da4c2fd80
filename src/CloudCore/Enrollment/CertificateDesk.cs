using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using EdgeSync.Protocol.Enrollment;
using EdgeSync.Storage;

namespace EdgeSync.CloudCore.Enrollment;

/// <summary>
/// Decides who gets a node's certificate. A valid join token, or the node's present certificate (renewal), for a
/// request whose subject is exactly that node's and which is signed by the key it names.
/// <para>
/// A token alone does not take over a live node: when a Node of that name is Ready or connected, the request is
/// refused (409). One that is away may be taken over, because a box that was reset, or whose disk was replaced, joins
/// again under its old name and has nothing but a token.
/// </para>
/// </summary>
internal sealed partial class CertificateDesk(
    CertificateAuthority authority,
    TimeSpan nodeCertificateLifetime,
    NodeLookup lookup,
    FailedAttempts failures,
    ILogger<CertificateDesk> logger)
{
    private const string BearerPrefix = "Bearer ";

    private readonly byte[] _caCertificate = authority.CertificateDer;

    public ReadOnlyMemory<byte> CaCertificate => _caCertificate;

    public TimeSpan WaitFor(IPAddress? address) => failures.WaitFor(address);

    /// <summary>Null when the API does not answer.</summary>
    public async Task<NodePresence?> FindAsync(string nodeName, CancellationToken cancellationToken)
    {
        try
        {
            return await lookup(nodeName, cancellationToken);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            LogLookupFailed(e, nodeName);
            return null;
        }
    }

    public async Task<CertificateDecision> IssueAsync(CertificateApplication application, CancellationToken cancellationToken)
    {
        var decision = await DecideAsync(application, cancellationToken);
        if (decision.Certificate is not null)
        {
            LogIssued(application.NodeName, application.Address, application.HasClientCertificate);
        }
        else
        {
            if (decision.Status is StatusCodes.Status400BadRequest or StatusCodes.Status401Unauthorized)
            {
                failures.Add(application.Address);
            }

            LogRefused(Printable(application.NodeName), application.Address, decision.Reason);
        }

        return decision;
    }

    private async Task<CertificateDecision> DecideAsync(CertificateApplication application, CancellationToken cancellationToken)
    {
        var name = application.NodeName;
        if (NodeName.Problem(name) is { } badName)
        {
            return Bad($"the NodeName header {badName}");
        }

        if (AuthenticationProblem(application) is { } unauthorized)
        {
            return CertificateDecision.Refused(StatusCodes.Status401Unauthorized, unauthorized);
        }

        if (!TryReadUsages(application.ExtKeyUsages, out var usages))
        {
            return Bad("the ExtKeyUsages header must be a JSON list of 1 (serverAuth) and 2 (clientAuth)");
        }

        if (ReadRequest(application.SigningRequest, name, out var problem) is not { } key)
        {
            return Bad(problem!);
        }

        if (!application.HasClientCertificate)
        {
            switch (await FindAsync(name, cancellationToken))
            {
                case null:
                    return CertificateDecision.Refused(StatusCodes.Status500InternalServerError, "the Kubernetes API does not answer the hub; try again, and see the hub's log");
                case NodePresence.Present:
                    return CertificateDecision.Refused(
                        StatusCodes.Status409Conflict,
                        $"a node named {name} is connected or Ready; choose another name, or, if this is the same box after a reset, wait until it is NotReady or run: kubectl delete node {name}");
            }
        }

        using var certificate = authority.IssueClient(NodeIdentity.ForNode(name), key, nodeCertificateLifetime, usages);
        Failpoint.Hit(HubFailpoints.CertificateSigned);
        return CertificateDecision.Issued(certificate.RawData);
    }

    /// <summary>As at KubeEdge, a token counts only where no certificate was presented.</summary>
    private string? AuthenticationProblem(CertificateApplication application)
    {
        if (application.HasClientCertificate)
        {
            return application.Client?.NodeName == application.NodeName
                ? null
                : $"the client certificate is not that of node {application.NodeName}; a node renews its own certificate only";
        }

        if (!application.Authorization.StartsWith(BearerPrefix, StringComparison.OrdinalIgnoreCase))
        {
            return "neither a join token (Authorization: Bearer) nor a client certificate was sent";
        }

        return authority.TicketProblem(application.Authorization[BearerPrefix.Length..].Trim()) is { } problem
            ? $"{problem}; make a new one with: cloudcore gettoken"
            : null;
    }

    /// <summary>The key to certify; null with the problem otherwise. Loading checks that the request is signed by that key.</summary>
    private static PublicKey? ReadRequest(byte[] der, string nodeName, out string? problem)
    {
        CertificateRequest request;
        try
        {
            request = CertificateRequest.LoadSigningRequest(der, HashAlgorithmName.SHA256, out var consumed);
            problem = consumed == der.Length ? null : "bytes follow the certificate request";
        }
        catch (CryptographicException)
        {
            problem = "the body is not a certificate request (PKCS#10, DER) that is signed by its own key";
            return null;
        }

        var wanted = NodeIdentity.ForNode(nodeName);
        if (NodeIdentity.FromSubject(request.SubjectName) != wanted)
        {
            problem ??= $"the request's subject must have CN {wanted.CommonName} and O {wanted.Organization}, one of each";
        }

        using var key = request.PublicKey.GetECDsaPublicKey();
        if (key is null || key.KeySize is not (256 or 384))
        {
            problem ??= "the key must be ECDSA P-256 or P-384";
        }

        return problem is null ? request.PublicKey : null;
    }

    private static bool TryReadUsages(string header, out IReadOnlyList<string> usages)
    {
        usages = [NodeCertificateRequest.ClientAuthentication];
        if (header.Length == 0)
        {
            return true;
        }

        try
        {
            using var json = JsonDocument.Parse(header, new JsonDocumentOptions { MaxDepth = 2 });
            var found = new SortedSet<int>();
            foreach (var item in json.RootElement.EnumerateArray())
            {
                if (!item.TryGetInt32(out var usage) || usage is not (1 or 2))
                {
                    return false;
                }

                found.Add(usage);
            }

            if (found.Count > 0)
            {
                usages = [.. found.Select(u => u == 1 ? NodeCertificateRequest.ServerAuthentication : NodeCertificateRequest.ClientAuthentication)];
            }

            return true;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return false;
        }
    }

    private static CertificateDecision Bad(string reason) => CertificateDecision.Refused(StatusCodes.Status400BadRequest, reason);

    /// <summary>A name from outside must not break the log's lines.</summary>
    private static string Printable(string name) => NodeName.Problem(name) is null ? name : "(not a node name)";

    [LoggerMessage(LogLevel.Information, "Issued a certificate to {Node} at {Address} (renewal: {Renewal})")]
    private partial void LogIssued(string node, IPAddress? address, bool renewal);

    [LoggerMessage(LogLevel.Warning, "Refused a certificate to {Node} at {Address}: {Reason}")]
    private partial void LogRefused(string node, IPAddress? address, string reason);

    [LoggerMessage(LogLevel.Error, "Cannot look up {Node} in the Kubernetes API")]
    private partial void LogLookupFailed(Exception exception, string node);
}
