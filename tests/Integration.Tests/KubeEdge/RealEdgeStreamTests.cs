using EdgeSync.Integration.Tests.Streams;
using EdgeSync.TestKit;

namespace EdgeSync.Integration.Tests.KubeEdge;

/// <summary>KubeEdge's own edgecore with edgeStream on our cloudcore: logs of its pods, commands in them, ports of them.</summary>
public sealed class RealEdgeStreamTests
{
    [KubeEdgeFact]
    public async Task Logs_exec_attach_cp_and_port_forward_reach_the_pods_of_a_KubeEdge_node_through_its_own_tunnel()
    {
        await using var runtime = await ContainerdRig.StartAsync();
        await using var broker = await MosquittoBroker.StartedAsync();
        await using var cloud = await ProgramsCloud.StartNewAsync();
        await using var agent = new KubeEdgeAgent("edge-1", runtime, broker) { HasStream = true };
        await agent.ConfigureAsync(cloud);
        agent.Start();
        await HoldsAsync("the node is Ready", async () => await cloud.Kubectl.PathAsync(
            "{.status.conditions[?(@.type==\"Ready\")].status}", "node", "edge-1", "--ignore-not-found") == "True");
        await cloud.Kubectl.ApplyAsync(PodStreamChecks.Manifest("edge-1"));
        await HoldsAsync("the pod runs", async () => await cloud.Kubectl.PathAsync("{.status.phase}", "pod", "app") == "Running");
        await HoldsAsync("its tunnel is there", async () => (await cloud.Kubectl.TryAsync("logs", "app", "-c", "main")).Succeeded);

        await new PodStreamChecks(cloud.Kubeconfig, "new").LogsAsync();
        foreach (var version in PodStreamChecks.Versions)
        {
            var checks = new PodStreamChecks(cloud.Kubeconfig, version);
            await checks.ExecAsync();
            await checks.TerminalAsync();
            await checks.AttachAsync();
            await checks.CopyAsync();
            await checks.PortForwardAsync();
        }

        async Task HoldsAsync(string what, Func<Task<bool>> condition)
        {
            try
            {
                await Eventually.HoldsAsync(what, condition, TimeSpan.FromSeconds(90));
            }
            catch (TimeoutException e)
            {
                throw new TimeoutException($"{e.Message}\n{cloud.LogTail()}\n{agent.LogTail()}", e);
            }
        }
    }
}
