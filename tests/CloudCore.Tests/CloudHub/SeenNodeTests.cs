using System.Text;
using EdgeSync.CloudCore.CloudHub;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Tests.CloudHub;

public sealed class SeenNodeTests
{
    [Fact]
    public void A_session_may_begin_before_its_node_is_there_and_goes_on_while_it_stays_the_same()
    {
        var seen = new SeenNode();
        Assert.Null(seen.Look(null));
        Assert.Null(seen.Look(Node("a")));
        Assert.Null(seen.Look(Node("a")));
    }

    [Fact]
    public void A_session_ends_when_its_node_is_deleted()
    {
        var seen = new SeenNode();
        seen.Look(Node("a"));
        Assert.Equal("its Node object was deleted", seen.Look(null));
    }

    [Fact]
    public void A_session_ends_when_another_node_of_the_name_is_there_and_its_deletion_was_never_seen()
    {
        var seen = new SeenNode();
        seen.Look(Node("a"));
        Assert.Equal("its Node object is another one", seen.Look(Node("b")));
    }

    private static KubeObject Node(string uid) => KubeObject.Parse(Encoding.UTF8.GetBytes(
        $$$"""{"apiVersion":"v1","kind":"Node","metadata":{"name":"edge-1","uid":"{{{uid}}}","resourceVersion":"1"}}"""));
}
