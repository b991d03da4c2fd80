using System.Text.Json;
using EdgeSync.CloudCore.Controllers;
using EdgeSync.CloudCore.Controllers.DaemonSets;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Tests.Controllers;

public sealed class DaemonSetDecisionTests
{
    private static readonly DateTimeOffset s_now = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly List<NodeFacts> _nodes = [];
    private readonly List<PodFacts> _pods = [];
    private DaemonSetSpec _spec = new();
    private bool _countsOffline;
    private Func<PodFacts, TimeSpan> _replaceAfter = _ => TimeSpan.Zero;

    [Fact]
    public void Every_fitting_node_without_a_pod_gets_one()
    {
        Nodes(3);
        Pod("n1", "new");
        var plan = Decide();
        Assert.Equal(["n0", "n2"], plan.CreateOn.Select(place => place.Node).Order());
        Assert.Empty(plan.Delete);
        Assert.Equal((3, 1, 1, 2), (plan.Status.DesiredNumberScheduled, plan.Status.CurrentNumberScheduled, plan.Status.NumberReady, plan.Status.NumberUnavailable));
    }

    [Fact]
    public void A_pod_on_its_way_out_keeps_its_successor_waiting()
    {
        Nodes(1);
        Pod("n0", "old", deleting: true);
        Assert.Empty(Decide().CreateOn);
    }

    [Fact]
    public void Pods_on_nodes_that_no_longer_fit_are_deleted()
    {
        _spec = new DaemonSetSpec
        {
            Template = new PodTemplateSpec { Spec = new PodSpec { NodeSelector = new Dictionary<string, string> { ["a"] = "b" } } },
        };
        Nodes(2);
        var pod = Pod("n0", "new");
        var plan = Decide();
        Assert.Equal([pod], plan.Delete);
        Assert.Equal((0, 1), (plan.Status.DesiredNumberScheduled, plan.Status.NumberMisscheduled));
    }

    [Fact]
    public void Of_several_pods_on_a_node_the_ready_one_stays_and_among_equals_the_oldest()
    {
        Nodes(2);
        var oldest = Pod("n0", "new", ready: false, age: 30);
        Pod("n0", "new", ready: true, age: 20);
        var young = Pod("n0", "new", ready: true, age: 10);
        Pod("n1", "new", ready: false, age: 20);
        var younger = Pod("n1", "new", ready: false, age: 10);
        var plan = Decide();
        Assert.Equal(new[] { oldest, young, younger }.Select(pod => pod.Uid).Order(), plan.Delete.Select(pod => pod.Uid).Order());
        Assert.Empty(plan.CreateOn);
    }

    [Fact]
    public void A_failed_pod_is_replaced_when_its_wait_is_over()
    {
        Nodes(1);
        var failed = Pod("n0", "new", phase: "Failed", ready: false);
        Assert.Equal([failed], Decide().Delete);

        _replaceAfter = _ => TimeSpan.FromSeconds(4);
        var plan = Decide();
        Assert.Empty(plan.Delete);
        Assert.Empty(plan.CreateOn);
        Assert.Equal(TimeSpan.FromSeconds(4), plan.LookAgainAfter);
    }

    [Theory]
    [InlineData("1", 1)]
    [InlineData("3", 3)]
    [InlineData("\"25%\"", 3)]
    [InlineData("\"100%\"", 10)]
    [InlineData("0", 1)]
    public void A_rollout_deletes_no_more_than_max_unavailable(string limit, int expected)
    {
        Nodes(10);
        RollingUpdate(maxUnavailable: limit);
        foreach (var node in _nodes)
        {
            Pod(node.Name, "old");
        }

        Assert.Equal(expected, Decide().Delete.Count);
    }

    [Fact]
    public void Nodes_without_an_available_new_pod_count_against_the_limit()
    {
        Nodes(5);
        RollingUpdate(maxUnavailable: "2");
        Pod("n0", "new", ready: false);
        Pod("n1", "old", deleting: true);
        Pod("n2", "old");
        Pod("n3", "old");
        Pod("n4", "new");
        Assert.Empty(Decide().Delete);
    }

    [Fact]
    public void Old_pods_that_serve_nobody_are_replaced_beyond_the_limit()
    {
        Nodes(4);
        RollingUpdate(maxUnavailable: "1");
        var dead = new[] { Pod("n0", "old", ready: false), Pod("n1", "old", ready: false) };
        Pod("n2", "old");
        Pod("n3", "old");
        Assert.Equal(dead.Select(pod => pod.Uid).Order(), Decide().Delete.Select(pod => pod.Uid).Order());
    }

