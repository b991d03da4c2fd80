using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using EdgeSync.Integration.Tests.Streams;
using EdgeSync.TestKit;
using Xunit.Abstractions;

namespace EdgeSync.Integration.Tests.KubeEdge;

/// <summary>
/// This agent on KubeEdge's own cloudstream: a real API server asks for logs, exec and attach at the node's address, where in a real cluster
/// iptables bring it to cloudcore's stream server; a relay does it here.
/// </summary>
public sealed class RealCloudStreamTests(ITestOutputHelper output)
{
    private const string Node = "edge-1";
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(90);

    [KubeEdgeCloudFact]
    public async Task Logs_exec_attach_cp_and_figures_pass_through_KubeEdges_cloudstream()
    {
        await using var runtime = await ContainerdRig.StartAsync();
        await using var broker = await MosquittoBroker.StartedAsync();
        await using var cloud = await KubeEdgeCloud.StartNewAsync();
        await using var edge = new ProgramsEdge(new ProgramsEdgeSetup(Node, runtime.Endpoint, broker.Port));
        (await edge.TryJoinAsync(cloud.HubAddress, await cloud.GetTokenAsync(), cloud.CertPort)).Expect();

        // an address of this node alone: KubeEdge chooses the port, and would choose the same in another run beside this one
        var address = new IPAddress([127, (byte)RandomNumberGenerator.GetInt32(1, 255), (byte)RandomNumberGenerator.GetInt32(1, 255), 7]);
        await edge.ConfigureAsync(("nodeIP: \"\"", $"nodeIP: {address}"), ("server: \"\"", $"server: {cloud.TunnelAddress}"));
        edge.Start();
        var port = 0;
        await HoldsAsync("cloudcore has named itself as the node's kubelet", async () => int.TryParse(
            await cloud.Kubectl.PathAsync("{.status.daemonEndpoints.kubeletEndpoint.Port}", "node", Node, "--ignore-not-found"),
            NumberStyles.None, CultureInfo.InvariantCulture, out port) && port > 0);
        await using var relay = new CuttableLink(cloud.StreamPort, new IPEndPoint(address, port));
        await cloud.Kubectl.ApplyAsync(PodStreamChecks.Manifest(Node));
        await HoldsAsync("the pod runs", async () => await cloud.Kubectl.PathAsync("{.status.phase}", "pod", "app") == "Running");
        await HoldsAsync("its log is there", async () => (await cloud.Kubectl.TryAsync("logs", "app", "-c", "main")).Succeeded);

        // kubectl 1.32 asks a 1.20 API server by a WebSocket protocol that the runtime refuses, and KubeEdge's hub leaves the refused
        // connection open: kubectl waits before it falls back. (A server of 1.30 or later makes SPDY of it.)
        var checks = new PodStreamChecks(cloud.Kubeconfig, "old");
        await checks.LogsAsync();
        await checks.ExecAsync();
        await checks.TerminalAsync();
        await checks.AttachAsync();
        await checks.CopyAsync();

        var figures = await cloud.Kubectl.RunAsync("get", "--raw", $"/api/v1/nodes/{Node}/proxy/stats/summary");
        Assert.Contains($"\"nodeName\":\"{Node}\"", figures, StringComparison.Ordinal);

        // cloudcore goes and comes back
        await cloud.KillAsync();
        await cloud.StartAsync();
        await HoldsAsync("exec works again", async () =>
            (await cloud.Kubectl.TryAsync("exec", "app", "-c", "main", "--", "echo", "back")).Output == "back\n");

        async Task HoldsAsync(string what, Func<Task<bool>> condition)
        {
            output.WriteLine(what);
            try
            {
                await Eventually.HoldsAsync(what, condition, s_limit);
            }
            catch (TimeoutException e)
            {
                throw new TimeoutException($"{e.Message}\n{cloud.LogTail()}\n{edge.LogTail()}", e);
            }
        }
    }
}
