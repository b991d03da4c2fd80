using System.Text.Json.Nodes;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Tests.Controllers.Jobs;

/// <summary>Jobs and CronJobs on the embedded API, by kubectl, as users see them.</summary>
public sealed class JobTests
{
    [Fact]
    public async Task Eight_completions_two_at_a_time_run_in_waves_and_are_counted_once()
    {
        await using var rig = await WorkloadRig.StartAsync();
        var most = 0;
        rig.Outcome = _ => Ended("Succeeded");
        await rig.AddNodeAsync("n0");
        using (rig.Pods.Subscribe(_ => most = Math.Max(most, rig.Alive("work").Count)))
        {
            await JobAsync(rig, "work", """ "completions":8,"parallelism":2, """);
            await rig.HoldsAsync("complete", async () => Condition(await rig.GetAsync(ApiResources.Jobs, "work"), "Complete"));
        }

        var job = (await rig.GetAsync(ApiResources.Jobs, "work"))!;
        Assert.Equal((8, null), ((int)job["status"]!["succeeded"]!, (int?)job["status"]!["failed"]));
        Assert.True(most <= 2, $"{most} at a time");
        Assert.Equal(8, rig.Pods.Snapshot().Count);
        // the watch of the pods is another one than the answer about the Job
        await rig.HoldsAsync("its finalizer is off", () => rig.Pods.Snapshot().All(pod => pod.View(KubernetesJson.Default.Pod).Metadata.Finalizers is null or { Count: 0 }));
        Assert.Contains("8/8", await rig.KubectlAsync("get", "job", "work"), StringComparison.Ordinal);
        await rig.KubectlAsync("wait", "--for=condition=complete", "job/work", "--timeout=5s");
        await rig.KubectlAsync("delete", "job", "work");
        await rig.HoldsAsync("its pods are gone", () => rig.Pods.Snapshot().Count == 0);
    }