    [Fact]
    public void By_the_annotation_nodes_that_are_away_count_as_in_kubernetes()
    {
        Nodes(3);
        RollingUpdate(maxUnavailable: "1");
        _nodes[0] = _nodes[0] with { Conditions = Ready("Unknown") };
        var away = Pod("n0", "old");
        Pod("n1", "old");
        Pod("n2", "old");
        Assert.DoesNotContain(away, Decide().Delete);
        Assert.Single(Decide().Delete);
        _countsOffline = true;
        // its pod serves nobody, so it is replaced first; and as long as it is not back, nobody else may be missing
        Assert.Equal([away], Decide().Delete);
    }

    [Fact]
    public void Nodes_that_are_away_neither_hold_up_a_rollout_nor_lose_their_pod()
    {
        Nodes(4);
        RollingUpdate(maxUnavailable: "1");
        _nodes[0] = _nodes[0] with { Conditions = Ready("Unknown") };
        _nodes[1] = _nodes[1] with { Conditions = Ready("False") };
        Pod("n0", "old", ready: false);
        Pod("n1", "old");
        Pod("n2", "new");
        var last = Pod("n3", "old");
        Assert.Equal([last], Decide().Delete);
    }

    [Fact]
    public void Nodes_that_are_away_are_told_by_what_they_wait_for_and_are_not_counted_as_wanted()
    {
        Nodes(6);
        foreach (var i in new[] { 0, 1, 2, 3 })
        {
            _nodes[i] = _nodes[i] with { Conditions = Ready("Unknown"), Taints = [new Taint { Key = "node.kubernetes.io/unreachable", Effect = "NoSchedule" }] };
        }

        Pod("n0", "old");
        Pod("n1", "old", ready: false);
        Pod("n2", "new");
        Pod("n4", "new");
        Pod("n5", "new");
        var plan = Decide();
        Assert.Equal(new OfflineNodes(Old: 2, Empty: 1), plan.Offline);
        Assert.Equal((2, 2, 3), (plan.Status.DesiredNumberScheduled, plan.Status.UpdatedNumberScheduled, plan.Status.NumberMisscheduled));
        Assert.Empty(plan.CreateOn);

        // what tolerates everything is counted alike, but belongs there, and gets its pod to wait there
        _spec = new DaemonSetSpec { Template = new PodTemplateSpec { Spec = new PodSpec { Tolerations = [new Toleration { Operator = "Exists" }] } } };
        plan = Decide();
        Assert.Equal(new OfflineNodes(Old: 2, Empty: 0), plan.Offline);
        Assert.Equal((2, 2, 0), (plan.Status.DesiredNumberScheduled, plan.Status.UpdatedNumberScheduled, plan.Status.NumberMisscheduled));
        Assert.Equal(["n3"], plan.CreateOn.Select(place => place.Node));

        _countsOffline = true;
        plan = Decide();
        Assert.Equal(default, plan.Offline);
        Assert.Equal((6, 3), (plan.Status.DesiredNumberScheduled, plan.Status.UpdatedNumberScheduled));
    }

    [Fact]
    public void On_delete_replaces_nothing_by_itself()
    {
        Nodes(2);
        _spec = _spec with { UpdateStrategy = new DaemonSetUpdateStrategy { Type = "OnDelete" } };
        Pod("n0", "old");
        var plan = Decide();
        Assert.Empty(plan.Delete);
        Assert.Equal([new DaemonPodPlace("n1", "")], plan.CreateOn);
        Assert.Equal(0, plan.Status.UpdatedNumberScheduled);
    }

    [Fact]
    public void With_surge_new_pods_come_beside_old_ones_up_to_the_limit()
    {
        Nodes(4);
        RollingUpdate(maxSurge: "2", maxUnavailable: "0");
        foreach (var node in _nodes)
        {
            Pod(node.Name, "old");
        }

        Pod("n0", "new", ready: false);
        var plan = Decide();
        Assert.Empty(plan.Delete);
        Assert.Single(plan.CreateOn);
        Assert.Equal(new DaemonPodPlace("n1", "u0001"), plan.CreateOn[0]);
    }

