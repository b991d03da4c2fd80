using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.TestKit;

namespace EdgeSync.CloudCore.Tests.KubeApi;

public sealed class KubeConfigTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_current_context_is_read()
    {
        var config = Load("""
            clusters:
            - {name: other, cluster: {server: "https://other"}}
            - {name: c, cluster: {server: "https://127.0.0.1:6443/prefix", insecure-skip-tls-verify: true}}
            users:
            - {name: u, user: {token: 12345}}
            contexts:
            - {name: x, context: {cluster: c, user: u, namespace: edge}}
            current-context: x
            """);
        Assert.Equal(new Uri("https://127.0.0.1:6443/prefix"), config.Server);
        Assert.Equal("12345", config.Token);
        Assert.Equal("edge", config.Namespace);
        Assert.True(config.InsecureSkipTlsVerify);
    }

    [Fact]
    public void Another_context_can_be_named()
    {
        var path = Write("""
            clusters: [{name: a, cluster: {server: "https://a"}}, {name: b, cluster: {server: "https://b"}}]
            contexts: [{name: a, context: {cluster: a}}, {name: b, context: {cluster: b}}]
            current-context: a
            """);
        Assert.Equal(new Uri("https://b"), KubeConfig.Load(path, "b").Server);
        Assert.Equal("default", KubeConfig.Load(path).Namespace);
    }

    [Fact]
    public void Certificates_are_read_inline_and_from_files_beside_the_config()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = new CertificateRequest("CN=admin", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        File.WriteAllText(_folder.File("ca.crt"), certificate.ExportCertificatePem());
        File.WriteAllText(_folder.File("client.key"), key.ExportPkcs8PrivateKeyPem());
        var inline = Convert.ToBase64String(Encoding.ASCII.GetBytes(certificate.ExportCertificatePem()));
        var config = Load($$"""
            clusters: [{name: c, cluster: {server: "https://c", certificate-authority: ca.crt} }]
            users: [{name: u, user: {client-certificate-data: {{inline}}, client-key: client.key, tokenFile: token } }]
            contexts: [{name: x, context: {cluster: c, user: u} }]
            current-context: x
            """);
        Assert.Equal(certificate.Thumbprint, Assert.Single(config.CertificateAuthority!).Thumbprint);
        Assert.True(config.ClientCertificate!.HasPrivateKey);
        Assert.Equal(_folder.File("token"), config.TokenFile);
    }

    [Theory]
    [InlineData("[]", "holds no YAML map")]
    [InlineData("a: [", "not valid YAML at line")]
    [InlineData("clusters: []", "current-context is not set")]
    [InlineData("current-context: x", "contexts is not set")]
    [InlineData("{current-context: x, contexts: [{name: y, context: {}}]}", "contexts has no entry \"x\"")]
    [InlineData("{current-context: x, contexts: [{name: x, context: {}}]}", "cluster of context x is not set")]
    [InlineData("{current-context: x, contexts: [{name: x, context: {cluster: c}}], clusters: [{name: c, cluster: {server: \"ftp://x\"}}]}", "not an http or https address")]
    [InlineData("{current-context: x, contexts: [{name: x, context: {cluster: c}}], clusters: [{name: c, cluster: {server: \"https://x\", certificate-authority-data: \"@\"}}]}", "certificate-authority-data is not base64")]
    [InlineData("{current-context: x, contexts: [{name: x, context: {cluster: c}}], clusters: [{name: c, cluster: {server: \"https://x\", certificate-authority: missing.crt}}]}", "missing.crt")]
    [InlineData("{current-context: x, contexts: [{name: x, context: {cluster: c, user: u}}], clusters: [{name: c, cluster: {server: \"https://x\"}}], users: [{name: u, user: {exec: {command: aws}}}]}", "apiVersion of exec is not set")]
    [InlineData("{current-context: x, contexts: [{name: x, context: {cluster: c, user: u}}], clusters: [{name: c, cluster: {server: \"https://x\"}}], users: [{name: u, user: {client-key-data: YQ==}}]}", "must be given together")]
    public void What_is_wrong_is_said_with_the_path_of_the_file(string text, string expected)
    {
        var path = Write(text);
        var error = Assert.Throws<KubeConfigException>(() => KubeConfig.Load(path));
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_file_is_said_to_be_missing()
    {
        var error = Assert.Throws<KubeConfigException>(() => KubeConfig.Load(_folder.File("none")));
        Assert.Contains("does not exist", error.Message, StringComparison.Ordinal);
    }

    private KubeConfig Load(string text) => KubeConfig.Load(Write(text));

    private string Write(string text)
    {
        var path = _folder.File("kubeconfig");
        File.WriteAllText(path, text);
        return path;
    }
}
