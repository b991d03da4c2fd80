using System.Text.Json.Nodes;
using EdgeSync.EdgeCore.Edged.Cri;
using EdgeSync.Protocol.Wire;
using EdgeSync.TestKit;

namespace EdgeSync.EdgeCore.Tests.Edged;

[Collection(ContainerdCollection.Name)]
public sealed class PodLifecycleTests(ContainerdFixture containerd)
{
    [ContainerdFact]
    public async Task A_restarted_agent_adopts_what_runs()
    {
        await using var host = new EdgedHost(containerd.Rig);
        await host.StartAsync();
        await host.ApplyAsync(ResourceTypes.Pod, PodSpecs.Pod("web"));
        await host.RunsAsync("web");
        var before = host.Status("web")!;

        await host.StopAsync();
        await host.ForgetMessagesAsync(); // what is said now is the new agent's word
        await host.StartAsync();
        await host.ApplyAsync(ResourceTypes.Pod, PodSpecs.Pod("marker"));
        await host.RunsAsync("marker");
        await host.RunsAsync("web");

        var after = host.Status("web")!;
        Assert.Equal(host.ContainerId("web"), before.ContainerStatuses![0].ContainerID!["containerd://".Length..]);
        Assert.Equal(before.Conditions, after.Conditions);
        Assert.Equal(before.StartTime, after.StartTime);
        Assert.Equal(2, (await host.ContainersAsync()).Count);
    }

    [ContainerdFact]
    public async Task A_container_that_is_killed_comes_back_and_one_that_goes_on_crashing_is_held_back()
    {
        await using var host = new EdgedHost(containerd.Rig);
        await host.StartAsync();
        await host.ApplyAsync(ResourceTypes.Pod, PodSpecs.Pod("web"));
        await host.RunsAsync("web");
        var first = host.ContainerId("web");

        await host.Rig.KillContainerAsync(first);
        await IsBackAtOnceAsync(host);
        var last = host.Status("web")!.ContainerStatuses![0].LastState.Terminated!;
        Assert.Equal((137, "Error", "containerd://" + first), (last.ExitCode, last.Reason, last.ContainerID));

        await host.Rig.KillContainerAsync(host.ContainerId("web"));
        await host.HasAsync("web", "is held back", s => s.ContainerStatuses![0] is { RestartCount: 1, Ready: false, State.Waiting.Reason: "CrashLoopBackOff", LastState.Terminated: not null });
        Assert.Equal("Running", host.Status("web")!.Phase);

        // the count lives in the runtime, not in the agent
        await host.StopAsync();
        await host.StartAsync();
        await host.HasAsync("web", "is still held back", s => s.ContainerStatuses![0].State.Waiting?.Reason == "CrashLoopBackOff");
        await host.HasAsync("web", "is back after the wait", s => s.ContainerStatuses![0] is { RestartCount: 2, Ready: true }, TimeSpan.FromSeconds(60));
        await Eventually.HoldsAsync("only the last dead one is kept", async () => (await host.ContainersAsync()).Count == 2);
    }

    [ContainerdFact]
    public async Task A_container_killed_while_the_agent_was_down_is_back_at_once()
    {
        await using var host = new EdgedHost(containerd.Rig);
        await host.StartAsync();
        await host.ApplyAsync(ResourceTypes.Pod, PodSpecs.Pod("web"));
        await host.RunsAsync("web");
        await host.StopAsync();
        await host.Rig.KillContainerAsync(host.ContainerId("web"));

        await host.StartAsync();

        await IsBackAtOnceAsync(host);
    }

    /// <summary>That the pod's container runs its second life, and was not held back for it.</summary>
    private static async Task IsBackAtOnceAsync(EdgedHost host)
    {
        var wasHeldBack = false; // for 10 s, which a look each 20 ms does not miss
        await host.HasAsync("web", "is back", s =>
        {
            wasHeldBack |= s.ContainerStatuses![0].State.Waiting?.Reason == "CrashLoopBackOff";
            return s.ContainerStatuses![0] is { RestartCount: 1, Ready: true };
        });
        Assert.False(wasHeldBack);
    }

