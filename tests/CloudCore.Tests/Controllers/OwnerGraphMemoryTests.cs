using EdgeSync.CloudCore.Controllers.Garbage;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Tests.Controllers;

/// <summary>What the garbage collector's graph holds.</summary>
[Collection(AloneCollection.Name)]
public sealed class OwnerGraphMemoryTests
{
    [Fact]
    public void Five_thousand_pods_of_one_owner_cost_less_than_a_kilobyte_each()
    {
        const int pods = 5_000;
        var noted = 0;
        var graph = new OwnerGraph(_ => noted++, _ => { });
        var before = GC.GetTotalMemory(forceFullCollection: true);
        for (var i = 0; i < pods; i++)
        {
            graph.Put(ApiResources.Pods, KubeObject.Parse(System.Text.Encoding.UTF8.GetBytes($$$$"""
                {"apiVersion":"v1","kind":"Pod","metadata":{"name":"web-{{{{i:00000}}}}","namespace":"default","uid":"{{{{Guid.NewGuid()}}}}","resourceVersion":"1",
                 "labels":{"app":"web"},"ownerReferences":[{"apiVersion":"apps/v1","kind":"DaemonSet","name":"web","uid":"o","controller":true,"blockOwnerDeletion":true}]}}
                """)));
            graph.Put(ApiResources.ConfigMaps, KubeObject.Parse(System.Text.Encoding.UTF8.GetBytes(
                $$$$"""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"free-{{{{i}}}}","namespace":"default","uid":"{{{{Guid.NewGuid()}}}}","resourceVersion":"1"}}""")));
        }

        var each = (GC.GetTotalMemory(forceFullCollection: true) - before) / pods;
        Assert.Equal((pods, pods), (graph.Count, noted));
        Assert.True(each < 1024, $"{each} bytes for each pod");
        graph.NoteStays("o", "default", graph.ChangesOf("o"));
        graph.Remove("o");
        Assert.Equal(2 * pods, noted);
    }
}
