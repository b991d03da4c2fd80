using System.Diagnostics;
using System.Text.RegularExpressions;
using EdgeSync.CloudCore.Controllers;
using EdgeSync.CloudCore.Controllers.DaemonSets;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.CloudCore.Tests.KubeApi;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.TestKit;

namespace EdgeSync.CloudCore.Tests.Controllers;

[Collection(EnvtestCollection.Name)]
public sealed partial class DaemonSetControllerTests(EnvtestCluster cluster)
{
    [EnvtestFact]
    public async Task Every_node_gets_one_pod_as_nodes_come_and_go()
    {
        await using var rig = new ControllerRig(cluster);
        await rig.StartAsync();
        await rig.AddNodesAsync(2);
        await rig.ApplyDaemonSetAsync("web");
        await rig.RunsOnAsync(0, 1);
        await rig.AddNodeAsync(2);
        await rig.RunsOnAsync(0, 1, 2);
        await rig.Client.DeleteAsync(ApiResources.Nodes, "", rig.Node(1), null, rig.Ct);
        await rig.RunsOnAsync(0, 2);
        await StatusAsync(rig, "web", status => status is { DesiredNumberScheduled: 2, NumberReady: 2, NumberAvailable: 2, UpdatedNumberScheduled: 2 });

        var pod = rig.PodsNow()[0];
        Assert.Matches("^web-[bcdfghjklmnpqrstvwxz2456789]{5}$", pod.Name.Name);
        var view = rig.Pods.Get(pod.Name)!.View(KubernetesJson.Default.Pod);
        Assert.Equal("web-", view.Metadata.GenerateName);
        Assert.Equal("1", view.Metadata.Labels![DaemonPodWriter.GenerationLabel]);
        Assert.NotEmpty(view.Metadata.Labels[DaemonPodWriter.HashLabel]);
        Assert.True(pod.Controller is { Kind: "DaemonSet", Name: "web", BlockOwnerDeletion: true });
        Assert.Contains(view.Spec.Tolerations, toleration => toleration is { Key: "node.kubernetes.io/unreachable", Effect: "NoExecute" });
    }

    [EnvtestFact]
    public async Task A_deleted_pod_is_made_again_under_another_name()
    {
        await using var rig = new ControllerRig(cluster);
        await rig.StartAsync();
        await rig.AddNodesAsync(1);
        await rig.ApplyDaemonSetAsync("web");
        await rig.RunsOnAsync(0);
        var first = rig.PodsNow()[0];
        await rig.Client.DeleteAsync(ApiResources.Pods, rig.Namespace, first.Name.Name, null, rig.Ct);
        await Eventually.HoldsAsync("the first is gone", () => rig.Pods.Get(first.Name) is null);
        await rig.RunsOnAsync(0);
        Assert.NotEqual(first.Name, rig.PodsNow()[0].Name);
    }

    [EnvtestFact]
    public async Task A_rollout_keeps_to_its_limit_and_kubectl_follows_and_undoes_it()
    {
        await using var rig = new ControllerRig(cluster);
        await rig.StartAsync();
        await rig.AddNodesAsync(5);
        await rig.ApplyDaemonSetAsync("web", "a:1", """ "updateStrategy":{"rollingUpdate":{"maxUnavailable":2}}, """);
        await rig.RunsOnAsync(0, 1, 2, 3, 4);
        await StatusAsync(rig, "web", status => status.NumberAvailable == 5);

        var fewest = 5;
        using (rig.Pods.Subscribe(_ => fewest = Math.Min(fewest, Available(rig))))
        {
            await rig.SetImageAsync("web", "a:2");
            Assert.Contains("successfully rolled out", await KubectlAsync(rig, "rollout", "status", "ds/web", "--timeout=60s"), StringComparison.Ordinal);
        }

        Assert.InRange(fewest, 3, 4);
        Assert.Equal(["a:2"], Images(rig));
        Assert.Equal(2, HistoryRow().Count(await KubectlAsync(rig, "rollout", "history", "ds/web")));
        Assert.Contains("a:1", await KubectlAsync(rig, "rollout", "history", "ds/web", "--revision=1"), StringComparison.Ordinal);
        await KubectlAsync(rig, "rollout", "undo", "ds/web");
        await KubectlAsync(rig, "rollout", "status", "ds/web", "--timeout=60s");
        Assert.Equal(["a:1"], Images(rig));
        // the first revision has become the third: its template is stored once
        Assert.Matches(@"(?m)^3\s", await KubectlAsync(rig, "rollout", "history", "ds/web"));
        Assert.Equal(2, (await RevisionsAsync(rig)).Count);
    }

