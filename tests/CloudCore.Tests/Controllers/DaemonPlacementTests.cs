using EdgeSync.CloudCore.Controllers;
using EdgeSync.CloudCore.Controllers.DaemonSets;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Tests.Controllers;

public sealed class DaemonPlacementTests
{
    private static readonly PlacementVerdict s_fits = new(true, true);
    private static readonly PlacementVerdict s_mayStay = new(false, true);
    private static readonly PlacementVerdict s_mustGo = new(false, false);

    [Fact]
    public void A_template_without_wishes_fits_every_untainted_node() => Assert.Equal(s_fits, Judge(new PodSpec(), Node()));

    [Theory]
    [InlineData("n1", true)]
    [InlineData("n2", false)]
    public void A_node_name_fits_that_node_alone(string name, bool fits) =>
        Assert.Equal(fits ? s_fits : s_mustGo, Judge(new PodSpec { NodeName = name }, Node()));

    [Theory]
    [InlineData("zone", "a", true)]
    [InlineData("zone", "b", false)]
    [InlineData("other", "a", false)]
    public void A_node_selector_wants_each_label(string key, string value, bool fits)
    {
        var template = new PodSpec { NodeSelector = new Dictionary<string, string> { [key] = value, ["kind"] = "edge" } };
        Assert.Equal(fits ? s_fits : s_mustGo, Judge(template, Node()));
    }

    [Theory]
    [InlineData("zone", "In", "a,b", true)]
    [InlineData("zone", "In", "b", false)]
    [InlineData("zone", "NotIn", "b", true)]
    [InlineData("zone", "NotIn", "a", false)]
    [InlineData("absent", "NotIn", "a", true)]
    [InlineData("zone", "Exists", "", true)]
    [InlineData("absent", "Exists", "", false)]
    [InlineData("zone", "DoesNotExist", "", false)]
    [InlineData("absent", "DoesNotExist", "", true)]
    [InlineData("cores", "Gt", "3", true)]
    [InlineData("cores", "Gt", "4", false)]
    [InlineData("cores", "Lt", "5", true)]
    [InlineData("zone", "Gt", "3", false)]
    [InlineData("absent", "Lt", "3", false)]
    [InlineData("zone", "Near", "a", false)]
    public void Match_expressions_follow_their_operator(string key, string op, string values, bool fits)
    {
        var template = Affinity(new NodeSelectorTerm { MatchExpressions = [Requirement(key, op, values)] });
        Assert.Equal(fits ? s_fits : s_mustGo, Judge(template, Node()));
    }

    [Theory]
    [InlineData("In", "n1", true)]
    [InlineData("In", "n2", false)]
    [InlineData("NotIn", "n2", true)]
    [InlineData("NotIn", "n1", false)]
    [InlineData("Exists", "", false)]
    public void Match_fields_compare_the_nodes_name(string op, string values, bool fits)
    {
        var template = Affinity(new NodeSelectorTerm { MatchFields = [Requirement("metadata.name", op, values)] });
        Assert.Equal(fits ? s_fits : s_mustGo, Judge(template, Node()));
    }

    [Fact]
    public void Terms_are_alternatives_and_their_parts_are_not()
    {
        var wrong = new NodeSelectorTerm { MatchExpressions = [Requirement("zone", "In", "b")] };
        var half = new NodeSelectorTerm
        {
            MatchExpressions = [Requirement("zone", "In", "a")],
            MatchFields = [Requirement("metadata.name", "In", "n2")],
        };
        var right = new NodeSelectorTerm { MatchExpressions = [Requirement("zone", "In", "a")] };
        Assert.Equal(s_mustGo, Judge(Affinity(wrong, half), Node()));
        Assert.Equal(s_fits, Judge(Affinity(wrong, right), Node()));
    }

    [Fact]
    public void An_empty_term_and_an_empty_list_of_terms_fit_no_node()
    {
        Assert.Equal(s_mustGo, Judge(Affinity(new NodeSelectorTerm()), Node()));
        Assert.Equal(s_mustGo, Judge(Affinity(), Node()));
    }

