using System.Text.Json.Nodes;
using EdgeSync.Protocol.Wire;
using EdgeSync.TestKit;

namespace EdgeSync.EdgeCore.Tests.Edged;

[Collection(ContainerdCollection.Name)]
public sealed class PodSettingsTests(ContainerdFixture containerd)
{
    [ContainerdFact]
    public async Task Security_settings_and_limits_reach_the_container()
    {
        await using var host = new EdgedHost(containerd.Rig);
        await host.StartAsync();
        await host.ApplyAsync(ResourceTypes.Secret, PodSpecs.Secret("login", ("password", "x")));
        await host.ApplyAsync(ResourceTypes.Pod, PodSpecs.Pod(
            "safe",
            spec: s =>
            {
                s["securityContext"] = JsonNode.Parse("""{"runAsUser":1000,"runAsGroup":1001,"fsGroup":2000,"supplementalGroups":[3000]}""");
                s["volumes"] = JsonNode.Parse("""[{"name":"scratch","emptyDir":{}},{"name":"secret","secret":{"secretName":"login","defaultMode":256}}]""");
                s["hostname"] = "other-name";
                s["shareProcessNamespace"] = true;
                s["hostAliases"] = JsonNode.Parse("""[{"ip":"192.0.2.7","hostnames":["far","away"]}]""");
                s["dnsPolicy"] = "None";
                s["dnsConfig"] = JsonNode.Parse("""{"nameservers":["192.0.2.53"],"searches":["edge.test"],"options":[{"name":"ndots","value":"2"}]}""");
            },
            container: c =>
            {
                c["volumeMounts"] = JsonNode.Parse("""[{"name":"scratch","mountPath":"/scratch"},{"name":"secret","mountPath":"/secret"}]""");
                c["securityContext"] = JsonNode.Parse("""{"readOnlyRootFilesystem":true,"allowPrivilegeEscalation":false,"runAsNonRoot":true,"capabilities":{"drop":["ALL"],"add":["NET_BIND_SERVICE"]}}""");
                c["resources"] = JsonNode.Parse("""{"requests":{"cpu":"100m"},"limits":{"memory":"32Mi"}}""");
            }));
        await host.RunsAsync("safe");

        Assert.Equal("1000 1001 1001 2000 3000", await host.ExecAsync("safe", "sh", "-c", "echo $(id -u) $(id -g) $(id -G)"));
        Assert.Equal("x", await host.ExecAsync("safe", "cat", "/secret/password"));
        Assert.Equal("2000", await host.ExecAsync("safe", "sh", "-c", "touch /scratch/f && stat -c %g /scratch/f"));
        await Assert.ThrowsAsync<InvalidOperationException>(() => host.ExecAsync("safe", "touch", "/file"));
        Assert.Contains("NoNewPrivs:\t1", await host.ExecAsync("safe", "cat", "/proc/self/status"), StringComparison.Ordinal);
        Assert.Contains("192.0.2.7\tfar\taway", await host.ExecAsync("safe", "cat", "/etc/hosts"), StringComparison.Ordinal);
        Assert.Equal(
            ["nameserver 192.0.2.53", "options ndots:2", "search edge.test"],
            (await host.ExecAsync("safe", "cat", "/etc/resolv.conf")).Split('\n').Order(StringComparer.Ordinal));
        Assert.Equal("Burstable", host.Status("safe")!.QosClass);
        if (ContainerdRig.HasPodNetwork)
        {
            Assert.Equal("other-name", await host.ExecAsync("safe", "hostname"));
        }
    }

    [ContainerdFact]
    public async Task A_container_that_must_not_be_root_and_would_be_is_not_started()
    {
        await using var host = new EdgedHost(containerd.Rig);
        await host.StartAsync();
        await host.ApplyAsync(ResourceTypes.Pod, PodSpecs.Pod("root", container: c => c["securityContext"] = JsonNode.Parse("""{"runAsNonRoot":true}""")));

        await host.HasAsync("root", "is refused", s => s.ContainerStatuses![0].State.Waiting?.Reason == "CreateContainerConfigError");
        Assert.Empty(await host.ContainersAsync());
    }

    [ContainerdFact]
    public async Task A_container_that_takes_too_much_memory_is_reported_as_such()
    {
        await using var host = new EdgedHost(containerd.Rig);
        await host.StartAsync();
        await host.ApplyAsync(ResourceTypes.Pod, PodSpecs.Pod("greedy", spec: s => s["restartPolicy"] = "Never", container: c =>
        {
            c["command"] = new JsonArray("sh", "-c", "exec tail /dev/zero");
            c["resources"] = JsonNode.Parse("""{"limits":{"memory":"16Mi"}}""");
        }));

        await host.HasAsync("greedy", "has failed", s => s is { Phase: "Failed", ContainerStatuses: [{ State.Terminated: { Reason: "OOMKilled", ExitCode: 137 } }] });
    }

    [ContainerdFact]
    public async Task A_pod_on_the_hosts_network_has_the_nodes_address_and_ports()
    {
        await using var host = new EdgedHost(containerd.Rig);
        await host.StartAsync();
        var port = FreePort.Next();
        await host.ApplyAsync(ResourceTypes.Pod, PodSpecs.Pod(
            "net", $"httpd -f -p {port} -h /tmp",
            spec: s => s["hostNetwork"] = true,
            container: c => c["readinessProbe"] = JsonNode.Parse($$$"""{"tcpSocket":{"port":{{{port}}}},"periodSeconds":1}""")));

        await host.RunsAsync("net");

        var status = host.Status("net")!;
        Assert.Equal(status.HostIP, status.PodIP);
    }

    [ContainerdFact]
    public async Task A_pod_is_ended_at_its_deadline()
    {
        await using var host = new EdgedHost(containerd.Rig);
        await host.StartAsync();
        var pod = PodSpecs.Pod("late");
        await host.ApplyAsync(ResourceTypes.Pod, pod);
        await host.RunsAsync("late");

        // it may be added while the pod runs; from its start on, the deadline might be over before the container is made
        pod["spec"]!["activeDeadlineSeconds"] = 2;
        await host.ApplyAsync(ResourceTypes.Pod, pod);

        await host.HasAsync("late", "has failed", s => s is { Phase: "Failed", Reason: "DeadlineExceeded" });
        await Eventually.HoldsAsync("its container has ended", async () =>
            (await host.ContainersAsync()) is [{ State: EdgeCore.Edged.Cri.ContainerState.ContainerExited }]);
    }

    [ContainerdFact]
    public async Task A_postStart_hook_runs_and_one_that_fails_costs_the_container()
    {
        await using var host = new EdgedHost(containerd.Rig);
        await host.StartAsync();
        await host.ApplyAsync(ResourceTypes.Pod, PodSpecs.Pod("good", container: c =>
            c["lifecycle"] = JsonNode.Parse("""{"postStart":{"exec":{"command":["touch","/tmp/hooked"]}}}""")));
        await host.ApplyAsync(ResourceTypes.Pod, PodSpecs.Pod("bad", container: c =>
            c["lifecycle"] = JsonNode.Parse("""{"postStart":{"exec":{"command":["false"]}}}""")));

        await host.RunsAsync("good");
        Assert.Equal("/tmp/hooked", await host.ExecAsync("good", "ls", "/tmp/hooked"));
        await host.HasAsync("bad", "is held back", s => s.ContainerStatuses![0].State.Waiting?.Reason == "CrashLoopBackOff");
    }
}
