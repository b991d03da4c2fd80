using EdgeSync.CloudCore.Controllers;
using EdgeSync.CloudCore.Controllers.Scheduling;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Tests.Controllers.Scheduling;

/// <summary>The scheduler's decisions, case by case: pods and nodes in, a node or Kubernetes' words out.</summary>
public sealed class SchedulingRoundTests
{
    private const string Zone = "topology.kubernetes.io/zone";
    private const string Host = "kubernetes.io/hostname";

    private static readonly DateTimeOffset s_epoch = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly List<SchedulingNode> _nodes = [];
    private readonly List<SchedulingPod> _bound = [];
    private readonly List<SchedulingPod> _nominated = [];
    private readonly Dictionary<string, IReadOnlyDictionary<string, string>> _namespaces = [];
    private readonly List<KubeObject> _budgets = [];
    private int? _minMember;
    private Dictionary<string, int> _minTaskMember = [];

    [Fact]
    public void Reasons_are_counted_and_sorted_as_kubernetes_writes_them()
    {
        Node("n0", taint: ("dedicated", "gpu"));
        Node("n1", cpu: 100);
        Node("n2", cpu: 100);
        Assert.Equal(
            "0/3 nodes are available: 1 node(s) had untolerated taint {dedicated: gpu}, 2 Insufficient cpu. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.",
            Why(Pod("p", cpu: 200)));
    }

    [Fact]
    public void Each_filter_says_why()
    {
        Node("n0");
        _nodes[0] = _nodes[0] with { Unschedulable = true };
        Assert.Contains("1 node(s) were unschedulable.", Why(Pod("p")), StringComparison.Ordinal);
        _nodes[0] = _nodes[0] with { Unschedulable = false };
        Assert.Contains("1 node(s) didn't match Pod's node affinity/selector.", Why(Pod("p") with { NodeSelector = Labels(("a", "b")) }), StringComparison.Ordinal);
        _bound.Add(Pod("web") with { NodeName = "n0", Ports = [new HostPort("0.0.0.0", "TCP", 80)] });
        Assert.Contains("1 node(s) didn't have free ports for the requested pod ports.", Why(Pod("p") with { Ports = [new HostPort("10.0.0.1", "TCP", 80)] }), StringComparison.Ordinal);
        Assert.Equal("n0", NodeOf(Pod("p") with { Ports = [new HostPort("10.0.0.1", "UDP", 80)] }));
        _nodes[0] = _nodes[0] with { Allocatable = new Dictionary<string, long> { ["pods"] = 1, ["memory"] = 10 } };
        Assert.StartsWith(
            "0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient example.com/fpga, 1 Insufficient memory, 1 Too many pods.",
            Why(Pod("p") with { Requests = new Dictionary<string, long> { ["cpu"] = 1, ["memory"] = 11, ["example.com/fpga"] = 1 } }), StringComparison.Ordinal);
    }

    [Fact]
    public void Without_nodes_it_says_so() => Assert.Equal("no nodes available to schedule pods", Why(Pod("p")));

    [Fact]
    public void A_cordoned_node_takes_a_pod_that_tolerates_it()
    {
        Node("n0", taint: ("node.kubernetes.io/unschedulable", ""));
        _nodes[0] = _nodes[0] with { Unschedulable = true };
        Assert.Equal("n0", NodeOf(Pod("p") with { Tolerations = [new Toleration { Operator = "Exists" }] }));
    }

    [Fact]
    public void Pods_of_one_round_share_what_is_left()
    {
        Node("n0", cpu: 1000);
        Node("n1", cpu: 1000);
        var results = Run(Pod("a", cpu: 700), Pod("b", cpu: 700), Pod("c", cpu: 700));
        Assert.Equal(["n0", "n1", null], results.Select(result => result.Outcome.Node).OrderBy(node => node ?? "z"));
    }

    [Fact]
    public void More_important_pods_are_placed_first_and_then_older_ones()
    {
        Node("n0", cpu: 1000);
        var results = Run(
            Pod("young", cpu: 600) with { Created = s_epoch.AddSeconds(2) },
            Pod("old", cpu: 600) with { Created = s_epoch },
            Pod("important", cpu: 400) with { Priority = 10, Created = s_epoch.AddSeconds(3) });
        Assert.Equal(["important", "old"], results.Where(result => result.Outcome.Node is not null).Select(result => result.Pod.Name.Name));
    }

