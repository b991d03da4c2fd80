using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EdgeSync.CloudCore.Enrollment;
using EdgeSync.Protocol.Enrollment;

namespace EdgeSync.CloudCore.Tests.Enrollment;

public sealed class EnrollmentEndpointsTests
{
    [Fact]
    public async Task The_CA_certificate_is_served_as_DER_and_is_the_tokens()
    {
        await using var host = await EnrollmentHost.StartAsync();
        using var client = host.Client();

        var der = await client.GetByteArrayAsync(new Uri("ca.crt", UriKind.Relative));

        Assert.Equal(host.Authority.CertificateDer, der);
        Assert.True(host.Authority.NewToken(TimeSpan.FromHours(1)).IsOf(der));
    }

    [Fact]
    public async Task A_box_with_a_token_gets_the_certificate_of_its_node()
    {
        await using var host = await EnrollmentHost.StartAsync();

        using var certificate = await host.EnrollAsync("edge-1");

        Assert.Equal(NodeIdentity.ForNode("edge-1"), NodeIdentity.FromSubject(certificate.SubjectName));
        Assert.Null(TrustedChain.Problem(certificate, host.Authority.Certificate, NodeCertificateRequest.ClientAuthentication, DateTimeOffset.UtcNow));
        Assert.NotNull(TrustedChain.Problem(certificate, host.Authority.Certificate, NodeCertificateRequest.ServerAuthentication, DateTimeOffset.UtcNow));
        Assert.InRange(certificate.NotAfter - DateTime.Now, TimeSpan.FromDays(364), TimeSpan.FromDays(365));
    }

    [Fact]
    public async Task A_request_as_KubeEdges_agent_makes_it_is_accepted()
    {
        await using var host = await EnrollmentHost.StartAsync();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var csr = new CertificateRequest("C=CN, O=system:nodes, L=Hangzhou, S=Zhejiang, CN=system:node:edge-1", key, HashAlgorithmName.SHA256)
            .CreateSigningRequest();
        using var client = host.Client();
        using var request = EnrollmentHost.Application("edge-1", csr, host.Ticket());
        request.Headers.TransferEncodingChunked = true;
        request.Headers.TryAddWithoutValidation("ExtKeyUsages", "[2]");

        using var response = await client.SendAsync(request);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        using var certificate = X509CertificateLoader.LoadCertificate(await response.Content.ReadAsByteArrayAsync());
        Assert.Equal("CN=system:node:edge-1, O=system:nodes", certificate.Subject);
    }

