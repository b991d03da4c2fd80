using EdgeSync.TestKit;

namespace EdgeSync.CloudCore.Tests.EmbeddedApi;

/// <summary>What people do with kubectl, done with kubectl.</summary>
public sealed class KubectlTests
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
    public async Task Apply_get_label_and_delete_work()
    {
        await using var host = await ApiHost.StartAsync();
        using var home = new TempFolder();
        var kubectl = new Kubectl(Kubectl.OnPath!, host.WriteKubeconfig(home.Path), home);
        Assert.Contains("created", await kubectl.RunWithInputAsync(DaemonSet, "apply", "-f", "-"), StringComparison.Ordinal);
        Assert.Contains("unchanged", await kubectl.RunWithInputAsync(DaemonSet, "apply", "-f", "-"), StringComparison.Ordinal);
        var changed = DaemonSet.Replace("1.25", "1.26", StringComparison.Ordinal);
        Assert.Contains("configured", await kubectl.RunWithInputAsync(changed, "apply", "-f", "-"), StringComparison.Ordinal);
        Assert.Contains("nginx:1.26", await kubectl.RunAsync("get", "ds", "-o", "wide"), StringComparison.Ordinal);
        await kubectl.RunAsync("label", "ds", "web", "tier=front");
        Assert.Contains("web", await kubectl.RunAsync("get", "ds", "-l", "tier=front"), StringComparison.Ordinal);
        await kubectl.RunAsync("delete", "ds", "web");
        Assert.Contains("No resources found", await kubectl.RunAsync("get", "ds"), StringComparison.Ordinal);
    }
}

/// <summary>A test that needs kubectl.</summary>
public sealed class KubectlFactAttribute : FactAttribute
{
    public KubectlFactAttribute()
    {
        if (Kubectl.OnPath is null)
        {
            Skip = "kubectl is not on the path";
        }
    }
}
