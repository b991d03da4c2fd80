namespace EdgeSync.TestKit;

/// <summary>What a hub finds on a cluster that was made ready for it as the documentation says.</summary>
public static class HubOnCluster
{
    /// <summary>Starts the cluster with the CRDs and the rights that ship.</summary>
    /// <returns>The kubeconfig of the service account that ships.</returns>
    public static async Task<string> PrepareAsync(EnvtestCluster cluster)
    {
        await cluster.StartAsync();
        var kubectl = new ProgramsKubectl(cluster.Kubeconfig);
        await ApplyAsync(kubectl);
        return await WriteHubKubeconfigAsync(kubectl, cluster);
    }

    /// <summary>Gives a cluster that runs the CRDs and the rights that ship.</summary>
    public static async Task ApplyAsync(ProgramsKubectl kubectl)
    {
        await kubectl.RunAsync("apply", "-f", Path.Combine(ProgramsLocation.Root, "deploy", "cloud", "crds"));
        await kubectl.RunAsync(
            "wait", "--for=condition=Established", "--timeout=60s", "crd", "devices.devices.kubeedge.io", "devicemodels.devices.kubeedge.io");
        await kubectl.RunAsync("apply", "-f", Path.Combine(ProgramsLocation.Root, "deploy", "cloud", "rbac.yaml"));
    }

    /// <summary>The administrator's, with the service account's token in a file beside it.</summary>
    private static async Task<string> WriteHubKubeconfigAsync(ProgramsKubectl kubectl, EnvtestCluster cluster)
    {
        var folder = Path.GetDirectoryName(cluster.Kubeconfig)!;
        await File.WriteAllTextAsync(
            Path.Combine(folder, "hub.token"), await kubectl.RunAsync("create", "token", "cloudcore", "-n", "kubeedge", "--duration=1h"));
        var file = Path.Combine(folder, "hub.kubeconfig");
        await File.WriteAllTextAsync(file, $$$"""
            clusters: [{name: c, cluster: {server: "{{{await kubectl.RunAsync("config", "view", "-o", "jsonpath={.clusters[0].cluster.server}")}}}", certificate-authority: pki/ca.crt}}]
            users: [{name: u, user: {tokenFile: hub.token}}]
            contexts: [{name: x, context: {cluster: c, user: u}}]
            current-context: x
            """);
        return file;
    }
}
