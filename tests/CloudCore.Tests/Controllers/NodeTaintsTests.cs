using System.Text;
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

    [Fact]
    public void Of_a_nodes_conditions_the_facts_keep_what_the_controllers_ask_for()
    {
        var facts = NodeFacts.Read(KubeObject.Parse(Encoding.UTF8.GetBytes("""
            {"kind":"Node","metadata":{"name":"n1","uid":"u","labels":{"a":"b"}},"spec":{"unschedulable":true,"taints":[{"key":"k","effect":"NoSchedule"}]},
             "status":{"conditions":[{"type":"DiskPressure","status":"True","reason":"r","message":"m"},{"type":"MemoryPressure","status":"False","message":"m"},
              {"type":"Ready","status":"False","reason":"r","message":"m","lastHeartbeatTime":"2026-01-01T00:00:00Z","lastTransitionTime":"2026-01-01T00:00:00Z"}]}}
            """)));
        Assert.Equal(
            [new Condition { Type = "DiskPressure", Status = "True" }, new Condition { Type = "Ready", Status = "False", LastHeartbeatTime = "2026-01-01T00:00:00Z" }],
            facts.Conditions);
        Assert.Equal(("n1", "u", "b", true, "k", "False"), (facts.Name, facts.Uid, facts.Labels["a"], facts.Unschedulable, facts.Taints[0].Key, facts.Ready));
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