    [Fact]
    public void The_emptier_node_is_chosen()
    {
        Node("n0", cpu: 1000);
        Node("n1", cpu: 1000);
        _bound.Add(Pod("busy", cpu: 500) with { NodeName = "n0" });
        Assert.Equal("n1", NodeOf(Pod("p", cpu: 100)));
    }

    [Fact]
    public void Preferred_terms_weigh_more_than_a_little_load()
    {
        Node("n0", cpu: 1000, labels: [("disk", "ssd")]);
        Node("n1", cpu: 1000);
        _bound.Add(Pod("busy", cpu: 300) with { NodeName = "n0" });
        var term = new PreferredNodeTerm { Weight = 1, Preference = new NodeSelectorTerm { MatchExpressions = [Requirement("disk", "ssd")] } };
        var affinity = new SchedulingAffinity { NodeAffinity = new SchedulingNodeAffinity { PreferredDuringSchedulingIgnoredDuringExecution = [term] } };
        Assert.Equal("n0", NodeOf(Pod("p", cpu: 100) with { Affinity = affinity }));
    }

    [Fact]
    public void A_preferred_taint_is_avoided_while_there_is_another_node()
    {
        Node("n0");
        Node("n1", taint: ("slow", ""), effect: "PreferNoSchedule");
        Assert.Equal("n0", NodeOf(Pod("p")));
        _nodes.RemoveAt(0);
        Assert.Equal("n1", NodeOf(Pod("p")));
    }

    [Fact]
    public void Pods_that_want_to_be_apart_are_kept_apart_by_either_ones_rule()
    {
        Node("n0");
        Node("n1");
        var alone = Pod("a", labels: ("app", "db")) with { Affinity = Apart("db") };
        _bound.Add(alone with { NodeName = "n0" });
        Assert.Equal("n1", NodeOf(Pod("b", labels: ("app", "db"))));
        _bound.Add(Pod("c", labels: ("app", "db")) with { NodeName = "n1" });
        Assert.StartsWith("0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules.", Why(Pod("d", labels: ("app", "web")) with { Affinity = Apart("db") }), StringComparison.Ordinal);
        _bound[1] = _bound[1] with { Affinity = Apart("db") };
        Assert.StartsWith("0/2 nodes are available: 2 node(s) didn't satisfy existing pods anti-affinity rules.", Why(Pod("e", labels: ("app", "db"))), StringComparison.Ordinal);
    }

    [Fact]
    public void The_first_of_a_set_that_wants_to_be_together_goes_anywhere_and_the_rest_follows()
    {
        Node("n0", labels: [(Zone, "a")]);
        Node("n1", labels: [(Zone, "b")]);
        Node("n2", labels: [(Zone, "b")]);
        var term = new PodAffinityTerm { TopologyKey = Zone, LabelSelector = Selector("set") };
        var together = new SchedulingAffinity { PodAffinity = new PodAffinityRules { RequiredDuringSchedulingIgnoredDuringExecution = [term] } };
        var results = Run([.. Enumerable.Range(0, 4).Select(i => Pod($"p{i}", labels: ("app", "set")) with { Affinity = together })]);
        Assert.Single(results.Select(result => _nodes.Find(node => node.Name == result.Outcome.Node)!.Labels[Zone]).Distinct());
        Assert.StartsWith(
            "0/3 nodes are available: 3 node(s) didn't match pod affinity rules.", Why(Pod("other") with { Affinity = together }), StringComparison.Ordinal);
    }

    [Fact]
    public void Spread_over_zones_keeps_to_its_skew()
    {
        Node("n0", labels: [(Zone, "a")]);
        Node("n1", labels: [(Zone, "b")]);
        Node("n2");
        var spread = new SpreadConstraint { MaxSkew = 1, TopologyKey = Zone, LabelSelector = Selector("web") };
        SchedulingPod Web(string name) => Pod(name, labels: ("app", "web")) with { Spread = [spread] };
        var results = Run(Web("a"), Web("b"), Web("c"), Web("d"));
        Assert.Equal(["n0", "n0", "n1", "n1"], results.Select(result => result.Outcome.Node).Order());
        _bound.Add(Web("x") with { NodeName = "n0" });
        _nodes[1] = _nodes[1] with { Unschedulable = true };
        Assert.StartsWith(
            "0/3 nodes are available: 1 node(s) didn't match pod topology spread constraints, 1 node(s) didn't match pod topology spread constraints (missing required label), 1 node(s) were unschedulable.",
            Why(Web("y")), StringComparison.Ordinal);
    }

