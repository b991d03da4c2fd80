using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.TestKit;

namespace EdgeSync.CloudCore.Tests.EmbeddedApi.Authentication;

/// <summary>Certificates that somebody asks for, somebody else approves, and the server signs.</summary>
public sealed class SigningRequestTests : IAsyncLifetime
{
    private const string Path = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
    private readonly ShiftedTime _time = new();
    private ApiHost _host = null!;
    private ApiClient _admin = null!;

    public async Task InitializeAsync()
    {
        _host = await ApiHost.StartAsync(time: _time, withAuthority: true);
        _admin = new ApiClient(_host.Client());
    }

    public async Task DisposeAsync() => await _host.DisposeAsync();

    [Fact]
    public async Task An_approved_request_is_signed_and_the_certificate_lets_one_in()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        Assert.Equal(HttpStatusCode.Created, (await _admin.PostAsync(Path, Request("jane", Pkcs10(key, "CN=jane, O=team"), seconds: 3600))).Code);
        await ApproveAsync("jane");
        using var certificate = await CertificateAsync("jane");
        Assert.Equal("jane", certificate.GetNameInfo(X509NameType.SimpleName, false));
        Assert.InRange(certificate.NotAfter.ToUniversalTime() - DateTime.UtcNow, TimeSpan.FromMinutes(55), TimeSpan.FromMinutes(61));
        using var whole = certificate.CopyWithPrivateKey(key);
        using var usable = X509CertificateLoader.LoadPkcs12(whole.Export(X509ContentType.Pkcs12), null);
        var handler = new SocketsHttpHandler();
        handler.SslOptions.RemoteCertificateValidationCallback = (_, server, _, _) => _host.Certificates.Issued(server);
        handler.SslOptions.LocalCertificateSelectionCallback = (_, _, _, _, _) => usable;
        handler.SslOptions.ClientCertificates = [usable];
        using var client = new HttpClient(handler) { BaseAddress = _host.Address };
        var me = await new ApiClient(client).PostAsync("/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}");
        Assert.Equal("jane", (string?)me.Body["status"]!["userInfo"]!["username"]);
        Assert.Equal("team", (string?)me.Body["status"]!["userInfo"]!["groups"]![0]);
    }

    [Fact]
    public async Task The_server_says_who_asked_and_what_was_asked_for_stays()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var body = JsonNode.Parse(Request("stamp", Pkcs10(key, "CN=x")))!;
        body["spec"]!["username"] = "somebody-else";
        body["spec"]!["groups"] = new JsonArray("system:masters");
        var made = (await _admin.PostAsync(Path, body.ToJsonString())).Body;
        Assert.Equal("admin", (string?)made["spec"]!["username"]);
        Assert.Equal(["system:masters", "system:authenticated"], made["spec"]!["groups"]!.AsArray().Select(g => (string)g!));
        var changed = await _admin.MergeAsync($"{Path}/stamp", """{"metadata":{"labels":{"a":"b"}},"spec":{"username":"other","signerName":"a.b/c"}}""");
        Assert.Equal("b", (string?)changed.Body["metadata"]!["labels"]!["a"]);
        Assert.Equal("admin", (string?)changed.Body["spec"]!["username"]);
        Assert.Equal("kubernetes.io/kube-apiserver-client", (string?)changed.Body["spec"]!["signerName"]);
    }

    [Fact]
    public async Task The_group_of_administrators_is_not_to_be_had()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var answer = await _admin.PostAsync(Path, Request("root", Pkcs10(key, "CN=x, O=system:masters")));
        Assert.Equal(HttpStatusCode.Forbidden, answer.Code);
        Assert.Contains("use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed", answer.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("kubernetes.io/kube-apiserver-client-kubelet", "CN=jane, O=system:nodes", "client auth", "subject common name does not begin with system:node:")]
    [InlineData("kubernetes.io/kube-apiserver-client-kubelet", "CN=system:node:a, O=team", "client auth", "subject organization is not system:nodes")]
    [InlineData("kubernetes.io/kubelet-serving", "CN=system:node:a, O=system:nodes", "server auth", "at least one DNS or IP subjectAltName is required")]
    [InlineData("kubernetes.io/kube-apiserver-client", "CN=a", "server auth", "usage \"server auth\" is not allowed")]
    public async Task What_a_signer_does_not_sign_fails_with_the_reason(string signer, string subject, string usage, string why)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        await _admin.PostAsync(Path, Request("bad", Pkcs10(key, subject), signer, usage));
        await ApproveAsync("bad");
        JsonNode? failed = null;
        await Eventually.HoldsAsync("the request fails", async () =>
            (failed = (await _admin.GetAsync($"{Path}/bad")).Body["status"]?["conditions"]?.AsArray().FirstOrDefault(c => (string?)c!["type"] == "Failed")) is not null);
        Assert.Equal("SignerValidationFailure", (string?)failed!["reason"]);
        Assert.Equal(why, (string?)failed["message"]);
    }

    [Fact]
    public async Task A_nodes_certificates_are_signed_by_the_signers_rules()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        await _admin.PostAsync(Path, Request("client", Pkcs10(key, "CN=system:node:a, O=system:nodes"), "kubernetes.io/kube-apiserver-client-kubelet", "client auth"));
        await ApproveAsync("client");
        using var client = await CertificateAsync("client");
        await _admin.PostAsync(Path, Request(
            "serving", Pkcs10(key, "CN=system:node:a, O=system:nodes", "a.example.com"), "kubernetes.io/kubelet-serving", "server auth"));
        await ApproveAsync("serving");
        using var serving = await CertificateAsync("serving");
        Assert.True(serving.MatchesHostname("a.example.com"));
        Assert.Contains(serving.Extensions.OfType<X509EnhancedKeyUsageExtension>().Single().EnhancedKeyUsages.Cast<Oid>(), o => o.Value == "1.3.6.1.5.5.7.3.1");
    }

    [Fact]
    public async Task Only_who_may_approve_for_the_signer_approves()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        await _admin.PostAsync(Path, Request("guarded", Pkcs10(key, "CN=x")));
        await _admin.PostAsync("/apis/rbac.authorization.k8s.io/v1/clusterroles", """
            {"metadata":{"name":"approver"},"rules":[{"apiGroups":["certificates.k8s.io"],"resources":["certificatesigningrequests","certificatesigningrequests/approval"],"verbs":["get","update"]}]}
            """);
        await _admin.PostAsync("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", """
            {"metadata":{"name":"approver"},"roleRef":{"kind":"ClusterRole","name":"approver"},"subjects":[{"kind":"User","name":"joe"}]}
            """);
        var joe = new ApiClient(_host.Client("joe"));
        var refused = await ApproveAsync("guarded", joe);
        Assert.Equal(HttpStatusCode.Forbidden, refused.Code);
        Assert.Contains("user not permitted to approve requests with signerName \"kubernetes.io/kube-apiserver-client\"", refused.Message, StringComparison.Ordinal);
        await _admin.PostAsync("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", """
            {"metadata":{"name":"approver2"},"roleRef":{"kind":"ClusterRole","name":"system:certificates.k8s.io:kube-apiserver-client-approver"},"subjects":[{"kind":"User","name":"joe"}]}
            """);
        Assert.Equal(HttpStatusCode.OK, (await ApproveAsync("guarded", joe)).Code);
        var both = await ApproveAsync("guarded", type: "Denied");
        Assert.Equal(HttpStatusCode.UnprocessableEntity, both.Code);
        Assert.Contains("mutually exclusive", both.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"usages":["client auth"],"signerName":"kubernetes.io/kube-apiserver-client","request":"eA=="}""", "spec.request")]
    [InlineData("""{"signerName":"kubernetes.io/kube-apiserver-client"}""", "spec.usages: Required value")]
    [InlineData("""{"usages":["flying"],"signerName":"kubernetes.io/kube-apiserver-client"}""", "spec.usages[0]: Unsupported value: \"flying\"")]
    [InlineData("""{"usages":["client auth"],"signerName":"x"}""", "must be a fully qualified domain and path")]
    [InlineData("""{"usages":["client auth"],"signerName":"a.b/c","expirationSeconds":10}""", "may not specify a duration less than 600 seconds")]
    public async Task What_makes_no_sense_is_refused(string spec, string words)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var node = JsonNode.Parse(spec)!;
        node["request"] ??= Pkcs10(key, "CN=x");
        var answer = await _admin.PostAsync(Path, new JsonObject { ["metadata"] = new JsonObject { ["name"] = "x" }, ["spec"] = node }.ToJsonString());
        Assert.Equal(HttpStatusCode.UnprocessableEntity, answer.Code);
        Assert.Contains(words, answer.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Requests_that_nobody_needs_any_more_are_removed()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        await _admin.PostAsync(Path, Request("done", Pkcs10(key, "CN=x")));
        await ApproveAsync("done");
        (await CertificateAsync("done")).Dispose();
        await _admin.PostAsync(Path, Request("open", Pkcs10(key, "CN=x")));
        _time.Advance(TimeSpan.FromMinutes(61));
        await _admin.PostAsync(Path, Request("later", Pkcs10(key, "CN=x"))); // a change, so that it is looked at
        await Eventually.HoldsAsync("the decided one is gone", async () => (await _admin.GetAsync($"{Path}/done")).Code == HttpStatusCode.NotFound);
        Assert.Equal(HttpStatusCode.OK, (await _admin.GetAsync($"{Path}/open")).Code);
    }

    private static string Pkcs10(ECDsa key, string subject, string? dnsName = null)
    {
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        if (dnsName is not null)
        {
            var names = new SubjectAlternativeNameBuilder();
            names.AddDnsName(dnsName);
            request.CertificateExtensions.Add(names.Build());
        }

        return Convert.ToBase64String(Encoding.ASCII.GetBytes(request.CreateSigningRequestPem()));
    }

    private static string Request(
        string name, string pkcs10, string signer = "kubernetes.io/kube-apiserver-client", string usage = "client auth", long? seconds = null) => new JsonObject
        {
            ["metadata"] = new JsonObject { ["name"] = name },
            ["spec"] = new JsonObject
            {
                ["request"] = pkcs10,
                ["signerName"] = signer,
                ["usages"] = new JsonArray("digital signature", usage),
                ["expirationSeconds"] = seconds,
            },
        }.ToJsonString();

    private async Task<Answer> ApproveAsync(string name, ApiClient? client = null, string type = "Approved")
    {
        var request = (await _admin.GetAsync($"{Path}/{name}")).Body;
        if (request["status"] is not JsonObject status)
        {
            request["status"] = status = [];
        }

        if (status["conditions"] is not JsonArray conditions)
        {
            status["conditions"] = conditions = [];
        }

        conditions.Add((JsonNode)new JsonObject { ["type"] = type, ["status"] = "True", ["reason"] = "Test" });
        return await (client ?? _admin).PutAsync($"{Path}/{name}/approval", request.ToJsonString());
    }

    private async Task<X509Certificate2> CertificateAsync(string name)
    {
        var pem = "";
        await Eventually.HoldsAsync("the certificate is signed", async () =>
            (pem = (string?)(await _admin.GetAsync($"{Path}/{name}")).Body["status"]?["certificate"] ?? "").Length > 0);
        return X509Certificate2.CreateFromPem(Encoding.ASCII.GetString(Convert.FromBase64String(pem)));
    }
}
