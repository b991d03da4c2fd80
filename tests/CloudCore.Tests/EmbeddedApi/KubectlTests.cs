using EdgeSync.TestKit;

namespace EdgeSync.CloudCore.Tests.EmbeddedApi;

/// <summary>What people do with kubectl, done with the real one.</summary>
public class KubectlTests
{
    private const string DaemonSet = """
        apiVersion: apps/v1
        kind: DaemonSet
        metadata: {name: web, namespace: default}
        spec:
          selector: {matchLabels: {app: web}}
          template:
            metadata: {labels: {app: web}}
            spec: {containers: [{name: web, image: "nginx:1.25", env: [{name: A, value: "1"}]}]}
        """;

    [KubectlFact]
    public Task The_kubectl_on_the_path_works_unchanged() => WorksAsync(Kubectl.OnPath!);

    [KubectlFact(old: true)]
    public Task An_old_kubectl_works_unchanged() => WorksAsync(Kubectl.Old!);

    [KubectlFact]
    public async Task A_manifest_with_a_misspelt_field_is_refused()
    {
        await using var host = await ApiHost.StartAsync();
        using var home = new TempFolder();
        var kubectl = new Kubectl(Kubectl.OnPath!, host.WriteKubeconfig(home.Path), home);
        var (code, output) = await kubectl.TryAsync(DaemonSet.Replace("image:", "imagee:", StringComparison.Ordinal), "apply", "-f", "-");
        Assert.NotEqual(0, code);
        Assert.Contains("unknown field \"spec.template.spec.containers[0].imagee\"", output, StringComparison.Ordinal);
    }

    private static async Task WorksAsync(string binary)
    {
        await using var host = await ApiHost.StartAsync();
        using var home = new TempFolder();
        var kubectl = new Kubectl(binary, host.WriteKubeconfig(home.Path), home);
        await ApplyAsync(kubectl);
        await CreateAsync(kubectl);
        await NodesAsync(kubectl, new ApiClient(host.Client()));
    }

    private static async Task ApplyAsync(Kubectl kubectl)
    {
        Has("created", await kubectl.RunWithInputAsync(DaemonSet, "apply", "-f", "-"));
        Has("unchanged", await kubectl.RunWithInputAsync(DaemonSet, "apply", "-f", "-"));
        var changed = DaemonSet.Replace("1.25", "1.26", StringComparison.Ordinal);
        Has("configured (server dry run)", await kubectl.RunWithInputAsync(changed, "apply", "--dry-run=server", "-f", "-"));
        Has("configured", await kubectl.RunWithInputAsync(changed, "apply", "-f", "-"));
        Has("nginx:1.26", await kubectl.RunAsync("get", "ds", "-o", "wide"));
        await kubectl.RunAsync("label", "ds", "web", "tier=front");
        await kubectl.RunAsync("annotate", "ds", "web", "note=hello");
        Has("web", await kubectl.RunAsync("get", "ds", "-l", "tier=front"));
        Has("nginx:1.26", await kubectl.RunAsync("describe", "ds", "web"));
        await kubectl.RunAsync("set", "image", "ds/web", "web=nginx:1.27");
        await kubectl.RunAsync("rollout", "restart", "ds/web");
        Has("No resources found", await kubectl.RunAsync("get", "events"));
        await kubectl.RunAsync("delete", "ds", "web");
        Has("No resources found", await kubectl.RunAsync("get", "ds"));
    }

    private static async Task CreateAsync(Kubectl kubectl)
    {
        await kubectl.RunAsync("create", "namespace", "team");
        await kubectl.RunAsync("-n", "team", "create", "configmap", "cm", "--from-literal=a=b");
        await kubectl.RunAsync("-n", "team", "create", "secret", "generic", "s", "--from-literal=p=q");
        await kubectl.RunAsync("-n", "team", "create", "serviceaccount", "sa");
        Assert.Equal("b", await kubectl.RunAsync("-n", "team", "get", "cm", "cm", "-o", "jsonpath={.data.a}"));
        Assert.Equal("cQ==", await kubectl.RunAsync("-n", "team", "get", "secret", "s", "-o", "jsonpath={.data.p}"));
        await kubectl.RunAsync("-n", "team", "run", "p", "--image=busybox");
        Has("Pending", await kubectl.RunAsync("-n", "team", "get", "pods", "-o", "wide"));
        Has("busybox", await kubectl.RunAsync("-n", "team", "describe", "pod", "p"));
        await kubectl.RunAsync("delete", "namespace", "team");
        var (code, output) = await kubectl.TryAsync(null, "-n", "team", "create", "configmap", "cm");
        Assert.NotEqual(0, code);
        Has("namespaces \"team\" not found", output);
    }

    private static async Task NodesAsync(Kubectl kubectl, ApiClient api)
    {
        await api.PostAsync("/api/v1/nodes", """{"metadata":{"name":"edge-1"},"status":{"conditions":[{"type":"Ready","status":"False"}]}}""");
        await kubectl.RunAsync("cordon", "edge-1");
        Has("NotReady,SchedulingDisabled", await kubectl.RunAsync("get", "nodes"));
        await kubectl.RunAsync("uncordon", "edge-1");
        using var wait = kubectl.Start("wait", "--for=condition=Ready", "node/edge-1", "--timeout=30s");
        await api.StrategicAsync("/api/v1/nodes/edge-1/status", """{"status":{"conditions":[{"type":"Ready","status":"True"}]}}""");
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(40));
        await wait.WaitForExitAsync(deadline.Token);
        Assert.Equal(0, wait.ExitCode);
        Has("Ready", await kubectl.RunAsync("describe", "node", "edge-1"));
        await kubectl.RunAsync("delete", "node", "edge-1");
    }

    private static void Has(string part, string output) => Assert.Contains(part, output, StringComparison.Ordinal);
}

/// <summary>A test that needs kubectl.</summary>
public sealed class KubectlFactAttribute : FactAttribute
{
    /// <param name="old">Whether it must be the one of the real test control plane, 1.20.</param>
    public KubectlFactAttribute(bool old = false)
    {
        if (old && Kubectl.Old is null)
        {
            Skip = "KUBEBUILDER_ASSETS does not name a folder with an old kubectl";
        }
        else if (!old && Kubectl.OnPath is null)
        {
            Skip = "kubectl is not on the path";
        }
    }
}
