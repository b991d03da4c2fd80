using EdgeSync.Integration.Tests.World;
using EdgeSync.TestKit;

namespace EdgeSync.Integration.Tests.BadInput;

/// <summary>What a person may get wrong with kubectl is refused in Kubernetes' own words.</summary>
public sealed class KubectlTests
{
    [EndToEndFact]
    public async Task A_selector_that_does_not_match_its_template_is_invalid()
    {
        await using var cloud = await ProgramsCloud.StartNewAsync();
        var yaml = new TestDaemonSet("app").ToYaml().Replace("    matchLabels:\n      app: app", "    matchLabels:\n      app: other", StringComparison.Ordinal);

        var result = await cloud.Kubectl.TryApplyAsync(yaml);

        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("The DaemonSet \"app\" is invalid: spec.template.metadata.labels: Invalid value:", result.Error, StringComparison.Ordinal);
        Assert.Contains("`selector` does not match template `labels`", result.Error, StringComparison.Ordinal);
        Assert.False(await cloud.Kubectl.HasAsync("daemonset", "app"));
    }

    [EndToEndFact]
    public async Task Yaml_that_is_none_a_name_that_is_none_and_a_kind_that_is_none_are_refused()
    {
        await using var cloud = await ProgramsCloud.StartNewAsync();

        await RefusedAsync(cloud, "kind: [", "error");
        await RefusedAsync(cloud, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: Not_A_Name}\n", "Invalid value: \"Not_A_Name\"");
        await RefusedAsync(cloud, "apiVersion: nowhere.io/v1\nkind: Nothing\nmetadata: {name: x}\n", "no matches for kind \"Nothing\"");
        await RefusedAsync(cloud, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: nowhere}\n", "namespaces \"nowhere\" not found");
    }

    [EndToEndFact]
    public async Task A_change_of_an_old_version_conflicts()
    {
        await using var cloud = await ProgramsCloud.StartNewAsync();
        await cloud.Kubectl.ApplyAsync(new TestDaemonSet("app").ConfigMapYaml());
        var old = await cloud.Kubectl.RunAsync("get", "configmap", "app", "-o", "yaml");
        await cloud.Kubectl.RunAsync("label", "configmap", "app", "changed=yes");
        using var folder = new TempFolder();
        await File.WriteAllTextAsync(folder.File("old.yaml"), old);

        var result = await cloud.Kubectl.TryAsync("replace", "-f", folder.File("old.yaml"));

        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("the object has been modified; please apply your changes to the latest version and try again", result.Error, StringComparison.Ordinal);
    }

    [EndToEndFact]
    public async Task Nobody_gets_in_without_credentials()
    {
        await using var cloud = await ProgramsCloud.StartNewAsync();
        using var folder = new TempFolder();
        var stranger = folder.File("kubeconfig");
        await File.WriteAllTextAsync(stranger, $$$"""
            apiVersion: v1
            kind: Config
            clusters: [{name: c, cluster: {server: "https://127.0.0.1:{{{cloud.ApiPort}}}", insecure-skip-tls-verify: true}}]
            users: [{name: u, user: {token: not-a-token}}]
            contexts: [{name: c, context: {cluster: c, user: u}}]
            current-context: c
            """);

        var result = await new ProgramsKubectl(stranger).TryAsync("get", "secrets", "-A");

        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("You must be logged in to the server", result.Error, StringComparison.Ordinal);
    }

    private static async Task RefusedAsync(ProgramsCloud cloud, string yaml, string text)
    {
        var result = await cloud.Kubectl.TryApplyAsync(yaml);

        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains(text, result.Error, StringComparison.Ordinal);
    }
}
