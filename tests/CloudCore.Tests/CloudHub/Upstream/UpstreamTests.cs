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
    private static readonly SessionIdentity s_node = new("edge-1", 1, Extended: true, "127.0.0.1");

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

        private Rig(ApiHost host)
        {
            _host = host;
            Api = new KubeClient(KubeConfig.Load(host.WriteKubeconfig(_folder.Path)), TimeProvider.System);
        }

        public KubeClient Api { get; }

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
