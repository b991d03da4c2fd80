using EdgeSync.CloudCore.KubeApi;

namespace EdgeSync.CloudCore.Tests.Controllers.Scheduling;

/// <summary>The scheduler at work on the embedded API: what users see of it.</summary>
public sealed class SchedulerTests
{
    [Fact]
    public async Task A_pod_goes_to_a_node_and_says_so()
    {
        await using var rig = await WorkloadRig.StartAsync();
        await rig.AddNodeAsync("n0");
        await PodAsync(rig, "web");
        await rig.HoldsAsync("it runs", () => rig.Alive("web").Any(pod => pod is { NodeName: "n0", IsReady: true }));
        await rig.HoldsAsync("the event", async () => Messages(await rig.ListAsync(ApiResources.Events)).Contains("Scheduled: Successfully assigned default/web to n0"));
        var pod = (await rig.GetAsync(ApiResources.Pods, "web"))!;
        Assert.Contains(pod["status"]!["conditions"]!.AsArray(), condition => (string?)condition!["type"] == "PodScheduled" && (string?)condition["status"] == "True");
    }

    [Fact]
    public async Task A_pod_without_a_place_says_why_and_goes_when_there_is_one()
    {
        await using var rig = await WorkloadRig.StartAsync();
        await rig.AddNodeAsync("n0", spec: """{"taints":[{"key":"dedicated","value":"gpu","effect":"NoSchedule"}]}""");
        await rig.AddNodeAsync("n1", cpu: "100m");
        await PodAsync(rig, "big", cpu: "2");
        const string why = "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint {dedicated: gpu}. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.";
        await rig.HoldsAsync("it says why", async () =>
        {
            var scheduled = (await rig.GetAsync(ApiResources.Pods, "big"))!["status"]!["conditions"]?.AsArray().FirstOrDefault(c => (string?)c!["type"] == "PodScheduled");
            return scheduled is not null && (string?)scheduled["status"] == "False" && (string?)scheduled["reason"] == "Unschedulable" && (string?)scheduled["message"] == why;
        });
        await rig.HoldsAsync("and as an event", async () => Messages(await rig.ListAsync(ApiResources.Events)).Contains($"FailedScheduling: {why}"));
        Assert.Contains("Pending", await rig.KubectlAsync("get", "pod", "big"), StringComparison.Ordinal);
        await rig.PatchAsync(ApiResources.Nodes, "n0", """{"spec":{"taints":null}}""");
        await rig.HoldsAsync("it runs", () => rig.Alive("big").Any(pod => pod is { NodeName: "n0", IsReady: true }));
    }