    [EnvtestFact]
    public async Task Nodes_that_are_away_do_not_hold_up_a_rollout_and_are_updated_when_back()
    {
        await using var rig = new ControllerRig(cluster);
        await rig.StartAsync();
        await rig.AddNodesAsync(4);
        await rig.ApplyDaemonSetAsync("web");
        await rig.RunsOnAsync(0, 1, 2, 3);
        await rig.SetReadyAsync(0, "Unknown");
        await rig.SetReadyAsync(1, "False");
        await Eventually.HoldsAsync("both tainted", () => Taints(rig, 0).Contains("unreachable", StringComparison.Ordinal) && Taints(rig, 1).Contains("not-ready", StringComparison.Ordinal));
        var away = rig.PodsNow().Where(pod => pod.NodeName == rig.Node(0) || pod.NodeName == rig.Node(1)).Select(pod => pod.Uid).ToHashSet();

        await rig.SetImageAsync("web", "a:2");
        await Eventually.HoldsAsync("the two that are here are updated", () => Images(rig, 2, 3).SequenceEqual(["a:2"]) && Available(rig) == 4);
        Assert.Equal(away, rig.PodsNow().Where(pod => away.Contains(pod.Uid) && !pod.IsDeleting).Select(pod => pod.Uid).ToHashSet());
        Assert.Contains("successfully rolled out", await KubectlAsync(rig, "rollout", "status", "ds/web", "--timeout=30s"), StringComparison.Ordinal);

        await rig.SetReadyAsync(0, "True");
        await rig.SetReadyAsync(1, "True");
        await rig.RunsOnAsync(0, 1, 2, 3);
        await Eventually.HoldsAsync("all updated", () => Images(rig).SequenceEqual(["a:2"]));
        await Eventually.HoldsAsync("no taints", () => Taints(rig, 0) == "");
    }

    [EnvtestFact]
    public async Task A_rollout_waits_until_new_pods_have_been_ready_for_long_enough()
    {
        await using var rig = new ControllerRig(cluster);
        await rig.StartAsync();
        await rig.AddNodesAsync(3);
        await rig.ApplyDaemonSetAsync("web", "a:1", """ "minReadySeconds":2, """);
        await rig.RunsOnAsync(0, 1, 2);
        await StatusAsync(rig, "web", status => status.NumberAvailable == 3);
        var clock = Stopwatch.StartNew();
        await rig.SetImageAsync("web", "a:2");
        await Eventually.HoldsAsync("all updated", () => Images(rig).SequenceEqual(["a:2"]), TimeSpan.FromSeconds(60));
        // two waits of 2 s lie between three pods; the API's times are whole seconds
        Assert.True(clock.Elapsed > TimeSpan.FromSeconds(2), $"took only {clock.Elapsed}");
    }

    [EnvtestFact]
    public async Task On_delete_waits_for_the_user()
    {
        await using var rig = new ControllerRig(cluster);
        await rig.StartAsync();
        await rig.AddNodesAsync(2);
        await rig.ApplyDaemonSetAsync("web", "a:1", """ "updateStrategy":{"type":"OnDelete"}, """);
        await rig.RunsOnAsync(0, 1);
        await rig.SetImageAsync("web", "a:2");
        await StatusAsync(rig, "web", status => status is { ObservedGeneration: 2, UpdatedNumberScheduled: null or 0 });
        Assert.Equal(["a:1"], Images(rig));
        var pod = rig.PodsNow().Single(pod => pod.NodeName == rig.Node(0));
        await rig.Client.DeleteAsync(ApiResources.Pods, rig.Namespace, pod.Name.Name, null, rig.Ct);
        await Eventually.HoldsAsync("that one is updated", () => Images(rig, 0).SequenceEqual(["a:2"]) && Images(rig, 1).SequenceEqual(["a:1"]));
    }

