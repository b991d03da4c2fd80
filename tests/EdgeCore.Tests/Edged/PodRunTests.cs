using System.Text.Json.Nodes;
using EdgeSync.EdgeCore.Tests.Edged.Volumes;
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

        var pod = PodSpecs.Pod("web");
        await host.ApplyAsync(ResourceTypes.Pod, pod);

        await host.RunsAsync("web");
        Assert.Equal("hello", await host.ExecAsync("web", "echo", "hello"));
        var status = host.Status("web")!;
        Assert.Equal("BestEffort", status.QosClass);
        Assert.Equal(["ContainersReady", "Initialized", "PodReadyToStartContainers", "PodScheduled", "Ready"], status.Conditions!.Select(c => c.Type).Order());
        Assert.All(status.Conditions!, c => Assert.Equal("True", c.Status));
        Assert.All(status.Conditions!, c => Assert.NotNull(c.LastTransitionTime));
        Assert.NotNull(status.StartTime);
        var container = Assert.Single(status.ContainerStatuses!);
        Assert.True(container.Ready);
        Assert.Equal(0, container.RestartCount);
        Assert.StartsWith("containerd://", container.ContainerID);
        Assert.NotNull(container.State.Running!.StartedAt);
        if (ContainerdRig.HasPodNetwork)
        {
            Assert.Contains(status.PodIP!, await host.ExecAsync("web", "ip", "addr"));
            Assert.Contains($"{status.PodIP}\tweb", await host.ExecAsync("web", "cat", "/etc/hosts"));
        }

        var message = Assert.Single(host.Entries("podstatus/"));
        Assert.Equal("default/podpatch/web", message.Resource);
        Assert.Equal(Operations.Patch, message.Operation);
        Assert.StartsWith($$"""{"metadata":{"uid":"{{pod["metadata"]!["uid"]}}"},"status":{""", JsonNode.Parse(message.Content!)!.GetValue<string>());
        Assert.True(File.Exists(Path.Combine(host.Folder, "logs", $"default_web_{pod["metadata"]!["uid"]}", "main", "0.log")));
    }

    [ContainerdFact]
    public async Task Environment_comes_from_literals_objects_and_the_pod_itself()
    {
        await using var host = new EdgedHost(containerd.Rig);
        await host.StartAsync();
        await host.ApplyAsync(ResourceTypes.ConfigMap, PodSpecs.ConfigMap("settings", ("color", "green"), ("SIZE", "3")));
        await host.ApplyAsync(ResourceTypes.Secret, PodSpecs.Secret("login", ("password", "pässword")));
        await host.ApplyAsync(ResourceTypes.Pod, PodSpecs.Pod("env", container: c =>
        {
            c["env"] = JsonNode.Parse("""
                [{"name":"LITERAL","value":"a"},{"name":"COMBINED","value":"$(LITERAL)-$(SIZE)-$(NOPE)"},
                 {"name":"COLOR","valueFrom":{"configMapKeyRef":{"name":"settings","key":"color"}}},
                 {"name":"PASSWORD","valueFrom":{"secretKeyRef":{"name":"login","key":"password"}}},
                 {"name":"ABSENT","valueFrom":{"configMapKeyRef":{"name":"nothing","key":"x","optional":true}}},
                 {"name":"POD","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}},
                 {"name":"NODE","valueFrom":{"fieldRef":{"fieldPath":"spec.nodeName"}}},
                 {"name":"IP","valueFrom":{"fieldRef":{"fieldPath":"status.podIP"}}},
                 {"name":"CPU","valueFrom":{"resourceFieldRef":{"resource":"limits.cpu","divisor":"1m"}}}]
                """);
            c["envFrom"] = JsonNode.Parse("""[{"prefix":"P_","configMapRef":{"name":"settings"}},{"configMapRef":{"name":"settings"}}]""");
            c["resources"] = JsonNode.Parse("""{"limits":{"cpu":"250m","memory":"64Mi"}}""");
            c["workingDir"] = "/tmp";
        }));

        await host.RunsAsync("env");

        var env = (await host.ExecAsync("env", "env")).Split('\n').ToHashSet();
        Assert.Superset(
            new HashSet<string>
            {
                "LITERAL=a", "COMBINED=a-3-$(NOPE)", "COLOR=green", "PASSWORD=pässword", "POD=env", "NODE=" + host.NodeName,
                "IP=" + host.Status("env")!.PodIP, "CPU=250", "P_color=green", "SIZE=3",
            },
            env);
        Assert.DoesNotContain(env, line => line.StartsWith("ABSENT", StringComparison.Ordinal));
        Assert.Equal("/tmp", await host.ExecAsync("env", "pwd"));
        Assert.Equal("Guaranteed", host.Status("env")!.QosClass);
    }

    [ContainerdFact]
    public async Task Volumes_of_every_supported_kind_are_mounted()
    {
        await using var host = new EdgedHost(containerd.Rig) { TokenQuery = new TokenHub().QueryAsync };
        await host.StartAsync();
        await host.ApplyAsync(ResourceTypes.ConfigMap, PodSpecs.ConfigMap("settings", ("app.conf", "v1"), ("other", "x")));
        await host.ApplyAsync(ResourceTypes.Secret, PodSpecs.Secret("login", ("password", "hunter2")));
        var shared = Directory.CreateDirectory(Path.Combine(host.Folder, "shared")).FullName;
        await File.WriteAllTextAsync(Path.Combine(shared, "from-host"), "h");
        await host.ApplyAsync(ResourceTypes.Pod, PodSpecs.Pod(
            "vol",
            spec: s => s["volumes"] = JsonNode.Parse($$$"""
                [{"name":"cm","configMap":{"name":"settings","items":[{"key":"app.conf","path":"sub/app.conf","mode":256}]}},
                 {"name":"all","configMap":{"name":"settings"}},
                 {"name":"secret","secret":{"secretName":"login","defaultMode":288}},
                 {"name":"host","hostPath":{"path":"{{{shared}}}","type":"Directory"}},
                 {"name":"made","hostPath":{"path":"{{{shared}}}/made","type":"DirectoryOrCreate"}},
                 {"name":"scratch","emptyDir":{}},
                 {"name":"mem","emptyDir":{"medium":"Memory","sizeLimit":"1Mi"}},
                 {"name":"self","downwardAPI":{"items":[{"path":"name","fieldRef":{"fieldPath":"metadata.name"}}]}},
                 {"name":"mix","projected":{"sources":[{"configMap":{"name":"settings"}},{"secret":{"name":"login"}},{"serviceAccountToken":{"path":"token"}}]}}]
                """),
            container: c => c["volumeMounts"] = JsonNode.Parse("""
                [{"name":"cm","mountPath":"/cm"},{"name":"secret","mountPath":"/secret","readOnly":true},{"name":"host","mountPath":"/host"},
                 {"name":"made","mountPath":"/made"},{"name":"scratch","mountPath":"/scratch"},{"name":"mem","mountPath":"/mem"},
                 {"name":"self","mountPath":"/self"},{"name":"mix","mountPath":"/mix"},
                 {"name":"all","mountPath":"/one/file.conf","subPath":"app.conf"},{"name":"scratch","mountPath":"/part","subPath":"a/b"}]
                """)));

        await host.RunsAsync("vol");

        Assert.Equal("v1", await host.ExecAsync("vol", "cat", "/cm/sub/app.conf"));
        Assert.Equal("400", await host.ExecAsync("vol", "stat", "-L", "-c", "%a", "/cm/sub/app.conf"));
        Assert.Equal("hunter2", await host.ExecAsync("vol", "cat", "/secret/password"));
        Assert.Equal("440", await host.ExecAsync("vol", "stat", "-L", "-c", "%a", "/secret/password"));
        Assert.Equal("tmpfs", await host.ExecAsync("vol", "stat", "-f", "-c", "%T", "/secret"));
        Assert.Equal("h", await host.ExecAsync("vol", "cat", "/host/from-host"));
        await host.ExecAsync("vol", "sh", "-c", "echo x > /made/file && echo y > /scratch/file && echo z > /part/in && chmod 700 /scratch/file");
        Assert.True(File.Exists(Path.Combine(shared, "made", "file")));
        Assert.Equal("z", await host.ExecAsync("vol", "cat", "/scratch/a/b/in"));
        Assert.Equal("777", await host.ExecAsync("vol", "stat", "-c", "%a", "/scratch"));
        Assert.Equal("tmpfs", await host.ExecAsync("vol", "stat", "-f", "-c", "%T", "/mem"));
        Assert.Equal("vol", await host.ExecAsync("vol", "cat", "/self/name"));
        Assert.Equal("v1x", await host.ExecAsync("vol", "sh", "-c", "cat /mix/app.conf /mix/other; test -f /mix/password"));
        Assert.Equal("token-1", await host.ExecAsync("vol", "cat", "/mix/token"));
        Assert.Equal("644", await host.ExecAsync("vol", "stat", "-L", "-c", "%a", "/mix/token"));
        Assert.Equal("tmpfs", await host.ExecAsync("vol", "stat", "-f", "-c", "%T", "/mix"));
        Assert.Equal("v1", await host.ExecAsync("vol", "cat", "/one/file.conf"));

        await host.DeleteAsync(ResourceTypes.Pod, "vol");
        await Eventually.HoldsAsync("the pod's folder is gone", () => !Directory.EnumerateDirectories(Path.Combine(host.RootFolder, "pods")).Any());
        Assert.True(File.Exists(Path.Combine(shared, "from-host")));
    }

    [ContainerdFact]
    public async Task Init_containers_run_in_order_before_the_others()
    {
        await using var host = new EdgedHost(containerd.Rig);
        await host.StartAsync();
        var mount = """[{"name":"scratch","mountPath":"/scratch"}]""";
        await host.ApplyAsync(ResourceTypes.Pod, PodSpecs.Pod(
            "init", "echo main >> /scratch/order; sleep 1000",
            spec: s =>
            {
                s["volumes"] = JsonNode.Parse("""[{"name":"scratch","emptyDir":{}}]""");
                // the first one fails once, and is tried again
                var first = PodSpecs.Container("first", "test -f /scratch/tried || { touch /scratch/tried; exit 1; }; echo first >> /scratch/order");
                var second = PodSpecs.Container("second", "echo second >> /scratch/order");
                first["volumeMounts"] = JsonNode.Parse(mount);
                second["volumeMounts"] = JsonNode.Parse(mount);
                s["initContainers"] = new JsonArray(first, second);
            },
            container: c => c["volumeMounts"] = JsonNode.Parse(mount)));

        await host.RunsAsync("init");

        await Eventually.HoldsAsync("all have written", async () => await host.ExecAsync("init", "cat", "/scratch/order") == "first\nsecond\nmain");
        var init = host.Status("init")!.InitContainerStatuses!;
        Assert.All(init, c => Assert.Equal("Completed", c.State.Terminated!.Reason));
        Assert.Equal(1, init[0].RestartCount);
    }

    [ContainerdFact]
    public async Task A_job_like_pod_ends_and_stays_ended()
    {
        await using var host = new EdgedHost(containerd.Rig);
        await host.StartAsync();
        await host.ApplyAsync(ResourceTypes.Pod, PodSpecs.Pod("good", "echo done > /dev/termination-log", spec: s => s["restartPolicy"] = "OnFailure"));
        await host.ApplyAsync(ResourceTypes.Pod, PodSpecs.Pod("bad", "exit 3", spec: s => s["restartPolicy"] = "Never"));

        await host.HasAsync("good", "has succeeded", s => s.Phase == "Succeeded");
        await host.HasAsync("bad", "has failed", s => s.Phase == "Failed");

        var good = host.Status("good")!.ContainerStatuses![0].State.Terminated!;
        Assert.Equal((0, "Completed", "done\n"), (good.ExitCode, good.Reason, good.Message));
        var bad = host.Status("bad")!.ContainerStatuses![0].State.Terminated!;
        Assert.Equal((3, "Error"), (bad.ExitCode, bad.Reason));
        Assert.Contains(host.Status("good")!.Conditions!, c => c is { Type: "Ready", Status: "False", Reason: "PodCompleted" });

        var before = (await host.ContainersAsync()).Count;
        await host.StopAsync();
        await host.ForgetMessagesAsync(); // what is said now is the new agent's word
        await host.StartAsync();
        await host.HasAsync("good", "is still the same", s => s.Phase == "Succeeded");
        Assert.Equal(before, (await host.ContainersAsync()).Count);
    }

    [ContainerdFact]
    public async Task A_volume_that_an_edge_node_cannot_have_is_named()
    {
        await using var host = new EdgedHost(containerd.Rig);
        await host.StartAsync();
        await host.ApplyAsync(ResourceTypes.Pod, PodSpecs.Pod("far", spec: s => s["volumes"] = JsonNode.Parse("""[{"name":"data","nfs":{"server":"s","path":"/p"}}]""")));
        await host.ApplyAsync(ResourceTypes.Pod, PodSpecs.Pod("pvc", spec: s => s["volumes"] = JsonNode.Parse("""[{"name":"data","persistentVolumeClaim":{"claimName":"c"}}]""")));

        await host.HasAsync("far", "says what is not supported", s =>
            s.Phase == "Pending" && s.ContainerStatuses![0].State.Waiting!.Message!.Contains("volumes of the kind nfs", StringComparison.Ordinal));
        await host.HasAsync("pvc", "says that nobody says where its claim is", s =>
            s.Phase == "Pending" && s.ContainerStatuses![0].State.Waiting!.Message!.Contains("which folder the claim \"c\" is", StringComparison.Ordinal));
    }

    [ContainerdFact]
    public async Task An_image_that_is_not_here_is_waited_for()
    {
        await using var host = new EdgedHost(containerd.Rig);
        await host.StartAsync();
        await host.ApplyAsync(ResourceTypes.Pod, PodSpecs.Pod("far", container: c => c["image"] = "127.0.0.1:1/nobody/nothing:1"));
        await host.ApplyAsync(ResourceTypes.Pod, PodSpecs.Pod("never", container: c => (c["image"], c["imagePullPolicy"]) = ("localhost/none:1", "Never")));
        await host.ApplyAsync(ResourceTypes.Pod, PodSpecs.Pod("always", container: c => c["imagePullPolicy"] = "Always"));

        await host.HasAsync("far", "backs off", s => s.ContainerStatuses![0].State.Waiting?.Reason == "ImagePullBackOff");
        await host.HasAsync("never", "says so", s => s.ContainerStatuses![0].State.Waiting?.Reason == "ErrImageNeverPull");
        await host.RunsAsync("always");
    }

    [ContainerdFact]
    public async Task Probes_decide_on_readiness_and_restarts()
    {
        await using var host = new EdgedHost(containerd.Rig);
        await host.StartAsync();
        await host.ApplyAsync(ResourceTypes.Pod, PodSpecs.Pod("probed", "httpd -f -p 8080 -h /tmp", container: c =>
        {
            c["ports"] = JsonNode.Parse("""[{"name":"http","containerPort":8080}]""");
            c["startupProbe"] = JsonNode.Parse("""{"tcpSocket":{"port":"http"},"periodSeconds":1,"failureThreshold":30}""");

            // one failure decides: it must be the container's answer, and never a machine that takes long to ask
            c["readinessProbe"] = JsonNode.Parse("""{"httpGet":{"path":"/ready","port":8080},"periodSeconds":1,"failureThreshold":1,"timeoutSeconds":30}""");
            c["livenessProbe"] = JsonNode.Parse("""{"exec":{"command":["test","!","-f","/tmp/sick"]},"periodSeconds":1,"failureThreshold":1,"timeoutSeconds":30}""");
        }));

        await host.HasAsync("probed", "has started and is not ready", s => s.ContainerStatuses![0] is { Started: true, Ready: false });
        var first = host.ContainerId("probed");
        await host.ExecAsync("probed", "touch", "/tmp/ready");
        await host.RunsAsync("probed");
        await host.ExecAsync("probed", "rm", "/tmp/ready");
        await host.HasAsync("probed", "is not ready any more", s => !s.ContainerStatuses![0].Ready);
        Assert.Equal(first, host.ContainerId("probed"));

        await host.ExecAsync("probed", "touch", "/tmp/sick");
        await host.HasAsync("probed", "is restarted", s => s.ContainerStatuses![0] is { RestartCount: 1, State.Running: not null });
        Assert.NotEqual(first, host.ContainerId("probed"));
    }
}
