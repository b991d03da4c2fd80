using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.CloudCore.KubeApi.Authentication;
using EdgeSync.CloudCore.Tests.EmbeddedApi;
using EdgeSync.TestKit;

namespace EdgeSync.CloudCore.Tests.KubeApi;

public sealed class CredentialHandlerTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly SteppedTime _time = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_token_file_is_read_again_each_minute_and_at_once_when_the_token_is_refused()
    {
        var file = _folder.File("token");
        await File.WriteAllTextAsync(file, "first\n");
        var server = new Server { Good = "first" };
        using var client = Client(new FixedCredentials(new KubeConfig { Server = new Uri("https://c"), TokenFile = file }, _time), server);

        Assert.Equal(HttpStatusCode.OK, await client.GetAsync());
        await File.WriteAllTextAsync(file, "second\n");
        Assert.Equal(HttpStatusCode.OK, await client.GetAsync()); // the old one serves
        _time.Advance(TimeSpan.FromMinutes(1));
        server.Good = "second";
        Assert.Equal(HttpStatusCode.OK, await client.GetAsync());
        Assert.Equal(["first", "first", "second"], server.Shown);

        await File.WriteAllTextAsync(file, "third\n");
        server.Good = "third";
        Assert.Equal(HttpStatusCode.OK, await client.GetAsync());
        Assert.Equal(["first", "first", "second", "second", "third"], server.Shown);

        server.Good = "none";
        Assert.Equal(HttpStatusCode.Unauthorized, await client.GetAsync()); // the same token is not tried twice
        Assert.Equal(6, server.Shown.Count);
    }

    [Fact]
    public async Task A_token_file_that_is_being_replaced_leaves_the_token_from_before()
    {
        var file = _folder.File("token");
        await File.WriteAllTextAsync(file, "first");
        var credentials = new FixedCredentials(new KubeConfig { Server = new Uri("https://c"), TokenFile = file }, _time);
        await credentials.GetAsync(default);

        File.Delete(file);
        _time.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal("first", (await credentials.GetAsync(default)).Token);
        await File.WriteAllTextAsync(file, "");
        _time.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal("first", (await credentials.GetAsync(default)).Token);

        var fresh = new FixedCredentials(new KubeConfig { Server = new Uri("https://c"), TokenFile = file }, _time);
        Assert.Contains("is empty", (await Assert.ThrowsAsync<ApiException>(async () => await fresh.GetAsync(default))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_pod_finds_its_cluster_by_its_environment_and_its_service_account()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var authority = new CertificateRequest("CN=ca", key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UtcNow, DateTimeOffset.UtcNow.AddDays(1));
        File.WriteAllText(_folder.File("ca.crt"), authority.ExportCertificatePem());
        File.WriteAllText(_folder.File("token"), "t");
        File.WriteAllText(_folder.File("namespace"), "kubeedge\n");
        var variables = new Dictionary<string, string> { ["KUBERNETES_SERVICE_HOST"] = "fd00::1", ["KUBERNETES_SERVICE_PORT"] = "443" };

        var config = InCluster.Load(_folder.Path, variables.GetValueOrDefault);

        Assert.Equal(new Uri("https://[fd00::1]:443"), config.Server);
        Assert.Equal(("kubeedge", _folder.File("token")), (config.Namespace, config.TokenFile));
        Assert.Equal(authority.Thumbprint, Assert.Single(config.CertificateAuthority!).Thumbprint);

        Assert.Contains("KUBERNETES_SERVICE_HOST", Assert.Throws<KubeConfigException>(() => InCluster.Load(_folder.Path, _ => null)).Message, StringComparison.Ordinal);
        File.Delete(_folder.File("token"));
        Assert.Contains("token is not there", Assert.Throws<KubeConfigException>(() => InCluster.Load(_folder.Path, variables.GetValueOrDefault)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_exec_plugin_signs_in_at_a_real_api()
    {
        await using var host = await ApiHost.StartAsync();
        var path = host.WriteKubeconfig(_folder.Path);
        var known = KubeConfig.Load(path);
        await File.WriteAllTextAsync(_folder.File("answer"), new System.Text.Json.Nodes.JsonObject
        {
            ["apiVersion"] = "client.authentication.k8s.io/v1",
            ["kind"] = "ExecCredential",
            ["status"] = new System.Text.Json.Nodes.JsonObject
            {
                ["clientCertificateData"] = known.ClientCertificate!.ExportCertificatePem(),
                ["clientKeyData"] = known.ClientCertificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem(),
            },
        }.ToJsonString());
        var plugin = new ExecPlugin { ApiVersion = "client.authentication.k8s.io/v1", Command = "/bin/cat", Arguments = [_folder.File("answer")] };
        using var client = new KubeClient(known with { ClientCertificate = null, ClientCertificateChain = null, Exec = plugin }, TimeProvider.System);

        Assert.NotNull(await client.GetAsync(ApiResources.Namespaces, "", "default", CancellationToken.None));
    }

    private static HttpCaller Client(FixedCredentials credentials, Server server) => new(new CredentialHandler(credentials, _ => server));

    /// <summary>Answers 401 to every token but one.</summary>
    private sealed class Server : HttpMessageHandler
    {
        public string Good { get; set; } = "";

        public List<string> Shown { get; } = [];

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Shown.Add(request.Headers.Authorization!.Parameter!);
            return Task.FromResult(new HttpResponseMessage(Shown[^1] == Good ? HttpStatusCode.OK : HttpStatusCode.Unauthorized));
        }
    }

    private sealed class HttpCaller(HttpMessageHandler handler) : IDisposable
    {
        private readonly HttpClient _client = new(handler);

        public async Task<HttpStatusCode> GetAsync()
        {
            using var response = await _client.GetAsync(new Uri("https://c/"));
            return response.StatusCode;
        }

        public void Dispose() => _client.Dispose();
    }
}