    [EnvtestFact]
    public async Task A_failed_pod_is_replaced()
    {
        await using var rig = new ControllerRig(cluster);
        var fail = 2;
        rig.Outcome = _ => Interlocked.Decrement(ref fail) >= 0 ? "Failed" : null;
        await rig.StartAsync();
        await rig.AddNodesAsync(1);
        await rig.ApplyDaemonSetAsync("web");
        await rig.RunsOnAsync(0);
        Assert.True(fail < 0);
    }

    [EnvtestFact]
    public async Task A_DaemonSet_whose_pods_are_refused_shows_it_and_recovers()
    {
        await using var rig = new ControllerRig(cluster);
        await rig.StartAsync();
        await rig.AddNodesAsync(3);
        // admission refuses pods of a priority class that does not exist
        await rig.CreateAsync(ApiResources.DaemonSets, rig.Namespace, $$$"""
            {"metadata":{"name":"web"},"spec":{"selector":{"matchLabels":{"app":"web"} },
             "template":{"metadata":{"labels":{"app":"web"} },
                         "spec":{"nodeSelector":{"run":"{{{rig.Namespace}}}"},"priorityClassName":"none","containers":[{"name":"c","image":"a"}]} } } }
            """);
        await StatusAsync(rig, "web", status => status is { DesiredNumberScheduled: 3, CurrentNumberScheduled: 0, NumberUnavailable: 3 });
        await rig.Client.PatchAsync(
            ApiResources.DaemonSets, rig.Namespace, "web", PatchType.Merge,
            """{"spec":{"template":{"spec":{"priorityClassName":null}}}}"""u8.ToArray(), null, rig.Ct);
        await rig.RunsOnAsync(0, 1, 2);
    }

    private static int Available(ControllerRig rig) => rig.PodsNow().Count(pod => pod is { IsReady: true, IsDeleting: false });

    private static IEnumerable<string> Images(ControllerRig rig, params int[] nodes) => rig.Pods.Snapshot()
        .Where(pod => pod.Namespace == rig.Namespace)
        .Select(pod => pod.View(KubernetesJson.Default.Pod).Spec)
        .Where(spec => nodes.Length == 0 || nodes.Select(rig.Node).Contains(spec.NodeName))
        .Select(spec => spec.Containers[0].Image).Distinct().Order();

    private static string Taints(ControllerRig rig, int node) => string.Join(
        ' ', NodeFacts.Read(rig.Nodes.Get(new NamespacedName("", rig.Node(node)))!).Taints.Select(taint => taint.Key));

    private static async Task<IReadOnlyList<KubeObject>> RevisionsAsync(ControllerRig rig) =>
        (await rig.Client.ListAsync(ApiResources.ControllerRevisions, rig.Namespace, null, rig.Ct)).Items;

    private static Task StatusAsync(ControllerRig rig, string name, Predicate<DaemonSetStatus> expected) =>
        Eventually.HoldsAsync("the status", async () => (await rig.DaemonSetAsync(name)).Status is { } status && expected(status));

    private static async Task<string> KubectlAsync(ControllerRig rig, params string[] arguments)
    {
        var kubectl = Path.Combine(Environment.GetEnvironmentVariable("KUBEBUILDER_ASSETS")!, "kubectl");
        var start = new ProcessStartInfo(kubectl, ["--kubeconfig", rig.Kubeconfig, "-n", rig.Namespace, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["HOME"] = Path.GetDirectoryName(rig.Kubeconfig) }, // what it remembers of an API is of a port, which was another's before
        };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(rig.Ct);
        var errors = await process.StandardError.ReadToEndAsync(rig.Ct);
        await process.WaitForExitAsync(rig.Ct);
        return process.ExitCode == 0 ? await output : throw new InvalidOperationException($"kubectl {string.Join(' ', arguments)}: {await output} {errors}");
    }

    [GeneratedRegex(@"(?m)^\d+\s")]
    private static partial Regex HistoryRow();
}