    [Fact]
    public void Fewer_domains_than_are_asked_for_count_as_empty_ones()
    {
        Node("n0", labels: [(Host, "n0")]);
        var spread = new SpreadConstraint { MaxSkew = 1, TopologyKey = Host, LabelSelector = Selector("web"), MinDomains = 2 };
        _bound.Add(Pod("x", labels: ("app", "web")) with { NodeName = "n0" });
        Assert.Contains("topology spread", Why(Pod("y", labels: ("app", "web")) with { Spread = [spread] }), StringComparison.Ordinal);
        Assert.Equal("n0", NodeOf(Pod("y", labels: ("app", "web")) with { Spread = [spread with { MinDomains = null }] }));
    }

    [Fact]
    public void Pods_of_one_controller_are_spread_without_being_asked()
    {
        Node("n0");
        Node("n1");
        Node("n2");
        var results = Run([.. Enumerable.Range(0, 6).Select(i => Pod($"p{i}") with { Controller = "rs" })]);
        Assert.Equal(["n0", "n0", "n1", "n1", "n2", "n2"], results.Select(result => result.Outcome.Node).Order());
    }

    [Fact]
    public void The_least_important_pods_make_room_where_least_is_lost()
    {
        Node("n0", cpu: 1000);
        Node("n1", cpu: 1000);
        Node("n2", cpu: 1000, taint: ("no", ""));
        _bound.Add(Pod("high", cpu: 900) with { NodeName = "n0", Priority = 50 });
        _bound.Add(Pod("low", cpu: 500) with { NodeName = "n1", Priority = 1 });
        _bound.Add(Pod("low-small", cpu: 100) with { NodeName = "n1", Priority = 0 });
        _bound.Add(Pod("same", cpu: 300) with { NodeName = "n1", Priority = 100 });
        var result = Assert.Single(Run(Pod("vip", cpu: 600) with { Priority = 100 }));
        Assert.Equal(("n1", "low"), (result.Outcome.Preemption!.Node, string.Join(' ', result.Outcome.Preemption.Victims.Select(victim => victim.Name.Name))));
        Assert.Null(Assert.Single(Run(Pod("vip", cpu: 600) with { Priority = 100, MayPreempt = false })).Outcome.Preemption);
        Assert.EndsWith("preemption: not eligible due to preemptionPolicy=Never.", Why(Pod("vip", cpu: 600) with { Priority = 100, MayPreempt = false }), StringComparison.Ordinal);
        Assert.EndsWith(
            "preemption: 0/3 nodes are available: 1 Preemption is not helpful for scheduling, 2 No preemption victims found for incoming pod.",
            Why(Pod("poor", cpu: 600)), StringComparison.Ordinal);
    }

    [Fact]
    public void The_pod_whose_budget_allows_it_goes_though_it_is_the_more_important_one()
    {
        Node("n0", cpu: 1000);
        _bound.Add(Pod("kept", cpu: 500, labels: ("app", "db")) with { NodeName = "n0", Priority = 1 });
        _bound.Add(Pod("free", cpu: 500) with { NodeName = "n0", Priority = 2 });
        Assert.Equal("n0: kept", Plan(Vip("vip", cpu: 500)));
        Budget("db", allowed: 0);
        Assert.Equal("n0: free", Plan(Vip("vip", cpu: 500)));
        // no absolute limit: where nothing else helps, it goes too; the victims are the most important first
        Assert.Equal("n0: free kept !1", Plan(Vip("vip", cpu: 1000)));
    }

    [Fact]
    public void The_node_with_the_fewest_broken_budgets_is_taken_whatever_else_is_lost_there()
    {
        Node("n0", cpu: 1000);
        Node("n1", cpu: 1000);
        _bound.Add(Pod("db", cpu: 1000, labels: ("app", "db")) with { NodeName = "n0" });
        _bound.Add(Pod("web", cpu: 500) with { NodeName = "n1", Priority = 50 });
        _bound.Add(Pod("web-2", cpu: 500) with { NodeName = "n1", Priority = 50 });
        Assert.Equal("n0: db", Plan(Vip("vip", cpu: 1000)));
        Budget("db", allowed: 0);
        Assert.Equal("n1: web web-2", Plan(Vip("vip", cpu: 1000)));
        Assert.Equal("n1: web web-2", Plan(Vip("vip", cpu: 1000)));
    }

