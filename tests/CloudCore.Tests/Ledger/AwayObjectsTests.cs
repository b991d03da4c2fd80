using System.Text;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.CloudCore.Ledger;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Sync;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.CloudCore.Tests.Ledger;

/// <summary>What became of the changes of a time away.</summary>
public sealed class AwayObjectsTests
{
    private static readonly ObjectKey s_key = new("default", ResourceTypes.ConfigMap, "a");

    [Fact]
    public void The_last_of_several_changes_is_applied_and_the_earlier_ones_are_superseded()
    {
        var away = Away(Object("1", "old"));
        away.Note(s_key, new InformerChange(Object("1", "old"), Object("2", "x")));
        away.Note(s_key, new InformerChange(Object("2", "x"), Object("3", "y")));
        away.Note(s_key, new InformerChange(Object("3", "y"), Object("4", "new")));

        Assert.False(away.Holds(s_key, Object("4", "new")));
        Assert.Equal(new AwayUpdates(1, 2), away.Settle(_ => Object("4", "new")));
    }

    [Fact]
    public void A_change_of_the_status_alone_and_a_change_told_twice_count_not_and_once()
    {
        var away = Away(Object("1", "old"));
        away.Note(s_key, new InformerChange(Object("1", "old"), Object("2", "old")));
        away.Note(s_key, new InformerChange(Object("2", "old"), Object("3", "new")));
        away.Note(s_key, new InformerChange(Object("2", "old"), Object("3", "new")));

        Assert.Equal(new AwayUpdates(1, 0), away.Settle(_ => Object("3", "new")));
    }

    [Fact]
    public void A_change_that_was_taken_back_never_has_to_travel()
    {
        var away = Away(Object("1", "old"));
        away.Note(s_key, new InformerChange(Object("1", "old"), Object("2", "new")));
        away.Note(s_key, new InformerChange(Object("2", "new"), Object("3", "old")));

        Assert.Equal(new AwayUpdates(0, 2), away.Settle(_ => Object("3", "old")));
    }

    [Fact]
    public void A_delete_is_applied_where_the_node_held_the_object_and_superseded_where_it_never_did()
    {
        var held = Away(Object("1", "old"));
        held.Note(s_key, new InformerChange(Object("2", "old"), null));
        var never = new AwayObjects([], [], null);
        never.Note(s_key, new InformerChange(null, Object("1", "new")));
        never.Note(s_key, new InformerChange(Object("2", "new"), null));

        Assert.Equal(new AwayUpdates(1, 0), held.Settle(_ => null));
        Assert.Equal(new AwayUpdates(0, 2), never.Settle(_ => null));
    }

    [Fact]
    public void What_was_on_its_way_at_the_cut_is_an_update_to_come_and_a_second_cut_goes_on_counting()
    {
        var first = new AwayObjects([Item(Object("1", "old"))], [s_key], null);
        first.Note(s_key, new InformerChange(Object("2", "x"), Object("3", "y")));

        var second = new AwayObjects([Item(Object("1", "old"))], [s_key], first);

        Assert.Equal(new AwayUpdates(1, 1), second.Settle(_ => Object("3", "y")));
    }

    private static AwayObjects Away(KubeObject held) => new([Item(held)], [], null);

    private static InventoryItem Item(KubeObject held) => new(s_key, held.Uid, held.ContentHash);

    private static KubeObject Object(string version, string value) => KubeObject.Parse(Encoding.UTF8.GetBytes(
        $$$"""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"default","uid":"u","resourceVersion":"{{{version}}}"},"data":{"k":"{{{value}}}"}}"""));
}