    [ContainerdFact]
    public async Task A_deleted_pod_gets_its_grace_and_its_hook_and_is_reported()
    {
        await using var host = new EdgedHost(containerd.Rig);
        await host.StartAsync();
        var folder = Directory.CreateDirectory(Path.Combine(host.Folder, "shared")).FullName;
        var pod = PodSpecs.Pod(
            "web",
            spec: s => s["volumes"] = JsonNode.Parse($$"""[{"name":"host","hostPath":{"path":"{{folder}}"} }]"""),
            container: c =>
            {
                c["command"] = new JsonArray("sh", "-c", "trap 'echo stopped >> /host/log; exit 0' TERM; touch /host/up; sleep 1000 & wait $!");
                c["volumeMounts"] = JsonNode.Parse("""[{"name":"host","mountPath":"/host"}]""");
                c["lifecycle"] = JsonNode.Parse("""{"preStop":{"exec":{"command":["sh","-c","echo hook >> /host/log"]}}}""");
            });
        await host.ApplyAsync(ResourceTypes.Pod, pod);
        await host.RunsAsync("web");
        await Eventually.HoldsAsync("the shell hears signals", () => File.Exists(Path.Combine(folder, "up")));

        await host.ApplyAsync(ResourceTypes.Pod, PodSpecs.Deleting(pod, 20));

        await Eventually.HoldsAsync("the deletion is told", () => host.Entries("poddelete/").Count == 1);
        var message = host.Entries("poddelete/")[0];
        Assert.Equal(("default/pod/web", Operations.Delete), (message.Resource, message.Operation));
        Assert.Equal(
            $$$"""{"gracePeriodSeconds":0,"preconditions":{"uid":"{{{pod["metadata"]!["uid"]}}}"}}""",
            System.Text.Encoding.UTF8.GetString(message.Content!));
        Assert.Equal("hook\nstopped\n", await File.ReadAllTextAsync(Path.Combine(folder, "log")));
        Assert.Equal("Succeeded", host.Status("web")!.Phase);
        Assert.Empty(await host.ContainersAsync());
        Assert.Empty(Directory.GetDirectories(Path.Combine(host.Folder, "logs")));
    }

    [ContainerdFact]
    public async Task A_deletion_that_becomes_urgent_does_not_wait_for_the_first_grace()
    {
        await using var host = new EdgedHost(containerd.Rig);
        await host.StartAsync();
        var pod = PodSpecs.Pod("deaf", container: c => c["command"] = new JsonArray("sh", "-c", "trap '' TERM; while true; do sleep 1; done"));
        await host.ApplyAsync(ResourceTypes.Pod, pod);
        await host.RunsAsync("deaf");

        await host.ApplyAsync(ResourceTypes.Pod, PodSpecs.Deleting(pod, 300));
        await host.SaysAsync("stopping container main");
        await host.ApplyAsync(ResourceTypes.Pod, PodSpecs.Deleting(pod, 1));

        await Eventually.HoldsAsync("the deletion is told", () => host.Entries("poddelete/").Count == 1, TimeSpan.FromSeconds(60));
        Assert.Equal("Failed", host.Status("deaf")!.Phase);
    }

    [ContainerdFact]
    public async Task A_changed_image_makes_a_new_container_of_the_same_pod()
    {
        await using var host = new EdgedHost(containerd.Rig);
        await host.StartAsync();
        var pod = PodSpecs.Pod("web");
        await host.ApplyAsync(ResourceTypes.Pod, pod);
        await host.RunsAsync("web");
        var first = host.ContainerId("web");
        var ip = host.Status("web")!.PodIP;

        var changed = pod.DeepClone().AsObject();
        changed["spec"]!["containers"]![0]!["image"] = ContainerdRig.OtherImage;
        await host.ApplyAsync(ResourceTypes.Pod, changed);

        await host.HasAsync("web", "runs the new image", s =>
            s.ContainerStatuses![0] is { Ready: true, RestartCount: 1 } c && c.ContainerID != "containerd://" + first);
        Assert.Equal(ip, host.Status("web")!.PodIP);
    }

    [ContainerdFact]
    public async Task Unwanted_pods_go_and_other_peoples_stay()
    {
        await using var host = new EdgedHost(containerd.Rig);
        await using var neighbour = new EdgedHost(containerd.Rig);
        await neighbour.StartAsync();
        await neighbour.ApplyAsync(ResourceTypes.Pod, PodSpecs.Pod("theirs"));
        await neighbour.RunsAsync("theirs");
        await neighbour.StopAsync();
        await host.StartAsync();
        await host.ApplyAsync(ResourceTypes.Pod, PodSpecs.Pod("ours"));
        await host.RunsAsync("ours");
        await host.StopAsync();

        // deleted while the agent was down: nothing of its spec is left
        await host.DeleteAsync(ResourceTypes.Pod, "ours");
        await host.StartAsync();

        await Eventually.HoldsAsync("our pod is gone", async () => (await host.ContainersAsync()).Count == 0);
        Assert.Equal(ContainerState.ContainerRunning, Assert.Single(await neighbour.ContainersAsync()).State);
        Assert.Empty(host.Entries("poddelete/"));
    }

