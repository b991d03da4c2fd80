using System.Text.Json.Nodes;
using EdgeSync.TestKit;

namespace EdgeSync.EdgeCore.Tests.DeviceTwin;

/// <summary>A broker, and an agent that can be ended and begun again on the same data.</summary>
internal sealed class TwinRig : IAsyncDisposable
{
    private readonly TempFolder _folder = new();

    private TwinRig(MosquittoBroker broker) => Broker = broker;

    public MosquittoBroker Broker { get; }

    public TwinAgent Agent { get; private set; } = null!;

    /// <summary>With the device <c>default/thermo-1</c>, uid <c>uid-1</c>.</summary>
    public static async Task<TwinRig> StartedAsync()
    {
        var rig = new TwinRig(await MosquittoBroker.StartedAsync());
        await rig.StartAgentAsync();
        await rig.Agent.ConnectedAsync();
        await rig.Agent.PutDeviceAsync("thermo-1", "uid-1");
        await Eventually.HoldsAsync("the device is known", () => rig.Agent.Twin("thermo-1") is not null);
        return rig;
    }

    /// <summary>An agent whose broker does not run.</summary>
    public static async Task<TwinRig> WithoutBrokerAsync()
    {
        var rig = new TwinRig(MosquittoBroker.Stopped());
        await rig.StartAgentAsync();
        await rig.Agent.PutDeviceAsync("thermo-1", "uid-1");
        return rig;
    }

    public async Task StartAgentAsync() => Agent = await TwinAgent.StartAsync(_folder.Path, Broker.Port);

    public Task PublishUpdateAsync(string property, string value, string id = "") =>
        Broker.PublishAsync(TwinAgent.Topic("thermo-1", "twin/update"), [TwinAgent.Update(property, value, id)]);

    public static async Task<JsonNode> NextAsync(MosquittoSubscriber subscriber, string topic, int number = 1) =>
        JsonNode.Parse((await subscriber.WaitAsync(topic, number))[number - 1])!;

    public async ValueTask DisposeAsync()
    {
        await Agent.DisposeAsync();
        await Broker.DisposeAsync();
        _folder.Dispose();
    }
}
