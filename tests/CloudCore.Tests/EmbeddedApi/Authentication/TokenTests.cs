using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Authentication;
using EdgeSync.TestKit;

namespace EdgeSync.CloudCore.Tests.EmbeddedApi.Authentication;

/// <summary>Who is let in by a token or a certificate, and for how long.</summary>
public sealed class TokenTests : IAsyncLifetime
{
    private const string Accounts = ApiClient.Core + "/serviceaccounts";
    private readonly ShiftedTime _clock = new();
    private ApiHost _host = null!;
    private ApiClient _admin = null!;

    public async Task InitializeAsync()
    {
        _host = await ApiHost.StartAsync(time: _clock, withAuthority: true);
        _admin = new ApiClient(_host.Client());
    }

    public async Task DisposeAsync() => await _host.DisposeAsync();

    [Fact]
    public async Task A_token_is_its_service_account_with_the_groups_of_service_accounts()
    {
        var token = await TokenAsync("default");
        var me = await WhoAsync(token);
        Assert.Equal("system:serviceaccount:default:default", (string?)me["username"]);
        Assert.Equal(
            ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"],
            me["groups"]!.AsArray().Select(g => (string)g!));
        Assert.StartsWith("JTI=", (string?)me["extra"]!["authentication.kubernetes.io/credential-id"]![0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_token_ends_when_its_time_is_over()
    {
        var token = await TokenAsync("default", """{"spec":{"expirationSeconds":600}}""");
        Assert.Equal(HttpStatusCode.Created, (await SelfAsync(token)).Code);
        _clock.Advance(TimeSpan.FromSeconds(599));
        Assert.Equal(HttpStatusCode.Created, (await SelfAsync(token)).Code);
        _clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(HttpStatusCode.Unauthorized, (await SelfAsync(token)).Code);
    }

    [Fact]
    public async Task A_token_ends_with_its_account_also_where_one_of_the_same_name_is_made_again()
    {
        await _admin.PostAsync(Accounts, """{"metadata":{"name":"short"}}""");
        var token = await TokenAsync("short");
        Assert.Equal(HttpStatusCode.Created, (await SelfAsync(token)).Code);
        await _admin.DeleteAsync(Accounts + "/short");
        Assert.Equal(HttpStatusCode.Unauthorized, (await SelfAsync(token)).Code);
        await _admin.PostAsync(Accounts, """{"metadata":{"name":"short"}}""");
        Assert.Equal(HttpStatusCode.Unauthorized, (await SelfAsync(token)).Code);
    }

    [Fact]
    public async Task A_token_ends_with_the_pod_that_it_is_bound_to()
    {
        var pod = await _admin.PostAsync(ApiClient.Core + "/pods", TestObjects.Pod("bound", null));
        var uid = (string)pod.Body["metadata"]!["uid"]!;
        var token = await TokenAsync("default", Bound("Pod", "bound", uid));
        var me = await WhoAsync(token);
        Assert.Equal("bound", (string?)me["extra"]!["authentication.kubernetes.io/pod-name"]![0]);
        Assert.Equal(uid, (string?)me["extra"]!["authentication.kubernetes.io/pod-uid"]![0]);
        await _admin.DeleteAsync(ApiClient.Core + "/pods/bound");
        Assert.Equal(HttpStatusCode.Unauthorized, (await SelfAsync(token)).Code);
    }

    [Fact]
    public async Task A_token_for_another_uid_or_another_accounts_pod_is_not_given()
    {
        await _admin.PostAsync(Accounts, """{"metadata":{"name":"stranger"}}""");
        await _admin.PostAsync(ApiClient.Core + "/pods", TestObjects.Pod("own", null));
        var other = await _admin.PostAsync(Accounts + "/stranger/token", Bound("Pod", "own", ""));
        Assert.Equal(HttpStatusCode.BadRequest, other.Code);
        Assert.Equal("cannot bind token for serviceaccount to pod running with different serviceaccount name.", other.Message);
        Assert.Equal(HttpStatusCode.Conflict, (await _admin.PostAsync(Accounts + "/default/token", Bound("Pod", "own", "nope"))).Code);
        Assert.Equal(HttpStatusCode.NotFound, (await _admin.PostAsync(Accounts + "/default/token", Bound("Pod", "gone", ""))).Code);
        Assert.Equal(HttpStatusCode.NotFound, (await _admin.PostAsync(Accounts + "/nobody/token", "{}")).Code);
        Assert.Equal(HttpStatusCode.BadRequest, (await _admin.PostAsync(Accounts + "/default/token", Bound("ConfigMap", "x", ""))).Code);
    }

    [Theory]
    [InlineData(599, "spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes")]
    [InlineData(4294967297, "spec.expirationSeconds: Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds")]
    public async Task A_life_that_is_too_short_or_too_long_is_refused(long seconds, string words)
    {
        var answer = await _admin.PostAsync(Accounts + "/default/token", $$$"""{"spec":{"expirationSeconds":{{{seconds}}}}}""");
        Assert.Equal(HttpStatusCode.UnprocessableEntity, answer.Code);
        Assert.Contains(words, answer.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_token_of_a_pod_of_the_apis_own_audience_says_when_it_should_be_renewed_and_lives_a_year()
    {
        await _admin.PostAsync(ApiClient.Core + "/pods", TestObjects.Pod("year", null));
        var asked = JsonNode.Parse(Bound("Pod", "year", ""))!;
        asked["spec"]!["expirationSeconds"] = 3607;
        var answer = await _admin.PostAsync(Accounts + "/default/token", asked.ToJsonString());
        var claims = Claims((string)answer.Body["status"]!["token"]!);
        Assert.Equal(365 * 24 * 3600, (long)claims["exp"]! - (long)claims["iat"]!);
        Assert.Equal(3607, (long)claims["kubernetes.io"]!["warnafter"]! - (long)claims["iat"]!);
        Assert.Equal(
            _clock.GetUtcNow().AddSeconds(3607).ToString("yyyy-MM-ddTHH:mm:ssZ", System.Globalization.CultureInfo.InvariantCulture),
            (string?)answer.Body["status"]!["expirationTimestamp"]);
    }

    [Fact]
    public async Task What_is_no_good_token_is_401_each_time_and_counted()
    {
        var good = await TokenAsync("default");
        var parts = good.Split('.');
        using var otherKey = SigningKey.Create();
        var forged = JsonWebToken.Write(Claims(good), otherKey);
        var none = $"{Part("""{"alg":"none"}""")}.{parts[1]}.";
        var changed = $"{parts[0]}.{Part(Claims(good).ToJsonString().Replace(":default\"", ":admin\"", StringComparison.Ordinal))}.{parts[2]}";
        var audience = await TokenAsync("default", """{"spec":{"audiences":["vault"]}}""");
        var before = _host.Server.RefusedRequests;
        string[] bad = [forged, none, changed, audience, "x", "a.b", "a.b.c", "..", $"{parts[0]}.{parts[1]}", good + "A", new string('a', 20_000)];
        foreach (var token in bad)
        {
            var answer = await SelfAsync(token);
            Assert.Equal((HttpStatusCode.Unauthorized, "Unauthorized"), (answer.Code, answer.Message));
        }

        Assert.Equal(bad.Length, _host.Server.RefusedRequests - before);
        Assert.Equal(HttpStatusCode.Created, (await SelfAsync(good)).Code);
    }

    [Fact]
    public async Task A_token_review_says_who_a_token_is_and_for_which_audience()
    {
        var token = await TokenAsync("default", """{"spec":{"audiences":["vault","other"]}}""");
        var review = await ReviewAsync($$$"""{"spec":{"token":"{{{token}}}","audiences":["vault","third"]}}""");
        Assert.True((bool)review["status"]!["authenticated"]!);
        Assert.Equal("vault", (string?)review["status"]!["audiences"]!.AsArray().Single());
        Assert.Equal("system:serviceaccount:default:default", (string?)review["status"]!["user"]!["username"]);
        var refused = await ReviewAsync($$$"""{"spec":{"token":"{{{token}}}"}}""");
        Assert.Null(refused["status"]!["authenticated"]);
        Assert.Contains("another audience", (string?)refused["status"]!["error"], StringComparison.Ordinal);
        Assert.DoesNotContain(token, (string?)refused["status"]!["error"], StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.BadRequest, (await _admin.PostAsync("/apis/authentication.k8s.io/v1/tokenreviews", """{"spec":{}}""")).Code);
    }

    [Fact]
    public async Task The_keys_are_published_to_service_accounts_and_check_a_token()
    {
        var token = await TokenAsync("default");
        var client = new ApiClient(WithToken(token));
        var configuration = await client.GetAsync("/.well-known/openid-configuration");
        Assert.Equal("https://kubernetes.default.svc.cluster.local", (string?)configuration.Body["issuer"]);
        var keys = await client.GetAsync("/openid/v1/jwks");
        var key = keys.Body["keys"]!.AsArray().Single()!;
        Assert.Equal("ES256", (string?)key["alg"]);
        using var ecdsa = ECDsa.Create(new ECParameters
        {
            Curve = ECCurve.NamedCurves.nistP256,
            Q = new ECPoint { X = FromBase64Url((string)key["x"]!), Y = FromBase64Url((string)key["y"]!) },
        });
        var dot = token.LastIndexOf('.');
        Assert.True(ecdsa.VerifyData(Encoding.ASCII.GetBytes(token[..dot]), FromBase64Url(token[(dot + 1)..]), HashAlgorithmName.SHA256));
        Assert.Equal(HttpStatusCode.Forbidden, (await new ApiClient(_host.Client(user: null)).GetAsync("/openid/v1/jwks")).Code);
        Assert.Equal(HttpStatusCode.Forbidden, (await new ApiClient(_host.Client("jane")).GetAsync("/openid/v1/jwks")).Code);
    }

    [Fact]
    public async Task A_certificate_of_another_authority_is_answered_401()
    {
        using var other = TestCertificates.Create();
        using var certificate = other.IssueClient("admin", ["system:masters"]);
        using var client = ClientWith(certificate);
        var answer = await new ApiClient(client).GetAsync(ApiClient.Core + "/pods");
        Assert.Equal((HttpStatusCode.Unauthorized, "Unauthorized"), (answer.Code, answer.Message));
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/readyz")).StatusCode);
    }

    [Fact]
    public async Task A_certificate_ends_also_on_a_connection_that_is_open()
    {
        using var client = _host.Client();
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync(ApiClient.Core + "/pods")).StatusCode);
        _clock.Advance(TimeSpan.FromDays(2));
        Assert.Equal(HttpStatusCode.Unauthorized, (await client.GetAsync(ApiClient.Core + "/pods")).StatusCode);
    }

    [Fact]
    public async Task A_secret_that_asks_for_a_token_is_filled_and_goes_with_its_account()
    {
        await _admin.PostAsync(Accounts, """{"metadata":{"name":"old"}}""");
        await _admin.PostAsync(ApiClient.Core + "/secrets", """
            {"metadata":{"name":"old-token","annotations":{"kubernetes.io/service-account.name":"old"}},"type":"kubernetes.io/service-account-token"}
            """);
        var data = new JsonObject();
        await Eventually.HoldsAsync("the secret is filled", async () =>
            (data = (await _admin.GetAsync(ApiClient.Core + "/secrets/old-token")).Body["data"] as JsonObject ?? [])["token"] is not null);
        Assert.Equal("default", Encoding.ASCII.GetString(Convert.FromBase64String((string)data["namespace"]!)));
        Assert.Contains("BEGIN CERTIFICATE", Encoding.ASCII.GetString(Convert.FromBase64String((string)data["ca.crt"]!)), StringComparison.Ordinal);
        var token = Encoding.ASCII.GetString(Convert.FromBase64String((string)data["token"]!));
        Assert.Equal("system:serviceaccount:default:old", (string?)(await WhoAsync(token))["username"]);
        await _admin.DeleteAsync(Accounts + "/old");
        await Eventually.HoldsAsync("the secret is gone", async () =>
            (await _admin.GetAsync(ApiClient.Core + "/secrets/old-token")).Code == HttpStatusCode.NotFound);
        Assert.Equal(HttpStatusCode.Unauthorized, (await SelfAsync(token)).Code);
    }

    [Fact]
    public async Task Each_namespace_has_its_default_account_and_the_authority()
    {
        await _admin.PostAsync("/api/v1/namespaces", """{"metadata":{"name":"team"}}""");
        await Eventually.HoldsAsync("account and authority", async () =>
            (await _admin.GetAsync("/api/v1/namespaces/team/serviceaccounts/default")).Code == HttpStatusCode.OK
            && ((string?)(await _admin.GetAsync("/api/v1/namespaces/team/configmaps/kube-root-ca.crt")).Body["data"]?["ca.crt"] ?? "")
                .Contains("BEGIN CERTIFICATE", StringComparison.Ordinal));
        await _admin.DeleteAsync("/api/v1/namespaces/team/serviceaccounts/default");
        await Eventually.HoldsAsync("the account is made again", async () =>
            (await _admin.GetAsync("/api/v1/namespaces/team/serviceaccounts/default")).Code == HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_pod_gets_its_account_and_the_volume_with_token_authority_and_namespace()
    {
        var pod = (await _admin.PostAsync(ApiClient.Core + "/pods", TestObjects.Pod("plain", null))).Body;
        Assert.Equal("default", (string?)pod["spec"]!["serviceAccountName"]);
        var volume = pod["spec"]!["volumes"]!.AsArray().Single()!;
        Assert.StartsWith("kube-api-access-", (string?)volume["name"], StringComparison.Ordinal);
        Assert.Equal(3607, (long)volume["projected"]!["sources"]![0]!["serviceAccountToken"]!["expirationSeconds"]!);
        var mount = pod["spec"]!["containers"]![0]!["volumeMounts"]!.AsArray().Single()!;
        Assert.Equal("/var/run/secrets/kubernetes.io/serviceaccount", (string?)mount["mountPath"]);
        Assert.Equal((string?)volume["name"], (string?)mount["name"]);
    }

    [Fact]
    public async Task A_pod_or_an_account_that_wants_no_token_gets_none()
    {
        var without = JsonNode.Parse(TestObjects.Pod("without", null))!;
        without["spec"]!["automountServiceAccountToken"] = false;
        Assert.Null((await _admin.PostAsync(ApiClient.Core + "/pods", without.ToJsonString())).Body["spec"]!["volumes"]);

        await _admin.PostAsync(Accounts, """{"metadata":{"name":"shy"},"automountServiceAccountToken":false,"imagePullSecrets":[{"name":"pull"}]}""");
        var shy = JsonNode.Parse(TestObjects.Pod("shy", null))!;
        shy["spec"]!["serviceAccountName"] = "shy";
        var made = (await _admin.PostAsync(ApiClient.Core + "/pods", shy.ToJsonString())).Body;
        Assert.Null(made["spec"]!["volumes"]);
        Assert.Equal("pull", (string?)made["spec"]!["imagePullSecrets"]![0]!["name"]);

        var nobody = JsonNode.Parse(TestObjects.Pod("nobody", null))!;
        nobody["spec"]!["serviceAccountName"] = "nobody";
        var refused = await _admin.PostAsync(ApiClient.Core + "/pods", nobody.ToJsonString());
        Assert.Equal(HttpStatusCode.Forbidden, refused.Code);
        Assert.Equal("pods \"nobody\" is forbidden: error looking up service account default/nobody: serviceaccount \"nobody\" not found", refused.Message);
    }

    [Fact]
    public async Task An_administrator_acts_as_another_and_others_do_not()
    {
        using var asJane = _host.Client();
        asJane.DefaultRequestHeaders.Add("Impersonate-User", "jane");
        asJane.DefaultRequestHeaders.Add("Impersonate-Group", "team");
        asJane.DefaultRequestHeaders.Add("Impersonate-Uid", "17");
        asJane.DefaultRequestHeaders.Add("Impersonate-Extra-Scope", "read");
        var me = (await new ApiClient(asJane).PostAsync("/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}")).Body["status"]!["userInfo"]!;
        Assert.Equal("jane", (string?)me["username"]);
        Assert.Equal("17", (string?)me["uid"]);
        Assert.Equal(["team", "system:authenticated"], me["groups"]!.AsArray().Select(g => (string)g!));
        Assert.Equal("read", (string?)me["extra"]!["scope"]![0]);

        using var jane = _host.Client("jane");
        jane.DefaultRequestHeaders.Add("Impersonate-User", "root");
        var refused = await new ApiClient(jane).GetAsync(ApiClient.Core + "/pods");
        Assert.Equal(HttpStatusCode.Forbidden, refused.Code);
        Assert.Equal("users \"root\" is forbidden: User \"jane\" cannot impersonate resource \"users\" in API group \"\" at the cluster scope", refused.Message);

        using var headless = _host.Client();
        headless.DefaultRequestHeaders.Add("Impersonate-Group", "team");
        Assert.Equal(HttpStatusCode.BadRequest, (await new ApiClient(headless).GetAsync(ApiClient.Core + "/pods")).Code);
    }

    private static string Bound(string kind, string name, string uid) =>
        $$$$"""{"spec":{"boundObjectRef":{"kind":"{{{{kind}}}}","apiVersion":"v1","name":"{{{{name}}}}","uid":"{{{{uid}}}}"}}}""";

    private static JsonObject Claims(string token) => (JsonObject)JsonNode.Parse(FromBase64Url(token.Split('.')[1]))!;

    private static string Part(string json) => System.Buffers.Text.Base64Url.EncodeToString(Encoding.UTF8.GetBytes(json));

    private static byte[] FromBase64Url(string text) => System.Buffers.Text.Base64Url.DecodeFromChars(text);

    private async Task<string> TokenAsync(string account, string body = "{}")
    {
        var answer = await _admin.PostAsync($"{Accounts}/{account}/token", body);
        Assert.Equal(HttpStatusCode.Created, answer.Code);
        return (string)answer.Body["status"]!["token"]!;
    }

    private HttpClient WithToken(string token)
    {
        var client = _host.Client(user: null);
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return client;
    }

    private HttpClient ClientWith(X509Certificate2 certificate)
    {
        var handler = new SocketsHttpHandler();
        handler.SslOptions.RemoteCertificateValidationCallback = (_, server, _, _) => _host.Certificates.Issued(server);
        handler.SslOptions.ClientCertificates = [certificate];
        handler.SslOptions.LocalCertificateSelectionCallback = (_, _, _, _, _) => certificate;
        return new HttpClient(handler) { BaseAddress = _host.Address };
    }

    private async Task<Answer> SelfAsync(string token) =>
        await new ApiClient(WithToken(token)).PostAsync("/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}");

    private async Task<JsonNode> WhoAsync(string token) => (await SelfAsync(token)).Body["status"]!["userInfo"]!;

    private async Task<JsonObject> ReviewAsync(string body) =>
        (await _admin.PostAsync("/apis/authentication.k8s.io/v1/tokenreviews", body)).Body;
}
