using EdgeSync.TestKit;

namespace EdgeSync.Integration.Tests.KubeEdge;

/// <summary>KubeEdge's own edgecore with edgeStream on our cloudcore: logs of its pods.</summary>
public sealed class RealEdgeStreamTests
{
    [KubeEdgeFact]
    public async Task The_logs_of_a_KubeEdge_nodes_pods_are_read_through_its_own_tunnel()
    {
        await using var runtime = await ContainerdRig.StartAsync();
        await using var broker = await MosquittoBroker.StartedAsync();
        await using var cloud = await ProgramsCloud.StartNewAsync();
        await using var agent = new KubeEdgeAgent("edge-1", runtime, broker) { HasStream = true };
        await agent.ConfigureAsync(cloud);
        agent.Start();
        await HoldsAsync("the node is Ready", async () => await cloud.Kubectl.PathAsync(
            "{.status.conditions[?(@.type==\"Ready\")].status}", "node", "edge-1", "--ignore-not-found") == "True");
        await cloud.Kubectl.ApplyAsync($"""
            apiVersion: v1
            kind: Pod
            metadata: {"{"}name: app{"}"}
            spec:
              nodeName: edge-1
              automountServiceAccountToken: false
              terminationGracePeriodSeconds: 1
              containers:
                - name: main
                  image: {ContainerdRig.BusyboxImage}
                  imagePullPolicy: IfNotPresent
                  command: ["sh", "-c", "for i in 1 2 3; do echo line $i; done; sleep 1000"]
            """);
        await HoldsAsync("the pod runs", async () => await cloud.Kubectl.PathAsync("{.status.phase}", "pod", "app") == "Running");
        await HoldsAsync("its log is there", async () => await cloud.Kubectl.RunAsync("logs", "app") == "line 1\nline 2\nline 3");

        Assert.Equal("line 3", await cloud.Kubectl.RunAsync("logs", "app", "--tail=1"));

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