    [Fact]
    public void With_surge_the_old_pod_goes_when_the_new_one_is_available()
    {
        Nodes(2);
        _spec = _spec with { MinReadySeconds = 10 };
        RollingUpdate(maxSurge: "1", maxUnavailable: "0");
        var replaced = Pod("n0", "old");
        Pod("n0", "new", readyFor: 11);
        Pod("n1", "old");
        Pod("n1", "new", readyFor: 4);
        var plan = Decide();
        Assert.Equal([replaced], plan.Delete);
        Assert.Equal(TimeSpan.FromSeconds(6), plan.LookAgainAfter);
    }

    [Fact]
    public void With_surge_an_old_pod_that_is_not_ready_goes_at_once()
    {
        Nodes(1);
        RollingUpdate(maxSurge: "1", maxUnavailable: "0");
        var old = Pod("n0", "old", ready: false);
        Pod("n0", "new", ready: false);
        Assert.Equal([old], Decide().Delete);
    }

    [Theory]
    [InlineData("\"34%\"", 2)]
    [InlineData("\"1%\"", 1)]
    [InlineData("\"100%\"", 4)]
    public void With_surge_a_share_is_of_the_wanted_pods_rounded_up(string share, int expected)
    {
        Nodes(4);
        RollingUpdate(maxSurge: share, maxUnavailable: "0");
        foreach (var node in _nodes)
        {
            Pod(node.Name, "old");
        }

        var plan = Decide();
        Assert.Empty(plan.Delete);
        Assert.Equal(expected, plan.CreateOn.Count);
    }

    [Fact]
    public void With_surge_old_pods_that_serve_nobody_get_their_successors_beyond_the_limit()
    {
        Nodes(4);
        RollingUpdate(maxSurge: "1", maxUnavailable: "0");
        Pod("n0", "old");
        Pod("n0", "new", ready: false);
        Pod("n1", "old");
        var broken = new[] { Pod("n2", "old", ready: false), Pod("n3", "old", ready: false) };
        var plan = Decide();
        Assert.Empty(plan.Delete);
        Assert.Equal(broken.Select(pod => new DaemonPodPlace(pod.NodeName, pod.Uid)), plan.CreateOn);
    }

    [Fact]
    public void With_surge_a_new_pod_that_is_available_makes_room_for_the_next_and_the_status_counts_the_older()
    {
        Nodes(3);
        RollingUpdate(maxSurge: "1", maxUnavailable: "0");
        var replaced = Pod("n0", "old");
        Pod("n0", "new", age: 10);
        var next = Pod("n1", "old");
        Pod("n2", "new");
        var plan = Decide();
        Assert.Equal([replaced], plan.Delete);
        Assert.Equal([new DaemonPodPlace("n1", next.Uid)], plan.CreateOn);
        Assert.Equal((3, 1, 3), (plan.Status.DesiredNumberScheduled, plan.Status.UpdatedNumberScheduled, plan.Status.NumberAvailable));
    }

    [Fact]
    public void With_surge_of_several_old_and_several_new_pods_one_each_is_kept()
    {
        Nodes(1);
        RollingUpdate(maxSurge: "1", maxUnavailable: "0");
        Pod("n0", "old", age: 60);
        Pod("n0", "new", ready: false, age: 30);
        var surplus = new[] { Pod("n0", "new", ready: false, age: 20), Pod("n0", "old", age: 50) };
        Assert.Equal(surplus, Decide().Delete.OrderBy(pod => pod.Uid));
    }

    [Fact]
    public void With_surge_a_pod_on_its_way_out_is_none_that_a_new_one_stands_beside()
    {
        Nodes(1);
        RollingUpdate(maxSurge: "1", maxUnavailable: "0");
        Pod("n0", "old", deleting: true);
        Assert.Empty(Decide().CreateOn);
    }

    [Fact]
    public void Status_counts_what_is_updated_ready_and_available()
    {
        Nodes(4);
        _spec = _spec with { MinReadySeconds = 10 };
        RollingUpdate(maxUnavailable: "1");
        Pod("n0", "new", readyFor: 20);
        Pod("n1", "new", readyFor: 5);
        Pod("n2", "new", ready: false);
        Pod("n3", "old", readyFor: 20);
        Assert.Equal(
            new DaemonSetStatus
            {
                DesiredNumberScheduled = 4,
                CurrentNumberScheduled = 4,
                NumberReady = 3,
                NumberAvailable = 2,
                NumberUnavailable = 2,
                UpdatedNumberScheduled = 3,
            },
            Decide().Status);
    }

