using EdgeSync.CloudCore.Controllers;
using EdgeSync.CloudCore.Controllers.Nodes;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Tests.Controllers;

public sealed class NodeTaintsTests
{
    private static readonly DateTimeOffset s_now = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("True", "")]
    [InlineData("False", "not-ready:NoSchedule not-ready:NoExecute")]
    [InlineData("Unknown", "unreachable:NoSchedule unreachable:NoExecute")]
    public void The_ready_condition_gives_its_taints(string status, string expected) =>
        Assert.Equal(expected, Names(NodeTaints.Correct(Node([("Ready", status)]), s_now) ?? []));

    [Fact]
    public void Taints_of_an_earlier_state_go_and_those_of_others_stay()
    {
        var node = Node([("Ready", "True")], [
            new Taint { Key = "dedicated", Effect = "NoSchedule" },
            new Taint { Key = NodeTaints.Unreachable, Effect = "NoSchedule" },
            new Taint { Key = NodeTaints.NotReady, Effect = "NoExecute" }]);
        Assert.Equal("dedicated:NoSchedule", Names(NodeTaints.Correct(node, s_now)!));
    }

    [Fact]
    public void A_node_with_the_right_taints_is_left_alone()
    {
        var node = Node([("Ready", "False")], [
            new Taint { Key = NodeTaints.NotReady, Effect = "NoExecute", TimeAdded = "2025-01-01T00:00:00Z" },
            new Taint { Key = NodeTaints.NotReady, Effect = "NoSchedule" }]);
        Assert.Null(NodeTaints.Correct(node, s_now));
    }

    [Fact]
    public void Pressure_and_a_cordon_are_marked_too()
    {
        var node = Node([("Ready", "True"), ("DiskPressure", "True"), ("MemoryPressure", "False")]) with { Unschedulable = true };
        Assert.Equal("disk-pressure:NoSchedule unschedulable:NoSchedule", Names(NodeTaints.Correct(node, s_now)!));
    }

    private static NodeFacts Node((string Type, string Status)[] conditions, Taint[]? taints = null) => new()
    {
        Name = "n1",
        Conditions = [.. conditions.Select(pair => new Condition { Type = pair.Type, Status = pair.Status })],
        Taints = taints ?? [],
    };

    private static string Names(IEnumerable<Taint> taints) =>
        string.Join(' ', taints.Select(taint => $"{taint.Key.Replace("node.kubernetes.io/", "", StringComparison.Ordinal)}:{taint.Effect}"));
}
