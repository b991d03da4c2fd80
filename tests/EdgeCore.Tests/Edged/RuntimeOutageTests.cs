using System.Diagnostics;
using System.Text.Json.Nodes;
using EdgeSync.Protocol.Wire;
using EdgeSync.TestKit;

namespace EdgeSync.EdgeCore.Tests.Edged;

[Collection(ContainerdCollection.Name)]
public sealed class RuntimeOutageTests(ContainerdFixture containerd)
{
    [ContainerdFact]
    public async Task After_a_reboot_all_pods_come_back_with_their_restart_counts_and_volumes()
    {
        await using var host = new EdgedHost(containerd.Rig);
        await host.StartAsync();
        await host.ApplyAsync(ResourceTypes.Secret, PodSpecs.Secret("login", ("password", "hunter2")));
        for (var i = 0; i < 3; i++)
        {
            await host.ApplyAsync(ResourceTypes.Pod, PodSpecs.Pod(
                $"web-{i}",
                spec: s => s["volumes"] = JsonNode.Parse("""[{"name":"disk","emptyDir":{}},{"name":"secret","secret":{"secretName":"login"}}]"""),
                container: c => c["volumeMounts"] = JsonNode.Parse("""[{"name":"disk","mountPath":"/disk"},{"name":"secret","mountPath":"/secret"}]""")));
        }

        for (var i = 0; i < 3; i++)
        {
            await host.RunsAsync($"web-{i}");
        }

        await host.ExecAsync("web-0", "touch", "/disk/kept");
        await host.StopAsync();
        await host.Rig.RebootAsync(host.RootFolder);

        await host.StartAsync();

        for (var i = 0; i < 3; i++)
        {
            await host.HasAsync($"web-{i}", "is back", s => s.ContainerStatuses![0] is { Ready: true, RestartCount: 1, LastState.Terminated: not null });
        }

        Assert.Equal("hunter2", await host.ExecAsync("web-0", "sh", "-c", "test -f /disk/kept && cat /secret/password"));
    }

    [ContainerdFact]
    public async Task A_runtime_that_is_away_at_start_is_waited_for()
    {
        await using var host = new EdgedHost(containerd.Rig);
        await host.Rig.StopRuntimeAsync();
        await host.ApplyAsync(ResourceTypes.Pod, PodSpecs.Pod("web"));
        await host.StartAsync();
        await host.SaysAsync("The container runtime is away; pods");
        Assert.Contains("\"Ready\",\"status\":\"False\",\"reason\":\"EdgeNotReady\"", System.Text.Encoding.UTF8.GetString(host.Service.NodeStatus.BuildStatusPatch()).Replace("\\", "", StringComparison.Ordinal), StringComparison.Ordinal);

        await host.Rig.StartRuntimeAsync();

        await host.RunsAsync("web");
    }

    [ContainerdFact]
    public async Task A_runtime_that_restarts_disturbs_no_pod()
    {
        await using var host = new EdgedHost(containerd.Rig);
        await host.StartAsync();
        await host.ApplyAsync(ResourceTypes.Pod, PodSpecs.Pod("web"));
        await host.RunsAsync("web");
        var id = host.ContainerId("web");

        await host.Rig.StopRuntimeAsync();
        await host.SaysAsync("The container runtime is away; pods");
        await host.Rig.StartRuntimeAsync();
        await host.SaysAsync("The container runtime is back");
        await host.ApplyAsync(ResourceTypes.Pod, PodSpecs.Pod("second"));
        await host.RunsAsync("second");

        Assert.Equal(id, host.ContainerId("web"));
        Assert.Equal(0, host.Status("web")!.ContainerStatuses![0].RestartCount);
    }

    [ContainerdFact]
    public async Task Ten_running_pods_are_confirmed_soon_after_the_start()
    {
        await using var host = new EdgedHost(containerd.Rig);
        await host.StartAsync();
        var names = Enumerable.Range(0, 10).Select(i => $"web-{i}").ToArray();
        foreach (var name in names)
        {
            await host.ApplyAsync(ResourceTypes.Pod, PodSpecs.Pod(name));
        }

        foreach (var name in names)
        {
            await host.RunsAsync(name, TimeSpan.FromSeconds(60));
        }

        await host.StopAsync();
        await host.ForgetMessagesAsync();
        var clock = Stopwatch.StartNew();
        await host.StartAsync();
        foreach (var name in names)
        {
            await host.RunsAsync(name);
        }

        // 2 s is the target on a quiet machine; tests run beside others
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 25);
        Assert.Equal(10, (await host.ContainersAsync()).Count);
    }
}