    [Theory]
    [InlineData("NoSchedule", false, true)]
    [InlineData("NoExecute", false, false)]
    [InlineData("PreferNoSchedule", true, true)]
    public void A_taint_keeps_pods_out_by_its_effect(string effect, bool shouldRun, bool shouldContinue) =>
        Assert.Equal(
            new PlacementVerdict(shouldRun, shouldContinue),
            Judge(new PodSpec(), Node(new Taint { Key = "dedicated", Value = "x", Effect = effect })));

    [Theory]
    [InlineData("node.kubernetes.io/not-ready", "NoExecute")]
    [InlineData("node.kubernetes.io/unreachable", "NoExecute")]
    [InlineData("node.kubernetes.io/disk-pressure", "NoSchedule")]
    [InlineData("node.kubernetes.io/memory-pressure", "NoSchedule")]
    [InlineData("node.kubernetes.io/pid-pressure", "NoSchedule")]
    [InlineData("node.kubernetes.io/unschedulable", "NoSchedule")]
    public void Daemon_pods_tolerate_what_the_node_lifecycle_marks(string key, string effect) =>
        Assert.Equal(s_fits, Judge(new PodSpec(), Node(new Taint { Key = key, Effect = effect })));

    [Fact]
    public void A_node_that_is_not_ready_gets_no_new_pod_and_keeps_its_old_one() =>
        Assert.Equal(s_mayStay, Judge(new PodSpec(), Node(
            new Taint { Key = "node.kubernetes.io/not-ready", Effect = "NoSchedule" },
            new Taint { Key = "node.kubernetes.io/not-ready", Effect = "NoExecute" })));

    [Fact]
    public void A_missing_network_is_tolerated_on_the_hosts_network_only()
    {
        var taint = new Taint { Key = "node.kubernetes.io/network-unavailable", Effect = "NoSchedule" };
        Assert.Equal(s_mayStay, Judge(new PodSpec(), Node(taint)));
        Assert.Equal(s_fits, Judge(new PodSpec { HostNetwork = true }, Node(taint)));
    }

    [Theory]
    [InlineData(null, "Exists", null, null, true)]
    [InlineData("k", "Exists", null, null, true)]
    [InlineData("k", "Exists", null, "NoSchedule", true)]
    [InlineData("k", "Exists", null, "NoExecute", false)]
    [InlineData("k", "Equal", "v", null, true)]
    [InlineData("k", null, "v", "NoSchedule", true)]
    [InlineData("k", null, "w", null, false)]
    [InlineData("other", "Exists", null, null, false)]
    [InlineData(null, "Equal", "v", null, false)]
    [InlineData("k", "Like", "v", null, false)]
    public void A_toleration_fits_by_key_operator_value_and_effect(string? key, string? op, string? value, string? effect, bool fits) =>
        Assert.Equal(fits, DaemonPlacement.Tolerates(
            new Toleration { Key = key, Operator = op, Value = value, Effect = effect },
            new Taint { Key = "k", Value = "v", Effect = "NoSchedule" }));

    private static PlacementVerdict Judge(PodSpec template, NodeFacts node) =>
        DaemonPlacement.Judge(template, [.. template.Tolerations, .. DaemonPlacement.AddedTolerations(template)], node);

    private static NodeFacts Node(params Taint[] taints) => new()
    {
        Name = "n1",
        Labels = new Dictionary<string, string> { ["zone"] = "a", ["kind"] = "edge", ["cores"] = "4" },
        Taints = taints,
    };

    private static PodSpec Affinity(params NodeSelectorTerm[] terms) => new()
    {
        Affinity = new Affinity
        {
            NodeAffinity = new NodeAffinity
            {
                RequiredDuringSchedulingIgnoredDuringExecution = new NodeSelector { NodeSelectorTerms = terms },
            },
        },
    };

    private static SelectorRequirement Requirement(string key, string op, string values) =>
        new() { Key = key, Operator = op, Values = values.Length == 0 ? [] : values.Split(',') };
}
