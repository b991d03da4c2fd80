using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.CloudHub;
using EdgeSync.CloudCore.CloudHub.Upstream;
using EdgeSync.CloudCore.DeviceController;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.CloudCore.Tests.EmbeddedApi;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;
using EdgeSync.TestKit;
using Microsoft.Extensions.Logging.Abstractions;

namespace EdgeSync.CloudCore.Tests.CloudHub.Upstream;

/// <summary>What a node is answered when its objects have gone or moved meanwhile, on the embedded API.</summary>
public sealed class UpstreamTests
{
    private static readonly SessionIdentity s_node = new("edge-1", 1, Extended: true, "127.0.0.1") { WasNear = true };

    [Fact]
    public async Task A_report_of_a_device_that_is_on_another_node_just_now_is_kept_and_taken_when_it_is_back()
    {
        await using var rig = await Rig.StartAsync();
        await rig.CreateAsync(ApiResources.Devices, Device("edge-2"));
        var uid = (await rig.Api.GetAsync(ApiResources.Devices, "default", "thermo-1", rig.Ct))!.Uid;
        Assert.Equal(403, await rig.ReportAsync(uid));
        await rig.PatchAsync(ApiResources.Devices, "thermo-1", """{"spec":{"nodeName":"edge-1"}}""");
        Assert.Equal(200, await rig.ReportAsync(uid));
        var device = (await rig.Api.GetAsync(ApiResources.Devices, "default", "thermo-1", rig.Ct))!.View(KubernetesJson.Default.Device);
        Assert.Equal("21", Assert.Single(device.Status!.Twins!).Reported!.Value);
    }

    [Fact]
    public async Task A_report_of_a_device_that_is_gone_or_another_by_now_is_given_up()
    {
        await using var rig = await Rig.StartAsync();
        Assert.Equal(404, await rig.ReportAsync("u1"));
        await rig.CreateAsync(ApiResources.Devices, Device("edge-1"));
        Assert.Equal(409, await rig.ReportAsync("u1"));
    }

    [Fact]
    public async Task A_node_that_says_A_B_A_is_at_A_though_the_cache_has_not_seen_B()
    {
        await using var rig = await Rig.StartAsync();
        await rig.CreateAsync(ApiResources.Nodes, NodeJson);
        await rig.ReportNodeAsync(s_node, "A");
        rig.Cached = await rig.Api.GetAsync(ApiResources.Nodes, "", "edge-1", rig.Ct);
        await rig.ReportNodeAsync(s_node, "B");
        await rig.ReportNodeAsync(s_node, "A");
        var node = await rig.Api.GetAsync(ApiResources.Nodes, "", "edge-1", rig.Ct);
        Assert.Equal("A", (string?)JsonNode.Parse(node!.Json.Span)!["status"]!["nodeInfo"]!["kubeletVersion"]);
    }

    [Fact]
    public async Task A_node_whose_Node_is_not_there_keeps_its_status_and_registers_anew()
    {
        await using var rig = await Rig.StartAsync();
        await Assert.ThrowsAsync<SessionEndedException>(() => rig.ReportNodeAsync(s_node, "A"));
        await rig.CreateAsync(ApiResources.Nodes, NodeJson);
        await rig.ReportNodeAsync(s_node, "A");

        // deleted, and the cache has not been told
        rig.Cached = await rig.Api.GetAsync(ApiResources.Nodes, "", "edge-1", rig.Ct);
        await rig.Api.DeleteAsync(ApiResources.Nodes, "", "edge-1", null, rig.Ct);
        await Assert.ThrowsAsync<SessionEndedException>(() => rig.ReportNodeAsync(s_node, "B"));
    }

    [Fact]
    public async Task A_KubeEdge_node_whose_Node_is_not_there_is_told_so()
    {
        await using var rig = await Rig.StartAsync();
        var refused = await Assert.ThrowsAsync<ApiException>(() => rig.ReportNodeAsync(s_node with { Extended = false }, "A"));
        Assert.Equal(404, refused.Code);
    }

    [Fact]
    public async Task A_status_of_a_pod_that_was_created_again_on_another_node_is_given_up()
    {
        await using var rig = await Rig.StartAsync();
        Assert.Equal(404, await rig.ReportPodAsync("u1"));
        await rig.CreateAsync(ApiResources.Pods, TestObjects.Pod("web", "edge-2"));
        Assert.Equal(404, await rig.ReportPodAsync("u1"));
    }