    [Fact]
    public async Task Failures_are_retried_up_to_the_limit_and_the_pods_stay_for_their_logs()
    {
        await using var rig = await WorkloadRig.StartAsync();
        rig.Outcome = _ => Ended("Failed", 1, secondsAgo: 3600); // long ago: no wait between the tries
        await rig.AddNodeAsync("n0");
        await JobAsync(rig, "work", """ "backoffLimit":2, """);
        await rig.HoldsAsync("failed", async () => Condition(await rig.GetAsync(ApiResources.Jobs, "work"), "Failed"));
        var job = (await rig.GetAsync(ApiResources.Jobs, "work"))!;
        Assert.Equal(3, (int)job["status"]!["failed"]!);
        Assert.Equal(3, rig.Pods.Snapshot().Count);
        Assert.Contains("BackoffLimitExceeded", await rig.KubectlAsync("describe", "job", "work"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Each_index_is_run_once_and_knows_its_number()
    {
        await using var rig = await WorkloadRig.StartAsync();
        rig.Outcome = _ => Ended("Succeeded");
        await rig.AddNodeAsync("n0");
        await JobAsync(rig, "work", """ "completions":5,"parallelism":3,"completionMode":"Indexed", """);
        await rig.HoldsAsync("complete", async () => Condition(await rig.GetAsync(ApiResources.Jobs, "work"), "Complete"));
        Assert.Equal("0-4", (string?)(await rig.GetAsync(ApiResources.Jobs, "work"))!["status"]!["completedIndexes"]);
        var pods = rig.Pods.Snapshot().Select(pod => JsonNode.Parse(pod.Json.Span)!).ToList();
        Assert.Equal(["0", "1", "2", "3", "4"], pods.Select(pod => (string)pod["metadata"]!["annotations"]!["batch.kubernetes.io/job-completion-index"]!).Order());
        Assert.All(pods, pod => Assert.Equal("JOB_COMPLETION_INDEX", (string?)pod["spec"]!["containers"]![0]!["env"]![0]!["name"]));
        Assert.Contains(pods, pod => (string?)pod["spec"]!["hostname"] == "work-3");
    }

    [Fact]
    public async Task A_pod_whose_box_lost_contact_is_neither_replaced_nor_run_again()
    {
        await using var rig = await WorkloadRig.StartAsync(new EdgeSync.CloudCore.Controllers.ControllersOptions { NodeMonitorGracePeriod = TimeSpan.FromMilliseconds(500), ResyncPeriod = TimeSpan.FromMilliseconds(500) });
        await rig.AddNodeAsync("n0");
        await rig.AddNodeAsync("n1");
        await JobAsync(rig, "work");
        await rig.HoldsAsync("it runs", async () =>
        {
            // as long as it has no place yet, the nodes must be there, however slow this is
            await HeartbeatAsync(rig, "n0");
            await HeartbeatAsync(rig, "n1");
            return rig.Alive("work").Any(pod => pod.IsReady);
        });
        var pod = rig.Alive("work").Single();
        rig.Away[pod.NodeName] = true;
        await rig.HoldsAsync("the node is unreachable", async () => (await rig.GetAsync(ApiResources.Nodes, pod.NodeName))!["spec"]!["taints"]?.AsArray()
            .Any(taint => (string?)taint!["key"] == "node.kubernetes.io/unreachable" && (string?)taint["effect"] == "NoExecute") == true);
        rig.Away.Clear();
        rig.Outcome = _ => Ended("Succeeded");
        rig.Look();
        await rig.HoldsAsync("complete", async () => Condition(await rig.GetAsync(ApiResources.Jobs, "work"), "Complete"));
        Assert.Equal([pod.Uid], rig.Pods.Snapshot().Select(value => value.Uid));
    }

    [Fact]
    public async Task Suspended_it_waits_and_its_time_after_the_end_takes_it_away()
    {
        await using var rig = await WorkloadRig.StartAsync();
        await rig.AddNodeAsync("n0");
        await JobAsync(rig, "work", """ "suspend":true,"ttlSecondsAfterFinished":1, """);
        await rig.HoldsAsync("suspended", async () => Condition(await rig.GetAsync(ApiResources.Jobs, "work"), "Suspended"));
        Assert.Empty(rig.Pods.Snapshot());
        await rig.PatchAsync(ApiResources.Jobs, "work", """{"spec":{"suspend":false}}""");
        await rig.HoldsAsync("it runs", () => rig.Alive("work").Any(pod => pod.IsReady));
        await rig.PatchAsync(ApiResources.Jobs, "work", """{"spec":{"suspend":true}}""");
        await rig.HoldsAsync("its pod is gone", () => rig.Pods.Snapshot().Count == 0);
        Assert.Null((await rig.GetAsync(ApiResources.Jobs, "work"))!["status"]!["failed"]);
        rig.Outcome = _ => Ended("Succeeded");
        await rig.PatchAsync(ApiResources.Jobs, "work", """{"spec":{"suspend":false}}""");
        await rig.HoldsAsync("it is over and gone", async () => await rig.GetAsync(ApiResources.Jobs, "work") is null && rig.Pods.Snapshot().Count == 0);
    }

    [Fact]
    public async Task Pods_of_a_job_that_was_deleted_alone_are_free_of_its_finalizer()
    {
        await using var rig = await WorkloadRig.StartAsync();
        await rig.AddNodeAsync("n0");
        await JobAsync(rig, "work");
        await rig.HoldsAsync("it runs", () => rig.Alive("work").Any(pod => pod.IsReady));
        await rig.KubectlAsync("delete", "job", "work", "--cascade=orphan");
        await rig.HoldsAsync("the pod is free", () => rig.Pods.Snapshot().Single().View(KubernetesJson.Default.Pod).Metadata is { Finalizers: null or { Count: 0 }, OwnerReferences: null or { Count: 0 } });
        await rig.KubectlAsync("delete", "pod", "-l", "app=work");
        await rig.HoldsAsync("it is gone", () => rig.Pods.Snapshot().Count == 0);
    }

    [Fact]
    public async Task A_cron_job_runs_when_it_is_due_and_by_hand()
    {
        await using var rig = await WorkloadRig.StartAsync();
        rig.Outcome = _ => Ended("Succeeded");
        await rig.AddNodeAsync("n0");
        await rig.KubectlAsync("create", "cronjob", "tick", "--image=i", "--schedule=@every 1s", "--", "true");
        await rig.HoldsAsync("it has run and trimmed its history", async () =>
        {
            var cron = await rig.GetAsync(ApiResources.CronJobs, "tick");
            return cron?["status"]?["lastSuccessfulTime"] is not null && (await rig.ListAsync(ApiResources.Jobs)).Count >= 1;
        });
        await rig.PatchAsync(ApiResources.CronJobs, "tick", """{"spec":{"suspend":true}}""");
        await rig.KubectlAsync("create", "job", "by-hand", "--from=cronjob/tick");
        await rig.HoldsAsync("it is complete", async () => Condition(await rig.GetAsync(ApiResources.Jobs, "by-hand"), "Complete"));
        Assert.Contains("True", await rig.KubectlAsync("get", "cronjob", "tick"), StringComparison.Ordinal);
        await rig.KubectlAsync("delete", "cronjob", "tick");
        await rig.HoldsAsync("all is gone", async () => (await rig.ListAsync(ApiResources.Jobs)).Count == 0 && rig.Pods.Snapshot().Count == 0);
    }

    private static bool Condition(JsonObject? job, string type) => job?["status"]?["conditions"]?.AsArray()
        .Any(condition => (string?)condition!["type"] == type && (string?)condition["status"] == "True") == true;

    private static Task<KubeObject> HeartbeatAsync(WorkloadRig rig, string node) => rig.PatchAsync(
        ApiResources.Nodes, node,
        $$$"""{"status":{"conditions":[{"type":"Ready","status":"True","lastHeartbeatTime":"{{{KubeTime.Format(DateTimeOffset.UtcNow)}}}"}]} }""", "status");

    private static string Ended(string phase, int code = 0, int secondsAgo = 0)
    {
        var at = KubeTime.Format(DateTimeOffset.UtcNow.AddSeconds(-secondsAgo));
        return $$$$"""
            {"phase":"{{{{phase}}}}","containerStatuses":[{"name":"c","image":"i","imageID":"i","ready":false,"restartCount":0,
             "state":{"terminated":{"exitCode":{{{{code}}}},"startedAt":"{{{{at}}}}","finishedAt":"{{{{at}}}}"} } }]}
            """;
    }

    private static Task<KubeObject> JobAsync(WorkloadRig rig, string name, string more = "") => rig.CreateAsync(
        ApiResources.Jobs, $$$$"""
        {"metadata":{"name":"{{{{name}}}}"},
         "spec":{ {{{{more}}}}
           "template":{"metadata":{"labels":{"app":"{{{{name}}}}"}},
             "spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"i"}] } } } }
        """);
}