    [ContainerdFact]
    public async Task Unknown_pods_stay_while_the_objects_may_be_incomplete()
    {
        await using var host = new EdgedHost(containerd.Rig);
        await host.StartAsync();
        var pod = PodSpecs.Pod("web");
        await host.ApplyAsync(ResourceTypes.Pod, pod);
        await host.RunsAsync("web");
        var id = host.ContainerId("web");
        await host.StopAsync();
        await host.DeleteAsync(ResourceTypes.Pod, "web");

        await host.StartAsync(keepsUnknownPods: true);
        await host.ApplyAsync(ResourceTypes.Pod, PodSpecs.Pod("marker"));
        await host.RunsAsync("marker");
        Assert.Contains(await host.ContainersAsync(), c => c.Id == id && c.State == ContainerState.ContainerRunning);

        // the hub sends it again: it is the same pod
        await host.ApplyAsync(ResourceTypes.Pod, pod);
        await host.RunsAsync("web");
        Assert.Equal(id, host.ContainerId("web"));
    }

    [ContainerdFact]
    public async Task A_pod_of_the_same_name_and_another_UID_takes_the_place()
    {
        await using var host = new EdgedHost(containerd.Rig);
        await host.StartAsync();
        await host.ApplyAsync(ResourceTypes.Pod, PodSpecs.Pod("web"));
        await host.RunsAsync("web");
        var second = PodSpecs.Pod("web");

        await host.ApplyAsync(ResourceTypes.Pod, second);

        await Eventually.HoldsAsync("only the second runs", async () =>
            (await host.ContainersAsync()) is [var only] && only.Labels["io.kubernetes.pod.uid"] == second["metadata"]!["uid"]!.GetValue<string>());
    }

    [ContainerdFact]
    public async Task A_changed_ConfigMap_reaches_the_files_of_a_running_pod()
    {
        await using var host = new EdgedHost(containerd.Rig);
        await host.StartAsync();
        await host.ApplyAsync(ResourceTypes.ConfigMap, PodSpecs.ConfigMap("settings", ("app.conf", "v1")));
        await host.ApplyAsync(ResourceTypes.Pod, PodSpecs.Pod(
            "web",
            spec: s => s["volumes"] = JsonNode.Parse("""[{"name":"cm","configMap":{"name":"settings"}}]"""),
            container: c => c["volumeMounts"] = JsonNode.Parse("""[{"name":"cm","mountPath":"/cm"}]""")));
        await host.RunsAsync("web");
        var id = host.ContainerId("web");
        Assert.Equal("v1", await host.ExecAsync("web", "cat", "/cm/app.conf"));

        await host.ApplyAsync(ResourceTypes.ConfigMap, PodSpecs.ConfigMap("settings", ("app.conf", "v2"), ("new", "n")));

        await Eventually.HoldsAsync("the new content is there", async () => await host.ExecAsync("web", "cat", "/cm/app.conf", "/cm/new") == "v2n");
        Assert.Equal(id, host.ContainerId("web"));
    }

    [ContainerdFact]
    public async Task A_pod_whose_ConfigMap_is_missing_says_so_and_goes_on_when_it_comes()
    {
        await using var host = new EdgedHost(containerd.Rig);
        await host.StartAsync();
        await host.ApplyAsync(ResourceTypes.Pod, PodSpecs.Pod("web", container: c =>
            c["env"] = JsonNode.Parse("""[{"name":"X","valueFrom":{"configMapKeyRef":{"name":"late","key":"x"}}}]""")));
        await host.HasAsync("web", "waits", s => s is
        {
            Phase: "Pending",
            ContainerStatuses: [{ State.Waiting: { Reason: "CreateContainerConfigError", Message: "configmap \"late\" not found" } }],
        });

        await host.ApplyAsync(ResourceTypes.ConfigMap, PodSpecs.ConfigMap("late", ("x", "here")));

        await host.RunsAsync("web");
        Assert.Equal("here", await host.ExecAsync("web", "sh", "-c", "echo $X"));
    }

    [ContainerdFact]
    public async Task Reset_leaves_nothing_of_ours_and_all_of_others()
    {
        await using var host = new EdgedHost(containerd.Rig);
        await using var neighbour = new EdgedHost(containerd.Rig);
        await neighbour.StartAsync();
        await neighbour.ApplyAsync(ResourceTypes.Pod, PodSpecs.Pod("theirs"));
        await neighbour.RunsAsync("theirs");
        await host.StartAsync();
        await host.ApplyAsync(ResourceTypes.Secret, PodSpecs.Secret("login", ("password", "x")));
        await host.ApplyAsync(ResourceTypes.Pod, PodSpecs.Pod(
            "ours",
            spec: s => s["volumes"] = JsonNode.Parse("""[{"name":"s","secret":{"secretName":"login"}}]"""),
            container: c => c["volumeMounts"] = JsonNode.Parse("""[{"name":"s","mountPath":"/s"}]""")));
        await host.RunsAsync("ours");
        await host.StopAsync();

        Assert.Equal(1, await EdgeCore.Edged.EdgedReset.RemoveAllAsync(host.Config, TimeProvider.System, CancellationToken.None));

        Assert.Empty(await host.ContainersAsync());
        Assert.Empty(Directory.GetDirectories(Path.Combine(host.RootFolder, "pods")));
        Assert.Single(await neighbour.ContainersAsync());
    }
}
