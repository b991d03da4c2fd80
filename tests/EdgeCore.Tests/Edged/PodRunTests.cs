using EdgeSync.Protocol.Wire;
using EdgeSync.TestKit;

namespace EdgeSync.EdgeCore.Tests.Edged;

[Collection(ContainerdCollection.Name)]
public sealed class PodRunTests(ContainerdFixture containerd)
{
    [ContainerdFact]
    public async Task A_wanted_pod_runs_and_says_so()
    {
        await using var host = new EdgedHost(containerd.Rig);
        await host.StartAsync();

        await host.ApplyAsync(ResourceTypes.Pod, PodSpecs.Pod("web"));

        await host.RunsAsync("web");
        Assert.Equal("hello", await host.ExecAsync("web", "echo", "hello"));
    }
}