    [Fact]
    public async Task Pods_of_other_schedulers_and_gated_ones_are_left_alone()
    {
        await using var rig = await WorkloadRig.StartAsync();
        await rig.AddNodeAsync("n0");
        await PodAsync(rig, "other", more: """ "schedulerName":"mine", """);
        await PodAsync(rig, "gated", more: """ "schedulingGates":[{"name":"a.b/c"}], """);
        await PodAsync(rig, "web");
        await rig.HoldsAsync("ours runs", () => rig.Alive("web").Any(pod => pod.IsReady));
        Assert.False(rig.Alive("other").Single().IsBound || rig.Alive("gated").Single().IsBound);
        Assert.Contains("SchedulingGated", await rig.KubectlAsync("get", "pod", "gated"), StringComparison.Ordinal);
        await rig.PatchAsync(ApiResources.Pods, "gated", """{"spec":{"schedulingGates":null}}""");
        await rig.HoldsAsync("the gate is open", () => rig.Alive("gated").Any(pod => pod.IsReady));
        Assert.DoesNotContain("SchedulingGated", await rig.KubectlAsync("get", "pod", "gated"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_important_pod_takes_the_place_of_one_that_is_less_and_has_no_budget()
    {
        await using var rig = await WorkloadRig.StartAsync();
        await rig.CreateAsync(ApiResource("scheduling.k8s.io", "priorityclasses", "PriorityClass"), "", """{"metadata":{"name":"high"},"value":1000}""");
        await rig.AddNodeAsync("n0", cpu: "1");
        await rig.CreateAsync(ApiResources.PodDisruptionBudgets, """{"metadata":{"name":"kept"},"spec":{"minAvailable":1,"selector":{"matchLabels":{"app":"kept"}}}}""");
        await PodAsync(rig, "low", cpu: "400m");
        await PodAsync(rig, "kept", cpu: "400m");
        await rig.HoldsAsync("they run", () => rig.Alive("low").Concat(rig.Alive("kept")).Count(pod => pod.IsReady) == 2);
        await rig.HoldsAsync("the budget is counted", async () => (int?)(await rig.GetAsync(ApiResources.PodDisruptionBudgets, "kept"))!["status"]?["currentHealthy"] == 1);
        await PodAsync(rig, "vip", cpu: "500m", more: """ "priorityClassName":"high", """);
        await rig.HoldsAsync("the important one runs", () => rig.Alive("vip").Any(pod => pod.IsReady));
        Assert.Empty(rig.Alive("low"));
        Assert.Single(rig.Alive("kept"));
        await rig.HoldsAsync("the event", async () => Messages(await rig.ListAsync(ApiResources.Events)).Any(m => m.StartsWith("Preempted: Preempted by pod ", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Nodes_are_not_given_more_than_they_have_when_many_pods_come_at_once()
    {
        await using var rig = await WorkloadRig.StartAsync();
        for (var i = 0; i < 4; i++)
        {
            await rig.AddNodeAsync($"n{i}", cpu: "1");
        }

        await Task.WhenAll(Enumerable.Range(0, 30).Select(i => PodAsync(rig, $"p{i}", cpu: "200m", app: "many")));
        await rig.HoldsAsync("20 run", () => rig.Alive("many").Count(pod => pod.IsReady) == 20);
        Assert.Equal([5, 5, 5, 5], rig.Alive("many").Where(pod => pod.IsBound).GroupBy(pod => pod.NodeName).Select(group => group.Count()));
        await rig.AddNodeAsync("n4", cpu: "4");
        await rig.HoldsAsync("all run", () => rig.Alive("many").Count(pod => pod.IsReady) == 30);
    }

    [Fact]
    public async Task Daemon_pods_that_do_not_fit_wait_for_room_on_their_node_and_say_so()
    {
        await using var rig = await WorkloadRig.StartAsync();
        await rig.AddNodeAsync("n0", cpu: "1");

        // all at once: what is promised to one that nobody sees yet is not given to the next
        await Task.WhenAll(Enumerable.Range(0, 5).Select(i => DaemonSetAsync(rig, $"d{i}", "300m")));
        await rig.HoldsAsync("three run", () => rig.Alive("daemon").Count(pod => pod.IsReady) == 3);
        await rig.HoldsAsync("two say why", () => rig.Alive("daemon").Count(pod => pod is { IsBound: false, IsUnschedulable: true, NodeName: "n0" }) == 2);
        Assert.Equal(3, rig.Alive("daemon").Count(pod => pod.IsBound));
        await rig.HoldsAsync("in Kubernetes' words", async () =>
            Messages(await rig.ListAsync(ApiResources.Events)).Any(m => m.StartsWith("FailedScheduling: 0/1 nodes are available: 1 Insufficient cpu. preemption:", StringComparison.Ordinal)));
        var fits = rig.Alive("daemon").First(pod => pod.IsBound).Controller!.Name;
        var waits = rig.Alive("daemon").First(pod => !pod.IsBound).Controller!.Name;
        await rig.HoldsAsync("it counts as there and not ready", async () =>
            (await rig.GetAsync(ApiResources.DaemonSets, waits))!["status"] is { } status
            && (int?)status["desiredNumberScheduled"] == 1 && (int?)status["currentNumberScheduled"] == 1 && (int?)status["numberUnavailable"] == 1);

        await rig.KubectlAsync("delete", "daemonset", fits, "--wait=false");
        await rig.HoldsAsync("the room is used", () => rig.Alive("daemon").Count(pod => pod.IsReady) == 3 && rig.Alive("daemon").Count == 4);
        await rig.CreateAsync(ApiResource("scheduling.k8s.io", "priorityclasses", "PriorityClass"), "", """{"metadata":{"name":"high"},"value":1000}""");
        await DaemonSetAsync(rig, "vital", "900m", """ "priorityClassName":"high", """);
        await rig.HoldsAsync("the more important one has it", () => rig.Alive("daemon").Any(pod => pod is { IsReady: true, Controller.Name: "vital" }));
        await rig.HoldsAsync("and the others wait", () => rig.Alive("daemon").Count(pod => pod.IsBound) == 1 && rig.Alive("daemon").Count == 5);
    }

    [Fact]
    public async Task A_gang_waits_until_all_that_it_needs_can_start_together()
    {
        await using var rig = await WorkloadRig.StartAsync();
        await rig.AddNodeAsync("n0", cpu: "1");
        const string member = """ "schedulerName":"volcano", """;
        const string annotations = """ "annotations":{"scheduling.k8s.io/group-name":"train"}, """;
        await PodAsync(rig, "server", cpu: "600m", more: member, metadata: annotations, app: "train");
        await PodAsync(rig, "worker", cpu: "600m", more: member, metadata: annotations, app: "train");
        await rig.HoldsAsync("without their group they wait", async () =>
            Messages(await rig.ListAsync(ApiResources.Events)).Any(m => m.Contains("pod group train was not found", StringComparison.Ordinal)));
        await rig.CreateAsync(ApiResources.PodGroups, """{"apiVersion":"scheduling.volcano.sh/v1beta1","kind":"PodGroup","metadata":{"name":"train"},"spec":{"minMember":2}}""");
        await rig.HoldsAsync("one alone does not start", async () =>
            Messages(await rig.ListAsync(ApiResources.Events)).Any(m => m.Contains("pod group is not ready, 2 Pending, 0 Running, 2 minAvailable", StringComparison.Ordinal)));
        Assert.DoesNotContain(rig.Alive("train"), pod => pod.IsBound);
        await rig.HoldsAsync("the group says why", async () => await GroupAsync(rig) == "Pending 0 Unschedulable: 2/2 tasks in gang unschedulable: pod group is not ready, 2 Pending, 2 minAvailable; Pending: 2 Unschedulable");
        await rig.AddNodeAsync("n1", cpu: "1");
        await rig.HoldsAsync("both run", () => rig.Alive("train").Count(pod => pod.IsReady) == 2);
        await rig.HoldsAsync("the group says so", async () => await GroupAsync(rig) == "Running 2 Scheduled: ");
        Assert.Matches("""(?m)^train +Running +2 +2 +\S+ *$""", await rig.KubectlAsync("get", "podgroup", "train"));
    }

    private static Task<EdgeSync.Protocol.Kubernetes.KubeObject> DaemonSetAsync(WorkloadRig rig, string name, string cpu, string more = "") => rig.CreateAsync(
        ApiResources.DaemonSets, $$$$"""
        {"metadata":{"name":"{{{{name}}}}"},"spec":{"selector":{"matchLabels":{"set":"{{{{name}}}}"} },
         "template":{"metadata":{"labels":{"app":"daemon","set":"{{{{name}}}}"} },
          "spec":{ {{{{more}}}} "containers":[{"name":"c","image":"i","resources":{"limits":{"cpu":"{{{{cpu}}}}"} }}]} } }}
        """);

    // its phase, how many run, and the condition that is True
    private static async Task<string> GroupAsync(WorkloadRig rig)
    {
        var status = (await rig.GetAsync(ApiResources.PodGroups, "train"))!["status"];
        var condition = status?["conditions"]?.AsArray().SingleOrDefault(c => (string?)c!["status"] == "True");
        return $"{status?["phase"]} {status?["running"]} {condition?["type"]}: {condition?["message"]}";
    }

    private static ApiResource ApiResource(string group, string plural, string kind) => new(group, "v1", plural, kind, false);

    private static Task<EdgeSync.Protocol.Kubernetes.KubeObject> PodAsync(WorkloadRig rig, string name, string cpu = "10m", string more = "", string? app = null, string metadata = "") => rig.CreateAsync(
        ApiResources.Pods, $$$$"""
        {"metadata":{"name":"{{{{name}}}}", {{{{metadata}}}} "labels":{"app":"{{{{app ?? name}}}}"}},
         "spec":{ {{{{more}}}} "containers":[{"name":"c","image":"i","resources":{"requests":{"cpu":"{{{{cpu}}}}"}}}]}}
        """);

    private static IEnumerable<string> Messages(IEnumerable<System.Text.Json.Nodes.JsonObject> events) => events.Select(e => $"{e["reason"]}: {e["message"]}");
}
