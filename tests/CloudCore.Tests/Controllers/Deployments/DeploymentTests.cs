using EdgeSync.CloudCore.KubeApi;

namespace EdgeSync.CloudCore.Tests.Controllers.Deployments;

/// <summary>Deployments on the embedded API, by kubectl, as users see them.</summary>
public sealed class DeploymentTests
{
    [Fact]
    public async Task Kubectl_rolls_out_undoes_pauses_and_scales()
    {
        await using var rig = await WorkloadRig.StartAsync();
        await rig.AddNodeAsync("n0");
        await rig.AddNodeAsync("n1");
        await DeploymentAsync(rig, "web", 4);
        Assert.Contains("successfully rolled out", await rig.KubectlAsync("rollout", "status", "deployment/web", "--timeout=60s"), StringComparison.Ordinal);
        Assert.Equal([2, 2], rig.Alive("web").GroupBy(pod => pod.NodeName).Select(group => group.Count()));

        var fewest = 4;
        using (rig.Pods.Subscribe(_ => fewest = Math.Min(fewest, rig.Alive("web").Count(pod => pod.IsReady))))
        {
            await rig.KubectlAsync("set", "image", "deployment/web", "c=i:2");
            await rig.KubectlAsync("annotate", "deployment/web", "kubernetes.io/change-cause=second");
            await rig.KubectlAsync("rollout", "status", "deployment/web", "--timeout=60s");
        }

        // a quarter of 4 may be missing; 4 serve all the time when the new pods are up before the old ones are gone
        Assert.InRange(fewest, 3, 4);
        await rig.HoldsAsync("the old pods are gone", () => rig.Alive("web").Count == 4);
        var history = await rig.KubectlAsync("rollout", "history", "deployment/web");
        Assert.Matches(@"(?m)^1\s+<none>", history);
        Assert.Matches(@"(?m)^2\s+second", history);
        await rig.KubectlAsync("rollout", "undo", "deployment/web");
        await rig.KubectlAsync("rollout", "status", "deployment/web", "--timeout=60s");
        Assert.Matches(@"(?m)^3\s+", await rig.KubectlAsync("rollout", "history", "deployment/web"));
        Assert.Equal("i:1", (string?)(await rig.GetAsync(ApiResources.Deployments, "web"))!["spec"]!["template"]!["spec"]!["containers"]![0]!["image"]);

        await rig.KubectlAsync("rollout", "pause", "deployment/web");
        await rig.KubectlAsync("set", "image", "deployment/web", "c=i:3");
        await rig.KubectlAsync("scale", "deployment/web", "--replicas=2");
        await rig.HoldsAsync("it is scaled, not rolled out", () => rig.Alive("web").Count == 2);
        Assert.Equal(2, (await rig.ListAsync(ApiResources.ReplicaSets)).Count);
        await rig.KubectlAsync("rollout", "resume", "deployment/web");
        await rig.KubectlAsync("rollout", "status", "deployment/web", "--timeout=60s");
        Assert.Equal(3, (await rig.ListAsync(ApiResources.ReplicaSets)).Count);
        Assert.Contains("2/2", await rig.KubectlAsync("get", "deployment", "web"), StringComparison.Ordinal);
        Assert.Contains("Scaled up replica set web-", await rig.KubectlAsync("describe", "deployment", "web"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_rollout_that_does_not_come_up_keeps_the_old_pods_and_says_that_it_is_late()
    {
        await using var rig = await WorkloadRig.StartAsync();
        await rig.AddNodeAsync("n0");
        await DeploymentAsync(rig, "web", 3);
        await rig.KubectlAsync("rollout", "status", "deployment/web", "--timeout=60s");
        await rig.PatchAsync(ApiResources.Deployments, "web", """{"spec":{"progressDeadlineSeconds":2}}""");
        rig.Outcome = pod => System.Text.Encoding.UTF8.GetString(pod.Json.Span).Contains("i:broken", StringComparison.Ordinal) ? "" : null;
        await rig.KubectlAsync("set", "image", "deployment/web", "c=i:broken");
        await rig.HoldsAsync("the deadline passes", async () => (await rig.GetAsync(ApiResources.Deployments, "web"))!["status"]!["conditions"]!.AsArray()
            .Any(condition => (string?)condition!["reason"] == "ProgressDeadlineExceeded"));
        Assert.Equal(3, rig.Alive("web").Count(pod => pod.IsReady));
        await rig.KubectlAsync("rollout", "undo", "deployment/web");
        await rig.HoldsAsync("all as before", () => rig.Alive("web") is var alive && alive.Count == 3 && alive.All(pod => pod.IsReady));
    }

    [Fact]
    public async Task Recreate_ends_all_pods_before_it_makes_new_ones()
    {
        await using var rig = await WorkloadRig.StartAsync();
        await rig.AddNodeAsync("n0");
        await DeploymentAsync(rig, "web", 3, """ "strategy":{"type":"Recreate"}, """);
        await rig.KubectlAsync("rollout", "status", "deployment/web", "--timeout=60s");
        var mixed = false;
        using (rig.Pods.Subscribe(_ => mixed |= rig.Pods.Snapshot().Select(pod => pod.View(EdgeSync.Protocol.Kubernetes.KubernetesJson.Default.Pod))
            .Select(pod => pod.Metadata.Labels!["pod-template-hash"]).Distinct().Count() > 1))
        {
            await rig.KubectlAsync("set", "image", "deployment/web", "c=i:2");
            await rig.KubectlAsync("rollout", "status", "deployment/web", "--timeout=60s");
        }

        Assert.False(mixed);
    }

    [Fact]
    public async Task Orphans_of_a_deleted_deployment_are_taken_by_the_next_one()
    {
        await using var rig = await WorkloadRig.StartAsync();
        await rig.AddNodeAsync("n0");
        await DeploymentAsync(rig, "web", 2);
        await rig.KubectlAsync("rollout", "status", "deployment/web", "--timeout=60s");
        var before = rig.Alive("web").Select(pod => pod.Uid).Order().ToList();
        await rig.KubectlAsync("delete", "deployment", "web", "--cascade=orphan");
        await rig.HoldsAsync("the replica set is free", async () => (await rig.ListAsync(ApiResources.ReplicaSets)).Single()["metadata"]!["ownerReferences"] is null);
        await DeploymentAsync(rig, "web", 3);
        await rig.HoldsAsync("three run", () => rig.Alive("web").Count(pod => pod.IsReady) == 3);
        Assert.Equal(before, rig.Alive("web").Select(pod => pod.Uid).Where(before.Contains).Order());
        await rig.KubectlAsync("delete", "deployment", "web", "--cascade=foreground");
        Assert.Empty(await rig.ListAsync(ApiResources.ReplicaSets));
    }

    [Fact]
    public async Task A_scaled_down_replica_set_gives_up_what_serves_least()
    {
        await using var rig = await WorkloadRig.StartAsync();
        await rig.AddNodeAsync("n0", cpu: "1");
        await DeploymentAsync(rig, "web", 4, cpu: "300m");
        await rig.HoldsAsync("three run, one waits", () => rig.Alive("web").Count(pod => pod.IsReady) == 3 && rig.Alive("web").Count == 4);
        var running = rig.Alive("web").Where(pod => pod.IsReady).Select(pod => pod.Uid).Order().ToList();
        await rig.KubectlAsync("scale", "deployment/web", "--replicas=3");
        await rig.HoldsAsync("the waiting one is gone", () => rig.Alive("web").Count == 3);
        Assert.Equal(running, rig.Alive("web").Select(pod => pod.Uid).Order());
    }

    private static Task<EdgeSync.Protocol.Kubernetes.KubeObject> DeploymentAsync(WorkloadRig rig, string name, int replicas, string more = "", string cpu = "10m") => rig.CreateAsync(
        ApiResources.Deployments, $$$$"""
        {"metadata":{"name":"{{{{name}}}}"},
         "spec":{"replicas":{{{{replicas}}}},"selector":{"matchLabels":{"app":"{{{{name}}}}"}}, {{{{more}}}}
           "template":{"metadata":{"labels":{"app":"{{{{name}}}}"}},
             "spec":{"containers":[{"name":"c","image":"i:1","resources":{"requests":{"cpu":"{{{{cpu}}}}" } } }] } } } }
        """);
}
