using System.Globalization;
using EdgeSync.Integration.Tests.World;
using EdgeSync.TestKit;
using Xunit.Abstractions;

namespace EdgeSync.Integration.Tests.Streams;

/// <summary>kubectl on a real cluster: its API server dials our hub for the kubelet of an edge node.</summary>
public sealed class ClusterTests(ITestOutputHelper output, EnvtestCluster cluster) : IClassFixture<EnvtestCluster>
{
    [ClusterStreamFact]
    public async Task Logs_exec_attach_cp_and_port_forward_pass_through_the_clusters_own_api_server_and_strangers_do_not()
    {
        await using var runtime = await ContainerdRig.StartAsync();
        await using var broker = await MosquittoBroker.StartedAsync();
        var kubectl = new ProgramsKubectl(cluster.Kubeconfig);
        await kubectl.RunAsync("apply", "-f", Path.Combine(ProgramsLocation.Root, "deploy", "cloud", "crds"));
        var streamPort = FreePort.Next();
        await using var cloud = await ProgramsCloud.InitializedAsync();
        await ConfigureAsync(cloud, streamPort);
        cloud.Launch();
        await using var edge = new ProgramsEdge(new ProgramsEdgeSetup("edge-1", runtime.Endpoint, broker.Port));
        await HoldsAsync("the node has joined", async () => (await edge.TryJoinAsync(cloud.HubAddress, await cloud.GetTokenAsync())).Succeeded);
        edge.Start();
        await HoldsAsync("the node names the hub as its kubelet", async () => await kubectl.PathAsync(
            "{.status.addresses[?(@.type==\"InternalIP\")].address}:{.status.daemonEndpoints.kubeletEndpoint.Port}", "node", "edge-1") == $"127.0.0.1:{streamPort}");
        await kubectl.ApplyAsync(PodStreamChecks.Manifest("edge-1"));
        await HoldsAsync("the pod runs", async () => await kubectl.PathAsync("{.status.phase}", "pod", "app") == "Running");

        // kubectl 1.32 asks by WebSocket, which this API server hands on as it is; that of 1.20 by SPDY
        await new PodStreamChecks(cluster.Kubeconfig, "new").LogsAsync();
        foreach (var version in PodStreamChecks.Versions)
        {
            var checks = new PodStreamChecks(cluster.Kubeconfig, version);
            await checks.ExecAsync();
            await checks.TerminalAsync();
            await checks.AttachAsync();
            await checks.CopyAsync();
            await checks.PortForwardAsync();
        }

        Assert.Contains("\"nodeName\":\"edge-1\"", await kubectl.RunAsync("get", "--raw", "/api/v1/nodes/edge-1/proxy/stats/summary"), StringComparison.Ordinal);

        // nobody else: without a certificate, and with a node's own
        var url = string.Create(CultureInfo.InvariantCulture, $"https://127.0.0.1:{streamPort}/containerLogs/default/app/main");
        var nobody = await ProgramsCommand.RunAsync("curl", ["-sk", "-m", "10", "-o", "/dev/null", "-w", "%{http_code}", url]);
        Assert.Equal("401", nobody.Output);
        var (certificate, key, _) = edge.Identity;
        var node = await ProgramsCommand.RunAsync("curl", ["-sk", "-m", "10", "-o", "/dev/null", "-w", "%{http_code}", "--cert", certificate, "--key", key, url]);
        Assert.NotEqual("200", node.Output);

        await edge.KillAsync();
        await HoldsAsync("a node that is away is named", async () =>
            (await kubectl.TryAsync("logs", "app", "-c", "main")).Error.Contains("node edge-1 is not connected", StringComparison.Ordinal));

        Task HoldsAsync(string what, Func<Task<bool>> condition)
        {
            output.WriteLine(what);
            return EventuallyAsync(what, condition, cloud, edge);
        }
    }

    private static async Task EventuallyAsync(string what, Func<Task<bool>> condition, ProgramsCloud cloud, ProgramsEdge edge)
    {
        try
        {
            await Eventually.HoldsAsync(what, condition, TimeSpan.FromSeconds(60));
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message}\n{cloud.LogTail()}\n{edge.LogTail()}", e);
        }
    }

    /// <summary>From the embedded API to the cluster, with a stream server for the cluster's API server.</summary>
    private async Task ConfigureAsync(ProgramsCloud cloud, int streamPort)
    {
        var file = Path.Combine(cloud.DataFolder, "cloudcore.yaml");
        await File.WriteAllTextAsync(file, string.Create(CultureInfo.InvariantCulture, $$"""
            apiVersion: cloudcore.config.kubeedge.io/v1alpha2
            kind: CloudCore
            kubeAPIConfig: {kubeConfig: {{cluster.Kubeconfig}}}
            modules:
              embeddedApi: {enable: false}
              cloudHub:
                advertiseAddress: ["127.0.0.1"]
                websocket: {enable: true, address: 0.0.0.0, port: {{cloud.HubPort}}}
              cloudStream:
                streamPort: {{streamPort}}
                tlsStreamCAFile: {{Path.Combine(Path.GetDirectoryName(cluster.Kubeconfig)!, "pki", "ca.crt")}}
            """));
    }
}

/// <summary>A test of streams on a real cluster; skipped, saying so, where a part of it is missing.</summary>
public sealed class ClusterStreamFactAttribute : FactAttribute
{
    public ClusterStreamFactAttribute() => Skip = EndToEndFactAttribute.WhyNot() ?? EnvtestCluster.MissingReason;
}
