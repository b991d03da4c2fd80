using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using EdgeSync.EdgeCore.Configuration;
using EdgeSync.Protocol.Enrollment;

namespace EdgeSync.EdgeCore.Commands.Join;

/// <summary>The hub's CA certificate as an unverified server sent it, and where and when that was.</summary>
/// <param name="Server">Where enrollment answered.</param>
/// <param name="Certificate">DER. Not to be believed before its hash is compared to the token's.</param>
/// <param name="HubTime">The server's clock; null when it did not say.</param>
internal sealed record FetchedAuthority(HostPort Server, byte[] Certificate, DateTimeOffset? HubTime);

/// <summary>What the hub knows of a node name.</summary>
internal enum NameState
{
    Free,

    /// <summary>Known, and its box is away: joining takes it over.</summary>
    Away,

    Taken,
}

/// <summary>
/// Speaks to the hub's enrollment endpoints: first unverified, for the CA certificate alone, then, once that has
/// proven to be the token's, with it as the one authority.
/// </summary>
internal sealed class EnrollmentClient : IDisposable
{
    private const int MaxAnswer = 64 * 1024;
    private const string PresenceHeader = "Edgesync-Node-Presence";

    private static readonly TimeSpan s_connectTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(15);

    private HttpClient? _pinned;
    private HostPort _server;
    private string? _tlsProblem;

    /// <summary>From the hub port; from <paramref name="certPort"/> when something listens there that does not enroll (KubeEdge's hub).</summary>
    public static async Task<FetchedAuthority> FetchAuthorityAsync(HostPort hub, int certPort, CancellationToken cancellationToken)
    {
        try
        {
            return await FetchFromAsync(hub, cancellationToken);
        }
        catch (EnrollmentException e) when (e.Reached && certPort != hub.Port)
        {
            try
            {
                return await FetchFromAsync(hub with { Port = certPort }, cancellationToken);
            }
            catch (EnrollmentException other)
            {
                throw new EnrollmentException(
                    $"{e.Message}; {other.Message}",
                    "is this an EdgeSync or KubeEdge hub? Name its port by --cloudcore-ipport, and, at KubeEdge, the port of its HTTPS server by --certport");
            }
        }
    }

    /// <summary>From here on only servers whose certificate <paramref name="authority"/> has signed are spoken to.</summary>
    /// <param name="server">Where the CA certificate came from.</param>
    /// <param name="authority">The CA that the token names.</param>
    /// <param name="now">The time to judge certificates by: this box's clock may be off.</param>
    public void Pin(HostPort server, X509Certificate2 authority, DateTimeOffset now)
    {
        var policy = TrustedChain.PolicyFor(authority, NodeCertificateRequest.ServerAuthentication);
        policy.VerificationTime = now.UtcDateTime;
        policy.VerificationTimeIgnored = false;
        _server = server;
        _pinned?.Dispose();
        _pinned = CreateClient(server, new SslClientAuthenticationOptions
        {
            CertificateChainPolicy = policy,
            RemoteCertificateValidationCallback = (_, certificate, _, errors) =>
            {
                _tlsProblem = Describe(errors, certificate as X509Certificate2, authority, now);
                return errors == SslPolicyErrors.None;
            },
        });
    }

    public async Task<NameState> FindNodeAsync(string nodeName, CancellationToken cancellationToken)
    {
        using var response = await SendAsync(new HttpRequestMessage(HttpMethod.Get, $"node/{nodeName}"), cancellationToken);
        if (response.StatusCode == HttpStatusCode.NotFound)
        {
            return NameState.Free;
        }

        if (response.StatusCode != HttpStatusCode.OK)
        {
            throw new EnrollmentException($"{_server} answered {(int)response.StatusCode}: {await WordsAsync(response, cancellationToken)}");
        }

        return response.Headers.TryGetValues(PresenceHeader, out var values) && values.FirstOrDefault() == "Away" ? NameState.Away : NameState.Taken;
    }

