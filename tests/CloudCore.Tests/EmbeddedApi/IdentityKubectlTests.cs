using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using EdgeSync.TestKit;

namespace EdgeSync.CloudCore.Tests.EmbeddedApi;

/// <summary>Accounts, rights and certificates as people handle them with the real kubectl.</summary>
public class IdentityKubectlTests
{
    [KubectlFact]
    public Task Rights_and_certificates_by_the_kubectl_on_the_path() => WorksAsync(Kubectl.OnPath!);

    [KubectlFact(old: true)]
    public Task Rights_and_certificates_by_an_old_kubectl() => WorksAsync(Kubectl.Old!);

    [KubectlFact]
    public async Task Tokens_and_who_am_I()
    {
        await using var host = await ApiHost.StartAsync(withAuthority: true);
        using var home = new TempFolder();
        var kubectl = new Kubectl(Kubectl.OnPath!, host.WriteKubeconfig(home.Path), home);
        await kubectl.RunAsync("create", "serviceaccount", "bot");
        var token = (await kubectl.RunAsync("create", "token", "bot", "--duration=20m", "--audience=https://kubernetes.default.svc.cluster.local")).Trim();
        Assert.Equal(3, token.Split('.').Length);
        var bot = new Kubectl(Kubectl.OnPath!, WriteTokenConfig(host, home, token), home);
        Has("system:serviceaccount:default:bot", await bot.RunAsync("auth", "whoami"));
        var (code, output) = await bot.TryAsync(null, "get", "pods");
        Assert.NotEqual(0, code);
        Has("User \"system:serviceaccount:default:bot\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\"", output);
        await kubectl.RunAsync("create", "rolebinding", "bot-views", "--clusterrole=view", "--serviceaccount=default:bot");
        Has("No resources found", await bot.RunAsync("get", "pods"));
        await kubectl.RunAsync("run", "p", "--image=busybox");
        Has("kube-api-access-", await bot.RunAsync("describe", "pod", "p"));
        await kubectl.RunAsync("delete", "serviceaccount", "bot");
        (code, output) = await bot.TryAsync(null, "get", "pods");
        Assert.NotEqual(0, code);
        Has("Unauthorized", output);
    }

    private static async Task WorksAsync(string binary)
    {
        await using var host = await ApiHost.StartAsync(withAuthority: true);
        using var home = new TempFolder();
        var kubectl = new Kubectl(binary, host.WriteKubeconfig(home.Path), home);
        await RightsAsync(kubectl);
        await CertificatesAsync(kubectl);
        Has("cluster-admin", await kubectl.RunAsync("get", "clusterrolebindings", "-o", "wide"));
        Has("PolicyRule", await kubectl.RunAsync("describe", "clusterrole", "view"));
    }

    private static async Task RightsAsync(Kubectl kubectl)
    {
        Has("yes", await kubectl.RunAsync("auth", "can-i", "*", "*"));
        Has("no", (await kubectl.TryAsync(null, "auth", "can-i", "get", "pods", "--as=jane")).Output);
        await kubectl.RunAsync("create", "role", "reader", "--verb=get,list", "--resource=pods,pods/log");
        await kubectl.RunAsync("create", "rolebinding", "jane-reads", "--role=reader", "--user=jane");
        Has("yes", await kubectl.RunAsync("auth", "can-i", "get", "pods", "--as=jane"));
        Has("no", (await kubectl.TryAsync(null, "auth", "can-i", "delete", "pods", "--as=jane")).Output);
        Has("pods", await kubectl.RunAsync("auth", "can-i", "--list", "--as=jane"));
        Has("No resources found", await kubectl.RunAsync("get", "pods", "--as=jane"));
        var (code, output) = await kubectl.TryAsync(null, "get", "secrets", "--as=jane", "--as-group=team");
        Assert.NotEqual(0, code);
        Has("secrets is forbidden: User \"jane\" cannot list resource \"secrets\"", output);
        await kubectl.RunAsync("create", "clusterrole", "nodes", "--verb=get", "--resource=nodes");
        await kubectl.RunAsync("create", "clusterrolebinding", "team-nodes", "--clusterrole=nodes", "--group=team");
        Has("yes", await kubectl.RunAsync("auth", "can-i", "get", "nodes", "--as=jane", "--as-group=team"));
        Has("reconciled", await kubectl.RunWithInputAsync(
            """
            apiVersion: rbac.authorization.k8s.io/v1
            kind: ClusterRole
            metadata: {name: nodes}
            rules: [{apiGroups: [""], resources: [nodes], verbs: [get]}]
            """,
            "auth", "reconcile", "-f", "-"));
    }

    private static async Task CertificatesAsync(Kubectl kubectl)
    {
        foreach (var (name, verb, word) in ((string, string, string)[])[("jane", "approve", "Approved"), ("joe", "deny", "Denied")])
        {
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256).CreateSigningRequestPem();
            await kubectl.RunWithInputAsync(
                $$"""
                apiVersion: certificates.k8s.io/v1
                kind: CertificateSigningRequest
                metadata: {name: {{name}}}
                spec: {request: {{Convert.ToBase64String(Encoding.ASCII.GetBytes(request))}}, signerName: kubernetes.io/kube-apiserver-client, usages: [client auth]}
                """,
                "create", "-f", "-");
            Has("Pending", await kubectl.RunAsync("get", "csr", name));
            await kubectl.RunAsync("certificate", verb, name);
            Has(word, await kubectl.RunAsync("get", "csr", name));
        }

        await Eventually.HoldsAsync("signed", async () =>
            (await kubectl.RunAsync("get", "csr", "jane")).Contains("Approved,Issued", StringComparison.Ordinal));
        Assert.Equal("", await kubectl.RunAsync("get", "csr", "joe", "-o", "jsonpath={.status.certificate}"));
    }

    private static string WriteTokenConfig(ApiHost host, TempFolder home, string token)
    {
        var path = home.File("token-config");
        var ca = Convert.ToBase64String(Encoding.ASCII.GetBytes(host.Certificates.Authority.ExportCertificatePem()));
        File.WriteAllText(path, $"""
            apiVersion: v1
            kind: Config
            clusters: [{"{"}name: c, cluster: {"{"}server: "{host.Address}", certificate-authority-data: {ca}{"}}"}]
            users: [{"{"}name: u, user: {"{"}token: {token}{"}}"}]
            contexts: [{"{"}name: x, context: {"{"}cluster: c, user: u{"}}"}]
            current-context: x
            """);
        return path;
    }

    private static void Has(string part, string output) => Assert.Contains(part, output, StringComparison.Ordinal);
}
