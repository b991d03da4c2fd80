using EdgeSync.CloudCore.Controllers;
using EdgeSync.CloudCore.Controllers.Nodes;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Tests.Controllers;

public sealed class OfflineEvictionTests
{
    private static readonly Taint s_unreachable = new() { Key = NodeTaints.Unreachable, Effect = "NoExecute" };
    private static readonly Taint s_maintenance = new() { Key = "maintenance", Value = "yes", Effect = "NoExecute" };

    [Theory]
    [InlineData(true, null, null)]
    [InlineData(true, "never", null)]
    [InlineData(true, "soon", null)]
    [InlineData(true, "9000h", null)]
    [InlineData(true, "-5m", null)]
    [InlineData(true, "", null)]
    [InlineData(true, "30m", 1800)]
    [InlineData(true, "1m", 300)]
    [InlineData(true, "0s", 300)]
    [InlineData(false, null, 300)]
    [InlineData(false, "never", null)]
    [InlineData(false, "soon", null)]
    [InlineData(false, "30m", 1800)]
    public void A_pod_with_the_usual_tolerations_leaves_a_silent_node_after(bool edge, string? annotation, int? seconds) =>
        Assert.Equal(
            seconds is { } wanted ? TimeSpan.FromSeconds(wanted) : null,
            OfflineEviction.After(Node(edge, annotation, s_unreachable), [For(NodeTaints.NotReady, 300), For(NodeTaints.Unreachable, 300)]));

    [Theory]
    [InlineData(true, "10m", 600)]
    [InlineData(true, null, null)]
    [InlineData(false, null, 0)]
    public void A_pod_without_tolerations_leaves_a_silent_node_after(bool edge, string? annotation, int? seconds) =>
        Assert.Equal(seconds is { } wanted ? TimeSpan.FromSeconds(wanted) : null, OfflineEviction.After(Node(edge, annotation, s_unreachable), []));

    [Fact]
    public void A_pod_that_tolerates_a_silent_node_for_ever_stays_whatever_the_node_asks_for() =>
        Assert.Null(OfflineEviction.After(Node(true, "1m", s_unreachable), [For(NodeTaints.Unreachable, null)]));

    [Fact]
    public void A_taint_that_somebody_set_evicts_at_the_edge_as_anywhere()
    {
        var node = Node(true, null, s_maintenance);
        Assert.Equal(TimeSpan.Zero, OfflineEviction.After(node, [For(NodeTaints.Unreachable, 300)]));
        Assert.Equal(TimeSpan.FromSeconds(20), OfflineEviction.After(node, [For("maintenance", 20)]));
        Assert.Equal(TimeSpan.Zero, OfflineEviction.After(node, [For("maintenance", -1)]));
        Assert.Null(OfflineEviction.After(node, [For("maintenance", null)]));
    }

    [Fact]
    public void Of_several_taints_the_shortest_time_counts_and_one_that_is_not_tolerated_ends_all()
    {
        var node = Node(true, "30m", s_unreachable, s_maintenance);
        Assert.Equal(TimeSpan.FromSeconds(20), OfflineEviction.After(node, [For(NodeTaints.Unreachable, 300), For("maintenance", 20)]));
        Assert.Equal(TimeSpan.Zero, OfflineEviction.After(node, [For(NodeTaints.Unreachable, 300)]));
        // nor does the time that the node asks for hold up what somebody's taint drives out, whichever of the two comes first
        Assert.Equal(TimeSpan.Zero, OfflineEviction.After(node, []));
        Assert.Equal(TimeSpan.FromSeconds(20), OfflineEviction.After(node, [For("maintenance", 20)]));
        Assert.Equal(TimeSpan.Zero, OfflineEviction.After(Node(true, "30m", s_maintenance, s_unreachable), []));
    }

    [Fact]
    public void A_NoSchedule_taint_evicts_nobody() =>
        Assert.Null(OfflineEviction.After(Node(false, null, new Taint { Key = "x", Effect = "NoSchedule" }), []));

    [Theory]
    [InlineData(null, false)]
    [InlineData("never", false)]
    [InlineData("8h", false)]
    [InlineData("8", true)]
    [InlineData("Never", true)]
    [InlineData("-1m", true)]
    public void A_value_that_means_nothing_is_a_problem(string? annotation, bool isProblem)
    {
        var problem = OfflineEviction.Problem(Node(true, annotation));
        Assert.Equal(isProblem, problem is not null);
        Assert.True(problem is null || (problem.Contains(annotation!, StringComparison.Ordinal) && problem.Contains("30m", StringComparison.Ordinal)), problem);
    }

    [Theory]
    [InlineData(1, 0, false)]
    [InlineData(1, 1, true)]
    [InlineData(3, 2, false)]
    [InlineData(10, 5, false)]
    [InlineData(10, 6, true)]
    public void An_outage_of_most_nodes_is_taken_for_one_of_this_side(int nodes, int notReady, bool isWidespread) =>
        Assert.Equal(isWidespread, OfflineEviction.IsWidespread(nodes, notReady));

    private static NodeFacts Node(bool edge, string? annotation, params Taint[] taints) => new()
    {
        Name = "n",
        Labels = edge ? new Dictionary<string, string> { ["node-role.kubernetes.io/edge"] = "" } : [],
        EvictOfflineAfter = annotation,
        Taints = taints,
    };

    private static Toleration For(string key, long? seconds) => new() { Key = key, Operator = "Exists", Effect = "NoExecute", TolerationSeconds = seconds };
}