    [Theory]
    [InlineData(2, "", false, "n0: a b")]
    [InlineData(1, "", false, "n0: a b !1")]
    [InlineData(1, "a", false, "n0: a b")]
    [InlineData(0, "a", false, "n0: a b !1")]
    [InlineData(1, "", true, "n0: a b")]
    [InlineData(0, "", true, "n0: a b !1")]
    public void A_budget_allows_so_many_pods_beside_those_that_were_evicted_or_go_already(int allowed, string evicted, bool going, string plan)
    {
        Node("n0", cpu: 1000);
        _bound.Add(Pod("a", cpu: 500, labels: ("app", "db")) with { NodeName = "n0", IsDeleting = going });
        _bound.Add(Pod("b", cpu: 500, labels: ("app", "db")) with { NodeName = "n0" });
        Budget("db", allowed, evicted);
        Assert.Equal(plan, Plan(Vip("vip", cpu: 1000)));
    }

    [Fact]
    public void Budgets_of_other_namespaces_and_of_other_pods_forbid_nothing()
    {
        Node("n0", cpu: 1000);
        _bound.Add(Pod("db", cpu: 1000, labels: ("app", "db")) with { NodeName = "n0" });
        Budget("web", allowed: 0);
        Budget("db", allowed: 0, ns: "other");
        Assert.Equal("n0: db", Plan(Vip("vip", cpu: 1000)));
    }

    [Fact]
    public void What_one_removal_takes_of_a_budget_the_next_one_of_the_round_has_not()
    {
        Node("n0", cpu: 1000);
        Node("n1", cpu: 1000);
        Node("n2", cpu: 1000);
        _bound.Add(Pod("db-0", cpu: 1000, labels: ("app", "db")) with { NodeName = "n0" });
        _bound.Add(Pod("db-1", cpu: 1000, labels: ("app", "db")) with { NodeName = "n1" });
        _bound.Add(Pod("web", cpu: 1000) with { NodeName = "n2", Priority = 50 });
        Budget("db", allowed: 1);
        var results = Run(Vip("first", cpu: 1000) with { NodeSelector = Labels(("name", "n1")) }, Vip("second", cpu: 1000) with { Created = s_epoch.AddSeconds(1) });
        // n1 costs the second one no more: its pod goes already
        Assert.Equal(["n1", "n1"], results.Select(result => result.Outcome.Preemption!.Node));
    }

    [Fact]
    public void A_gang_without_a_place_takes_nothing_of_a_budget()
    {
        _minMember = 2;
        Node("n0", cpu: 1000);
        Node("n1", cpu: 1000);
        _bound.Add(Pod("db-0", cpu: 1000, labels: ("app", "db")) with { NodeName = "n0" });
        _bound.Add(Pod("db-1", cpu: 1000, labels: ("app", "db")) with { NodeName = "n1" });
        Budget("db", allowed: 1);
        SchedulingPod OnFirst(string name) => Gang(name, 1000) with { Priority = 100, NodeSelector = Labels(("name", "n0")) };
        var vip = Vip("vip", cpu: 1000) with { Created = s_epoch.AddSeconds(1), NodeSelector = Labels(("name", "n1")) };
        var results = Run(OnFirst("a"), OnFirst("b"), vip);
        Assert.All(results.Take(2), result => Assert.Null(result.Outcome.Preemption));
        Assert.Equal(("n1", 0), (results[2].Outcome.Preemption!.Node, results[2].Outcome.Preemption!.Violations));
    }