    private const string NodeJson = """{"apiVersion":"v1","kind":"Node","metadata":{"name":"edge-1"}}""";

    private static string Device(string node) => $$$"""
        {"apiVersion":"devices.kubeedge.io/v1beta1","kind":"Device","metadata":{"name":"thermo-1","namespace":"default"},
         "spec":{"deviceModelRef":{"name":"thermo"},"nodeName":"{{{node}}}","properties":[{"name":"temperature"}]}}
        """;

    /// <summary>The upstream handlers on an API of their own.</summary>
    private sealed class Rig : IAsyncDisposable
    {
        private readonly TempFolder _folder = new();
        private readonly CancellationTokenSource _deadline = new(TimeSpan.FromMinutes(1));
        private readonly ApiHost _host;
        private readonly Replies _replies = new(TimeProvider.System);
        private readonly NodeUpstream _nodes;

        private Rig(ApiHost host)
        {
            _host = host;
            Api = new KubeClient(KubeConfig.Load(host.WriteKubeconfig(_folder.Path)), TimeProvider.System);
            _nodes = new NodeUpstream(Api, new KnownNode(_ => Cached, TimeProvider.System), _replies);
        }

        public KubeClient Api { get; }

        /// <summary>The node's Node as the cache has it.</summary>
        public KubeObject? Cached { get; set; }

        public CancellationToken Ct => _deadline.Token;

        public static async Task<Rig> StartAsync() => new(await ApiHost.StartAsync());

        public Task<KubeObject> CreateAsync(ApiResource resource, string json) =>
            Api.CreateAsync(resource, resource == ApiResources.Nodes ? "" : "default", Encoding.UTF8.GetBytes(json), Ct);

        public Task<KubeObject> PatchAsync(ApiResource resource, string name, string json) =>
            Api.PatchAsync(resource, "default", name, PatchType.Merge, Encoding.UTF8.GetBytes(json), null, Ct);

        /// <summary>The code of the answer to a twin report.</summary>
        public async Task<int> ReportAsync(string uid)
        {
            var devices = new DeviceUpstream(Api, _replies, NullLogger<DeviceUpstream>.Instance);
            return CodeOf(await devices.HandleAsync(s_node, Request(Operations.Update, "device/default/thermo-1/twin/edge_updated", $$$"""
                {"uid":"{{{uid}}}","origin":"a","twin":{"temperature":{"actual":{"value":"21"},"actual_version":{"edge":1} } } }
                """), Ct));
        }

        /// <summary>Says the node's status, of which only the version changes.</summary>
        public async Task ReportNodeAsync(SessionIdentity session, string version)
        {
            var answer = await _nodes.PatchStatusAsync(
                session, new ObjectKey("default", ResourceTypes.NodePatch, "edge-1"),
                Request(Operations.Patch, "default/nodepatch/edge-1", $$$"""{"status":{"nodeInfo":{"kubeletVersion":"{{{version}}}"} } }"""), Ct);
            Assert.Equal(200, CodeOf(answer));
        }

        /// <summary>The code of the answer to a pod's status.</summary>
        public async Task<int> ReportPodAsync(string uid)
        {
            // one that was never started: its cache is empty
            var pods = new Informer(Api, ApiResources.Pods, null, TimeProvider.System, NullLogger.Instance);
            return CodeOf(await new PodUpstream(Api, pods, _replies).PatchStatusAsync(
                s_node, new ObjectKey("default", ResourceTypes.Pod, "web"),
                Request(Operations.Patch, "default/podpatch/web", $$$"""{"metadata":{"uid":"{{{uid}}}"},"status":{"phase":"Running"} }"""), Ct));
        }

        public async ValueTask DisposeAsync()
        {
            Api.Dispose();
            await _host.DisposeAsync();
            _deadline.Dispose();
            _folder.Dispose();
        }

        private static Message Request(string operation, string resource, string content) => new()
        {
            Id = "m1",
            Operation = operation,
            Resource = resource,
            Content = Encoding.UTF8.GetBytes(content),
        };

        private static int CodeOf(Message? answer)
        {
            Assert.NotNull(answer);
            var content = JsonNode.Parse(answer.Content.Span);
            return content is JsonObject refused && refused["Err"] is { } error ? error["ErrStatus"]!["code"]!.GetValue<int>() : 200;
        }
    }
}