    /// <summary>The certificate, DER, as sent.</summary>
    public async Task<byte[]> RequestCertificateAsync(string nodeName, string ticket, byte[] signingRequest, CancellationToken cancellationToken)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, "edge.crt") { Content = new ByteArrayContent(signingRequest) };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", ticket);
        request.Headers.Add("NodeName", nodeName);
        using var response = await SendAsync(request, cancellationToken);
        return response.StatusCode == HttpStatusCode.OK
            ? await response.Content.ReadAsByteArrayAsync(cancellationToken)
            : throw new EnrollmentException($"the hub refused the certificate ({(int)response.StatusCode}): {await WordsAsync(response, cancellationToken)}");
    }

    public void Dispose() => _pinned?.Dispose();

    private static async Task<FetchedAuthority> FetchFromAsync(HostPort server, CancellationToken cancellationToken)
    {
        // any certificate will do: what comes back is compared to the token's hash before it is used for anything
#pragma warning disable CA5359 // see above: the token's hash is what verifies
        using var client = CreateClient(server, new SslClientAuthenticationOptions { RemoteCertificateValidationCallback = (_, _, _, _) => true });
#pragma warning restore CA5359
        try
        {
            using var response = await client.GetAsync(new Uri("ca.crt", UriKind.Relative), cancellationToken);
            return response.StatusCode == HttpStatusCode.OK
                ? new FetchedAuthority(server, await response.Content.ReadAsByteArrayAsync(cancellationToken), response.Headers.Date)
                : throw new EnrollmentException($"{server} does not enroll (GET /ca.crt: {(int)response.StatusCode})", reached: true);
        }
        catch (HttpRequestException e)
        {
            throw Unreachable(server, e);
        }
        catch (TaskCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new EnrollmentException($"{server} did not answer within {s_timeout.TotalSeconds:0} s", "check the address, and firewalls on the way");
        }
    }

    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        using (request)
        {
            _tlsProblem = null;
            try
            {
                return await _pinned!.SendAsync(request, cancellationToken);
            }
            catch (HttpRequestException) when (_tlsProblem is { } problem)
            {
                throw new EnrollmentException($"{_server} shows a certificate that cannot be trusted: {problem}", "join by an address that the certificate names, or add this one to modules.cloudHub.advertiseAddress on the hub, run cloudcore init there and restart it");
            }
            catch (HttpRequestException e)
            {
                throw Unreachable(_server, e);
            }
            catch (TaskCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                throw new EnrollmentException($"{_server} did not answer within {s_timeout.TotalSeconds:0} s", "try again; if it stays so, see the hub's log");
            }
        }
    }

    private static HttpClient CreateClient(HostPort server, SslClientAuthenticationOptions tls) => new(new SocketsHttpHandler
    {
        SslOptions = tls,
        ConnectTimeout = s_connectTimeout,
        AllowAutoRedirect = false,
        UseCookies = false,
        UseProxy = false, // the agent's link uses none either: a check that passes by a proxy would mislead
    })
    {
        BaseAddress = new Uri($"https://{server}/"),
        Timeout = s_timeout,
        MaxResponseContentBufferSize = MaxAnswer,
    };

    private static EnrollmentException Unreachable(HostPort server, HttpRequestException e)
    {
        if (e.HttpRequestError is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError)
        {
            var socket = e.InnerException as SocketException;
            return new EnrollmentException(
                $"{server} cannot be reached: {socket?.Message ?? e.Message}",
                socket?.SocketErrorCode == SocketError.ConnectionRefused
                    ? "is cloudcore running there, and is this its hub port?"
                    : "check the address, the network, and firewalls on the way");
        }

        return new EnrollmentException(
            $"{server} does not speak HTTPS as a hub does: {e.InnerException?.Message ?? e.Message}", "is this the hub's port?", reached: true);
    }

    private static string? Describe(SslPolicyErrors errors, X509Certificate2? certificate, X509Certificate2 authority, DateTimeOffset now)
    {
        if (errors == SslPolicyErrors.None)
        {
            return null;
        }

        if (certificate is null)
        {
            return "it shows none";
        }

        return TrustedChain.Problem(certificate, authority, NodeCertificateRequest.ServerAuthentication, now)
            ?? $"it names other addresses: {Names(certificate)}";
    }

    private static string Names(X509Certificate2 certificate) =>
        certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().FirstOrDefault() is { } names
            ? string.Join(", ", names.EnumerateDnsNames().Concat(names.EnumerateIPAddresses().Select(a => a.ToString())))
            : "none";

    /// <summary>The answer's text, fit to be shown: short, and on one line.</summary>
    private static async Task<string> WordsAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        const int most = 500;
        var text = await response.Content.ReadAsStringAsync(cancellationToken);
        return string.Concat(text.Take(most).Select(c => char.IsControl(c) ? ' ' : c)).Trim();
    }
}
