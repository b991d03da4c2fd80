using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;
using EdgeSync.TestKit;

namespace EdgeSync.EdgeCore.Tests.Edged.Node;

[Collection(ContainerdCollection.Name)]
public sealed class NodeStatusTests(ContainerdFixture containerd)
{
    [ContainerdFact]
    public async Task The_node_describes_itself()
    {
        await using var host = new EdgedHost(containerd.Rig);
        await host.StartAsync();

        // written when it is read: until the runtime has answered, the node is not Ready
        UpstreamMessage? message = null;
        await Eventually.HoldsAsync("the status is put out", () =>
        {
            message = Assert.Single(host.Entries("nodestatus"));
            return Encoding.UTF8.GetString(message.Content!).Contains("EdgeReady", StringComparison.Ordinal);
        });
        Assert.Equal((Operations.Patch, $"null/nodepatch/{host.NodeName}"), (message!.Operation, message.Resource));
        var status = JsonNode.Parse(JsonNode.Parse(message.Content!)!.GetValue<string>())!["status"]!;
        Assert.Equal(
            ["MemoryPressure", "DiskPressure", "PIDPressure", "Ready"],
            status["conditions"]!.AsArray().Select(c => c!["type"]!.GetValue<string>()));
        Assert.Equal("True", status["conditions"]![3]!["status"]!.GetValue<string>());
        Assert.StartsWith("containerd://", status["nodeInfo"]!["containerRuntimeVersion"]!.GetValue<string>(), StringComparison.Ordinal);

        var registration = await host.Service.NodeStatus.RegistrationAsync(CancellationToken.None);
        Assert.Equal([Operations.Insert, Operations.Patch], registration.Select(m => m.Operation));
        var node = JsonSerializer.Deserialize(registration[0].Content, KubernetesJson.Default.Node)!;
        Assert.Equal(host.NodeName, node.Metadata.Name);
        Assert.Equal("", node.Metadata.Labels!["node-role.kubernetes.io/edge"]);
        Assert.Equal([new Taint { Key = "dedicated", Effect = "NoSchedule" }], node.Spec.Taints!);
        Assert.StartsWith("v1.32.0-edgesync-v", node.Status!.NodeInfo!.KubeletVersion, StringComparison.Ordinal);
        Assert.Contains(node.Status.Addresses!, a => a.Type == "Hostname" && a.Address == host.NodeName);
        foreach (var resource in (string[])["cpu", "memory", "pods", "ephemeral-storage"])
        {
            Assert.True(Quantity.Find(node.Status.Allocatable, resource) > Quantity.Zero, resource);
            Assert.True(Quantity.Find(node.Status.Capacity, resource) >= Quantity.Find(node.Status.Allocatable, resource), resource);
        }
    }
}