    [Fact]
    public void Room_that_is_being_made_is_not_given_to_a_lesser_pod()
    {
        Node("n0", cpu: 1000);
        var vip = Pod("vip", cpu: 900) with { Priority = 100, NominatedNode = "n0" };
        _nominated.Add(vip);
        Assert.Null(Assert.Single(Run(Pod("other", cpu: 200))).Outcome.Node);
        Assert.Equal("n0", NodeOf(vip));
        Assert.Equal("n0", NodeOf(Pod("other", cpu: 200) with { Priority = 101 }));
        _bound.Add(Pod("going", cpu: 500) with { NodeName = "n0", IsDeleting = true });
        var waiting = Assert.Single(Run(vip)).Outcome;
        Assert.True(waiting.KeepsNomination);
        Assert.EndsWith("preemption: not eligible due to a terminating pod on the nominated node.", waiting.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(3, 0, 0)]
    [InlineData(2, 0, 2)]
    [InlineData(3, 1, 2)]
    [InlineData(null, 0, 0)]
    public void A_gang_starts_whole_or_not_at_all(int? minMember, int started, int placed)
    {
        _minMember = minMember;
        Node("n0", cpu: 2000);
        for (var i = 0; i < started; i++)
        {
            _bound.Add(Gang($"s{i}", cpu: 0) with { NodeName = "n0" });
        }

        var results = Run(Gang("a", 1000), Gang("b", 1000), Gang("c", 1000), Pod("single", cpu: 500) with { Created = s_epoch.AddSeconds(9) });
        Assert.Equal(placed, results.Count(result => result.Pod.Group.Length > 0 && result.Outcome.Node is not null));
        // what a gang does not take is there for others
        Assert.Equal(placed == 0, results.Single(result => result.Pod.Name.Name == "single").Outcome.Node is not null);
    }

    [Fact]
    public void A_gang_has_what_each_of_its_tasks_must_have_before_it_has_more()
    {
        (_minMember, _minTaskMember) = (3, new() { ["server"] = 1, ["worker"] = 2 });
        Node("n0", cpu: 3000);
        var results = Run(Gang("w0", 1000, task: "worker"), Gang("w1", 1000, task: "worker"), Gang("w2", 1000, task: "worker"), Gang("x", 1000, task: "server"));
        Assert.Equal(["w0", "w1", "x"], results.Where(result => result.Outcome.Node is not null).Select(result => result.Pod.Name.Name).Order());
        results = Run(Gang("w0", 1000, task: "worker"), Gang("w1", 1000, task: "worker"), Gang("w2", 1000, task: "worker"));
        Assert.DoesNotContain(results, result => result.Outcome.Node is not null);
        _bound.Add(Gang("x", 0, task: "server") with { NodeName = "n0" });
        Assert.Equal(2, Run(Gang("w0", 1000, task: "worker"), Gang("w1", 1000, task: "worker")).Count(result => result.Outcome.Node is not null));
    }

    [Fact]
    public void Two_gangs_do_not_lock_each_other_out()
    {
        _minMember = 2;
        Node("n0", cpu: 3000);
        var results = Run(Gang("a0", 1000, "a"), Gang("b0", 1000, "b"), Gang("a1", 1000, "a"), Gang("b1", 1000, "b"));
        Assert.Equal(["a0", "a1"], results.Where(result => result.Outcome.Node is not null).Select(result => result.Pod.Name.Name).Order());
    }

    [Fact]
    public void Requests_are_summed_up_as_kubernetes_does_it()
    {
        var pod = SchedulingPod.Read(KubeObject.Parse(System.Text.Encoding.UTF8.GetBytes("""
            {"kind":"Pod","apiVersion":"v1","metadata":{"name":"p","namespace":"default","uid":"u"},"spec":{
             "overhead":{"cpu":"10m"},
             "initContainers":[{"resources":{"requests":{"cpu":"1","memory":"1Gi"}}},
                               {"restartPolicy":"Always","resources":{"requests":{"cpu":"200m"}}},
                               {"resources":{"requests":{"cpu":"900m"}}}],
             "containers":[{"resources":{"requests":{"cpu":"300m","memory":"64Mi"}},"ports":[{"containerPort":80,"hostPort":8080}]},
                           {"resources":{"requests":{"cpu":0.5}}}]}}
            """)));
        // 900m beside the sidecar's 200m is more than 300m, 500m and the sidecar
        Assert.Equal((1110L, 1L << 30), (pod.Requests["cpu"], pod.Requests["memory"]));
        Assert.Equal([new HostPort("0.0.0.0", "TCP", 8080)], pod.Ports);
    }

    [Fact]
    public void Claims_hold_a_pod_back_until_they_are_bound_and_keep_it_where_their_volume_is()
    {
        Node("n0", labels: [(Host, "n0")]);
        Node("n1", labels: [(Host, "n1")]);
        var objects = new Dictionary<string, string>();
        var places = new ClaimPlaces(name => Find("PersistentVolumeClaim", name.Name), name => Find("PersistentVolume", name));
        var pod = Pod("p") with { Claims = ["data"] };
        Assert.StartsWith("0/2 nodes are available: persistentvolumeclaim \"data\" not found. preemption:", Run(places, pod).Message, StringComparison.Ordinal);
        objects["data"] = """ "spec":{},"status":{"phase":"Pending"} """;
        Assert.Contains("pod has unbound immediate PersistentVolumeClaims", Run(places, pod).Message, StringComparison.Ordinal);
        objects["data"] = """ "spec":{"volumeName":"disk"},"status":{"phase":"Bound"} """;
        objects["disk"] = """ "spec":{"nodeAffinity":{"required":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"kubernetes.io/hostname","operator":"In","values":["n1"]}]}]}}} """;
        Assert.Equal("n1", Run(places, pod).Node);
        _nodes.RemoveAt(1);
        Assert.Contains("1 node(s) had volume node affinity conflict", Run(places, pod).Message, StringComparison.Ordinal);

        KubeObject? Find(string kind, string name) => objects.TryGetValue(name, out var body)
            ? KubeObject.Parse(System.Text.Encoding.UTF8.GetBytes($$$"""{"kind":"{{{kind}}}","metadata":{"name":"{{{name}}}"},{{{body}}}}"""))
            : null;
    }

    private PlacementOutcome Run(ClaimPlaces places, SchedulingPod pod) =>
        Assert.Single(SchedulingRound.Run(State([pod]) with { Volumes = places.Of })).Outcome;

    private string Why(SchedulingPod pod) => Assert.Single(Run(pod)).Outcome is { Node: null } outcome ? outcome.Message : "it has a node";

    [Theory]
    [InlineData("Gt", "2", "n3")]
    [InlineData("Lt", "2", "n1")]
    [InlineData("DoesNotExist", null, "n0")]
    [InlineData("NotIn", "1,3", "n0")]
    public void Node_affinity_compares_numbers_and_knows_what_is_not_there(string comparison, string? values, string expected)
    {
        Node("n0");
        Node("n1", labels: [("disks", "1")]);
        Node("n3", labels: [("disks", "3")]);
        var requirement = new SelectorRequirement { Key = "disks", Operator = comparison, Values = values?.Split(',') };
        Assert.Equal(expected, NodeOf(Pod("p") with
        {
            Affinity = new SchedulingAffinity
            {
                NodeAffinity = new SchedulingNodeAffinity
                {
                    RequiredDuringSchedulingIgnoredDuringExecution = new NodeSelector { NodeSelectorTerms = [new NodeSelectorTerm { MatchExpressions = [requirement] }] },
                },
            },
        }));
    }

    [Fact]
    public void Pods_of_namespaces_with_a_label_are_kept_away_from()
    {
        Node("n0");
        Node("n1");
        SchedulingPod Apart(LabelSelector? namespaces) => Pod("p") with
        {
            Affinity = new SchedulingAffinity
            {
                PodAntiAffinity = new PodAffinityRules
                {
                    RequiredDuringSchedulingIgnoredDuringExecution = [new PodAffinityTerm { TopologyKey = "name", LabelSelector = Selector("db"), NamespaceSelector = namespaces }],
                },
            },
        };
        _namespaces["theirs"] = Labels(("team", "a"));
        _bound.Add(Pod("db", labels: ("app", "db")) with { Name = new NamespacedName("theirs", "db"), NodeName = "n0" });
        Assert.Equal("n1", NodeOf(Apart(new LabelSelector { MatchLabels = Labels(("team", "a")) })));
        Assert.Equal("n1", NodeOf(Apart(new LabelSelector())));
        _nodes.RemoveAt(1);
        Assert.Null(NodeOf(Apart(new LabelSelector())));
        Assert.Equal("n0", NodeOf(Apart(new LabelSelector { MatchLabels = Labels(("team", "b")) })));
        Assert.Equal("n0", NodeOf(Apart(null)));
    }

    [Fact]
    public void Spread_by_a_label_key_counts_each_version_of_the_pods_by_itself()
    {
        Node("n0", labels: [("zone", "a")]);
        Node("n1", labels: [("zone", "b")]);
        SchedulingPod Of(string name, string version) => Pod(name) with
        {
            Labels = Labels(("app", "db"), ("version", version)),
            Spread = [new SpreadConstraint { TopologyKey = "zone", MaxSkew = 1, WhenUnsatisfiable = "DoNotSchedule", LabelSelector = Selector("db"), MatchLabelKeys = ["version"] }],
        };
        _bound.Add(Of("old-0", "1") with { NodeName = "n0" });
        _bound.Add(Of("old-1", "1") with { NodeName = "n0" });
        _bound.Add(Of("new-0", "2") with { NodeName = "n1" });
        // the old ones would keep it out of n0
        Assert.Equal("n0", NodeOf(Of("new-1", "2")));
        Assert.Equal("n1", NodeOf(Of("old-2", "1")));
    }

    private string? NodeOf(SchedulingPod pod) => Assert.Single(Run(pod)).Outcome.Node;

    private IReadOnlyList<RoundResult> Run(params SchedulingPod[] pending) => SchedulingRound.Run(State(pending));

    private SchedulingState State(SchedulingPod[] pending) => new()
    {
        Snapshot = new SchedulingSnapshot(_nodes, _bound, _namespaces),
        Pending = pending,
        Nominated = _nominated,
        Budgets = new DisruptionBudgets(_budgets),
        Gang = _ => _minMember is { } least ? new GangRule(least, _minTaskMember) : null,
        Started = group => [.. _bound.Where(pod => pod.Group == group.Name).Select(pod => pod.Gang.Task)],
        TieBreak = _ => 0,
    };

    private void Node(string name, long cpu = 4000, (string Key, string Value)? taint = null, string effect = "NoSchedule", (string, string)[]? labels = null) =>
        _nodes.Add(new SchedulingNode
        {
            Name = name,
            Labels = Labels([("name", name), .. labels ?? []]),
            Taints = taint is { } t ? [new Taint { Key = t.Key, Value = t.Value, Effect = effect }] : [],
            Allocatable = new Dictionary<string, long> { ["cpu"] = cpu, ["memory"] = 8L << 30, ["pods"] = 110 },
        });

    private static SchedulingPod Vip(string name, long cpu) => Pod(name, cpu) with { Priority = 100 };

    // the node, its victims, and how many of them break a budget
    private string Plan(SchedulingPod pod) => Assert.Single(Run(pod)).Outcome.Preemption is { } plan
        ? $"{plan.Node}: {string.Join(' ', plan.Victims.Select(victim => victim.Name.Name))}{(plan.Violations > 0 ? $" !{plan.Violations}" : "")}"
        : "nobody goes";

    private void Budget(string app, int allowed, string evicted = "", string ns = "default") => _budgets.Add(KubeObject.Parse(System.Text.Encoding.UTF8.GetBytes($$$"""
        {"apiVersion":"policy/v1","kind":"PodDisruptionBudget","metadata":{"name":"{{{app}}}","namespace":"{{{ns}}}"},
         "spec":{"minAvailable":1,"selector":{"matchLabels":{"app":"{{{app}}}"} } },
         "status":{"disruptionsAllowed":{{{allowed}}},"disruptedPods":{"{{{evicted}}}":"2026-01-01T00:00:00Z"} } }
        """)));

    private static SchedulingPod Gang(string name, long cpu, string group = "g", string task = "") =>
        Pod(name, cpu) with { Gang = new GangMember(group, task), SchedulerName = SchedulingPod.GangScheduler };

    private static SchedulingPod Pod(string name, long cpu = 0, (string, string)? labels = null) => new()
    {
        Name = new NamespacedName("default", name),
        Uid = name,
        Created = s_epoch,
        Labels = labels is { } label ? Labels(label) : LabelSelectors.NoLabels,
        Requests = new Dictionary<string, long> { ["cpu"] = cpu },
    };

    private static Dictionary<string, string> Labels(params (string Key, string Value)[] labels) => labels.ToDictionary(label => label.Key, label => label.Value);

    private static LabelSelector Selector(string app) => new() { MatchLabels = Labels(("app", app)) };

    private static SelectorRequirement Requirement(string key, string value) => new() { Key = key, Operator = "In", Values = [value] };

    private static SchedulingAffinity Apart(string app) => new()
    {
        PodAntiAffinity = new PodAffinityRules
        {
            RequiredDuringSchedulingIgnoredDuringExecution = [new PodAffinityTerm { TopologyKey = "name", LabelSelector = Selector(app) }],
        },
    };
}