    [Fact]
    public async Task A_node_renews_its_own_certificate_by_the_present_one_also_while_it_is_ready()
    {
        await using var host = await EnrollmentHost.StartAsync();
        using var present = await host.EnrollAsync("edge-1");
        host.Nodes["edge-1"] = NodePresence.Present;

        Assert.Equal(HttpStatusCode.OK, (await ApplyAsync(host, "edge-1", "edge-1", null, present)).Status);

        var other = await ApplyAsync(host, "edge-2", "edge-2", host.Ticket(), present);
        Assert.Equal(HttpStatusCode.Unauthorized, other.Status);
        Assert.Contains("renews its own certificate only", other.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_certificate_of_another_CA_does_not_get_through_the_handshake()
    {
        await using var host = await EnrollmentHost.StartAsync();
        await using var foreign = await EnrollmentHost.StartAsync();
        using var certificate = await foreign.EnrollAsync("edge-1");

        await Assert.ThrowsAnyAsync<Exception>(() => ApplyAsync(host, "edge-1", "edge-1", null, certificate));
    }

    [Fact]
    public async Task An_expired_certificate_does_not_get_through_the_handshake()
    {
        await using var host = await EnrollmentHost.StartAsync();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var expired = host.Authority.IssueClient(
            NodeIdentity.ForNode("edge-1"), new PublicKey(key), TimeSpan.FromMinutes(-10), [NodeCertificateRequest.ClientAuthentication]);
        using var certificate = expired.CopyWithPrivateKey(key);

        await Assert.ThrowsAnyAsync<Exception>(() => ApplyAsync(host, "edge-1", "edge-1", null, certificate));
    }

    [Fact]
    public async Task A_server_certificate_is_no_client_certificate()
    {
        await using var host = await EnrollmentHost.StartAsync();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var issued = host.Authority.IssueServer(new PublicKey(key), ["127.0.0.1"]);
        using var certificate = issued.CopyWithPrivateKey(key);

        await Assert.ThrowsAnyAsync<Exception>(() => ApplyAsync(host, "edge-1", "edge-1", null, certificate));
    }

    [Fact]
    public async Task The_administrators_certificate_makes_no_node()
    {
        await using var host = await EnrollmentHost.StartAsync();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var issued = host.Authority.IssueClient(
            new NodeIdentity("kubernetes-admin", "system:masters"), new PublicKey(key), TimeSpan.FromDays(1), [NodeCertificateRequest.ClientAuthentication]);
        using var certificate = issued.CopyWithPrivateKey(key);

        Assert.Equal(HttpStatusCode.Unauthorized, (await ApplyAsync(host, "edge-1", "edge-1", null, certificate)).Status);
    }

    [Fact]
    public async Task Without_token_and_certificate_nobody_gets_in()
    {
        await using var host = await EnrollmentHost.StartAsync();

        var answer = await ApplyAsync(host, "edge-1", "edge-1", null);

        Assert.Equal(HttpStatusCode.Unauthorized, answer.Status);
        Assert.Contains("neither a join token", answer.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_expired_token_is_refused_with_its_time_and_the_remedy()
    {
        await using var host = await EnrollmentHost.StartAsync();

        var answer = await ApplyAsync(host, "edge-1", "edge-1", host.Ticket(TimeSpan.FromHours(-1)));

        Assert.Equal(HttpStatusCode.Unauthorized, answer.Status);
        Assert.Matches(@"the token expired at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ; make a new one with: cloudcore gettoken", answer.Text);
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("a.b.c")]
    [InlineData("eyJhbGciOiJub25lIn0.eyJleHAiOjk5OTk5OTk5OTl9.AA")]
    [InlineData("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjk5OTk5OTk5OTl9.c2lnbmF0dXJl")]
    public async Task A_forged_or_malformed_token_is_refused(string ticket)
    {
        await using var host = await EnrollmentHost.StartAsync();

        Assert.Equal(HttpStatusCode.Unauthorized, (await ApplyAsync(host, "edge-1", "edge-1", ticket)).Status);
    }

    [Fact]
    public async Task A_token_of_another_hub_is_refused()
    {
        await using var host = await EnrollmentHost.StartAsync();
        await using var foreign = await EnrollmentHost.StartAsync();

        var answer = await ApplyAsync(host, "edge-1", "edge-1", foreign.Ticket());

        Assert.Equal(HttpStatusCode.Unauthorized, answer.Status);
        Assert.Contains("not made by this hub", answer.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(NodePresence.Absent, HttpStatusCode.OK)]
    [InlineData(NodePresence.Away, HttpStatusCode.OK)]
    [InlineData(NodePresence.Present, HttpStatusCode.Conflict)]
    internal async Task A_token_takes_over_a_node_that_is_away_but_not_one_that_is_there(NodePresence presence, HttpStatusCode status)
    {
        await using var host = await EnrollmentHost.StartAsync();
        host.Nodes["edge-1"] = presence;

        Assert.Equal(status, (await ApplyAsync(host, "edge-1", "edge-1", host.Ticket())).Status);
    }

    [Fact]
    public async Task An_API_that_is_down_lets_nobody_in_by_token()
    {
        await using var host = await EnrollmentHost.StartAsync();
        host.ApiIsDown = true;

        Assert.Equal(HttpStatusCode.InternalServerError, (await ApplyAsync(host, "edge-1", "edge-1", host.Ticket())).Status);
    }

    [Theory]
    [InlineData("edge-2", "edge-1")]
    [InlineData("Edge_1", "edge-1")]
    [InlineData("", "edge-1")]
    public async Task A_name_that_is_none_or_not_the_requests_is_refused(string header, string subject)
    {
        await using var host = await EnrollmentHost.StartAsync();

        Assert.Equal(HttpStatusCode.BadRequest, (await ApplyAsync(host, header, subject, host.Ticket())).Status);
    }

    [Theory]
    [InlineData("O=system:masters, CN=system:node:edge-1")]
    [InlineData("O=system:masters, O=system:nodes, CN=system:node:edge-1")]
    [InlineData("O=system:nodes, CN=edge-1")]
    [InlineData("CN=system:node:edge-1")]
    public async Task A_request_for_another_subject_is_refused(string subject)
    {
        await using var host = await EnrollmentHost.StartAsync();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var csr = new CertificateRequest(subject, key, HashAlgorithmName.SHA256).CreateSigningRequest();

        var answer = await SendAsync(host, EnrollmentHost.Application("edge-1", csr, host.Ticket()));

        Assert.Equal(HttpStatusCode.BadRequest, answer.Status);
        Assert.Contains("CN system:node:edge-1", answer.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Names_that_a_request_asks_for_are_not_certified()
    {
        await using var host = await EnrollmentHost.StartAsync();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var csr = new CertificateRequest("O=system:nodes, CN=system:node:edge-1", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("hub.example.com");
        csr.CertificateExtensions.Add(names.Build());
        csr.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        using var client = host.Client();
        using var request = EnrollmentHost.Application("edge-1", csr.CreateSigningRequest(), host.Ticket());

        using var response = await client.SendAsync(request);

        using var certificate = X509CertificateLoader.LoadCertificate(await response.Content.ReadAsByteArrayAsync());
        Assert.Empty(certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>());
        Assert.False(certificate.Extensions.OfType<X509BasicConstraintsExtension>().Single().CertificateAuthority);
    }

    [Fact]
    public async Task A_request_that_its_own_key_did_not_sign_is_refused()
    {
        await using var host = await EnrollmentHost.StartAsync();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var csr = NodeCertificateRequest.Create(key, "edge-1");
        csr[^3] ^= 0xFF;

        var answer = await SendAsync(host, EnrollmentHost.Application("edge-1", csr, host.Ticket()));

        Assert.Equal(HttpStatusCode.BadRequest, answer.Status);
        Assert.Contains("signed by its own key", answer.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_weak_or_other_key_is_refused()
    {
        await using var host = await EnrollmentHost.StartAsync();
        using var key = RSA.Create(2048);
        var csr = new CertificateRequest("O=system:nodes, CN=system:node:edge-1", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1).CreateSigningRequest();

        Assert.Equal(HttpStatusCode.BadRequest, (await SendAsync(host, EnrollmentHost.Application("edge-1", csr, host.Ticket()))).Status);
    }

    [Theory]
    [InlineData(0, HttpStatusCode.BadRequest)]
    [InlineData(64 * 1024, HttpStatusCode.BadRequest)]
    [InlineData((64 * 1024) + 1, HttpStatusCode.RequestEntityTooLarge)]
    [InlineData(2_000_000, HttpStatusCode.RequestEntityTooLarge)]
    public async Task A_body_that_is_no_request_is_refused_and_a_large_one_is_not_read(int size, HttpStatusCode status)
    {
        await using var host = await EnrollmentHost.StartAsync();

        Assert.Equal(status, (await SendAsync(host, EnrollmentHost.Application("edge-1", new byte[size], host.Ticket()))).Status);

        var chunked = EnrollmentHost.Application("edge-1", new byte[size], host.Ticket());
        chunked.Headers.TransferEncodingChunked = true;
        Assert.Equal(status, (await SendAsync(host, chunked)).Status);
    }

    [Theory]
    [InlineData("[1]", "1.3.6.1.5.5.7.3.1")]
    [InlineData("[2]", "1.3.6.1.5.5.7.3.2")]
    [InlineData("[]", "1.3.6.1.5.5.7.3.2")]
    [InlineData("[2,1,2]", "1.3.6.1.5.5.7.3.1 1.3.6.1.5.5.7.3.2")]
    [InlineData("[3]", null)]
    [InlineData("2", null)]
    [InlineData("[[2]]", null)]
    [InlineData("x", null)]
    public async Task The_header_of_usages_is_followed_or_refused(string header, string? oids)
    {
        await using var host = await EnrollmentHost.StartAsync();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var client = host.Client();
        using var request = EnrollmentHost.Application("edge-1", NodeCertificateRequest.Create(key, "edge-1"), host.Ticket());
        request.Headers.TryAddWithoutValidation("ExtKeyUsages", header);

        using var response = await client.SendAsync(request);

        if (oids is null)
        {
            Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
            return;
        }

        using var certificate = X509CertificateLoader.LoadCertificate(await response.Content.ReadAsByteArrayAsync());
        var usages = certificate.Extensions.OfType<X509EnhancedKeyUsageExtension>().Single().EnhancedKeyUsages;
        Assert.Equal(oids, string.Join(' ', usages.Cast<Oid>().Select(u => u.Value)));
    }

    [Fact]
    public async Task A_guesser_is_told_to_wait_and_an_honest_box_may_come_after_a_minute()
    {
        var time = new ManualTime();
        await using var host = await EnrollmentHost.StartAsync(time);
        for (var i = 0; i < 30; i++)
        {
            Assert.Equal(HttpStatusCode.Unauthorized, (await ApplyAsync(host, "edge-1", "edge-1", "a.b.c")).Status);
        }

        Assert.Equal(HttpStatusCode.TooManyRequests, (await ApplyAsync(host, "edge-1", "edge-1", host.Ticket())).Status);

        time.Advance(TimeSpan.FromSeconds(61));
        Assert.Equal(HttpStatusCode.OK, (await ApplyAsync(host, "edge-1", "edge-1", host.Ticket())).Status);
    }

    [Theory]
    [InlineData("edge-1", HttpStatusCode.OK, "Node found")]
    [InlineData("edge-2", HttpStatusCode.NotFound, "Node not found")]
    [InlineData("Edge_2", HttpStatusCode.BadRequest, null)]
    public async Task A_node_is_found_or_not(string name, HttpStatusCode status, string? text)
    {
        await using var host = await EnrollmentHost.StartAsync();
        host.Nodes["edge-1"] = NodePresence.Away;
        using var client = host.Client();

        using var response = await client.GetAsync(new Uri($"node/{name}", UriKind.Relative));

        Assert.Equal(status, response.StatusCode);
        if (text is not null)
        {
            Assert.Equal(text, await response.Content.ReadAsStringAsync());
        }

        Assert.Equal(name == "edge-1", response.Headers.Contains(EnrollmentEndpoints.PresenceHeader));
    }

    private static async Task<(HttpStatusCode Status, string Text)> ApplyAsync(
        EnrollmentHost host, string header, string subject, string? ticket, X509Certificate2? certificate = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return await SendAsync(host, EnrollmentHost.Application(header, NodeCertificateRequest.Create(key, subject), ticket), certificate);
    }

    private static async Task<(HttpStatusCode Status, string Text)> SendAsync(
        EnrollmentHost host, HttpRequestMessage request, X509Certificate2? certificate = null)
    {
        using (request)
        {
            using var client = host.Client(certificate);
            using var response = await client.SendAsync(request);
            return (response.StatusCode, await response.Content.ReadAsStringAsync());
        }
    }
}