    [Fact]
    public void Whatever_the_state_no_plan_puts_two_current_pods_on_a_node_or_empties_more_than_it_may()
    {
        for (var seed = 0; seed < 3000; seed++)
        {
            var random = new Random(seed);
            _nodes.Clear();
            _pods.Clear();
            Nodes(random.Next(1, 8));
            var limit = random.Next(0, 4);
            RollingUpdate(maxSurge: random.Next(2) == 0 ? "0" : "2", maxUnavailable: $"{limit}");
            foreach (var node in _nodes)
            {
                for (var i = random.Next(0, 4); i > 0; i--)
                {
                    Pod(
                        node.Name, random.Next(2) == 0 ? "new" : "old", random.Next(2) == 0, random.Next(100),
                        random.Next(4) == 0, random.Next(6) == 0 ? "Failed" : "Running");
                }
            }

            var plan = Decide();
            foreach (var (node, _) in plan.CreateOn)
            {
                Assert.DoesNotContain(_pods, pod => pod.NodeName == node && pod is { IsDeleting: false, IsTerminal: false } && pod.Labels.Values.Contains("new"));
            }

            Assert.Equal(plan.CreateOn.Count, plan.CreateOn.Select(place => place.Node).Distinct().Count());
            Assert.All(plan.Delete, pod => Assert.False(pod.IsDeleting));
            var emptied = _nodes.Count(node =>
                _pods.Any(pod => Serves(pod, node)) && !_pods.Any(pod => Serves(pod, node) && !plan.Delete.Contains(pod)));
            Assert.InRange(emptied, 0, Math.Max(1, limit));
        }
    }

    [Fact]
    public void A_plan_for_five_thousand_nodes_is_made_in_an_instant()
    {
        Nodes(5000);
        RollingUpdate(maxUnavailable: "\"10%\"");
        foreach (var node in _nodes)
        {
            Pod(node.Name, "old");
        }

        var clock = System.Diagnostics.Stopwatch.StartNew();
        Assert.Equal(500, Decide().Delete.Count);
        // some 10 ms; the limit only catches a walk of all pods for each node
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 2);
    }

    private static bool Serves(PodFacts pod, NodeFacts node) =>
        pod.NodeName == node.Name && pod is { IsReady: true, IsDeleting: false, IsTerminal: false };

    private static Condition[] Ready(string status) => [new Condition { Type = "Ready", Status = status }];

    private DaemonSetPlan Decide() => DaemonSetDecision.Decide(new DaemonSetState
    {
        Spec = _spec,
        Hash = "new",
        Nodes = _nodes,
        Pods = _pods.GroupBy(pod => pod.NodeName).ToDictionary(group => group.Key, group => (IReadOnlyList<PodFacts>)[.. group]),
        Now = s_now,
        ReplaceAfter = _replaceAfter,
        CountsOffline = _countsOffline,
    });

    private void Nodes(int count) =>
        _nodes.AddRange(Enumerable.Range(0, count).Select(i => new NodeFacts { Name = $"n{i}", Conditions = Ready("True") }));

    private void RollingUpdate(string? maxSurge = null, string? maxUnavailable = null) => _spec = _spec with
    {
        UpdateStrategy = new DaemonSetUpdateStrategy
        {
            Type = "RollingUpdate",
            RollingUpdate = new RollingUpdateDaemonSet { MaxSurge = Json(maxSurge), MaxUnavailable = Json(maxUnavailable) },
        },
    };

    private static JsonElement? Json(string? text) => text is null ? null : JsonElement.Parse(text);

    private PodFacts Pod(
        string node, string hash, bool ready = true, int age = 60, bool deleting = false, string phase = "Running", int readyFor = 60)
    {
        var pod = new PodFacts
        {
            Name = new NamespacedName("default", $"p{_pods.Count}"),
            Uid = $"u{_pods.Count:D4}",
            NodeName = node,
            Labels = new Dictionary<string, string> { [DaemonPodWriter.HashLabel] = hash },
            Phase = phase,
            IsReady = ready,
            ReadySince = s_now.AddSeconds(-readyFor),
            Created = s_now.AddSeconds(-age),
            IsDeleting = deleting,
        };
        _pods.Add(pod);
        return pod;
    }
}
