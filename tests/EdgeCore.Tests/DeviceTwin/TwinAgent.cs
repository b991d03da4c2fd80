using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.EdgeCore.Configuration;
using EdgeSync.EdgeCore.EventBus.Mqtt;
using EdgeSync.EdgeCore.MetaManager;
using EdgeSync.Protocol.Devices;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;
using EdgeSync.Storage;
using Microsoft.Extensions.Logging.Abstractions;

namespace EdgeSync.EdgeCore.Tests.DeviceTwin;

/// <summary>The parts of the agent that have to do with devices, on a folder and a broker.</summary>
internal sealed class TwinAgent : IAsyncDisposable
{
    public const string NodeName = "edge-1";

    private bool _disposed;

    private TwinAgent(string folder, int brokerPort)
    {
        Config = new EdgeCoreConfig
        {
            Modules = new ModulesSection
            {
                Edged = new EdgedSection { HostnameOverride = NodeName },
                EventBus = new EventBusSection { MqttServerExternal = $"tcp://127.0.0.1:{brokerPort}" },
            },
        };
        Database = EdgeDatabase.Open(Path.Combine(folder, EdgeDatabase.FileName), TimeProvider.System);
        Meta = new EdgeCore.MetaManager.MetaManager(Database);
        Outbox = new Outbox(Database, new OutboxLimits());
        Mqtt = new MqttClient(MqttOptions.From(Config) with { MaxBackoff = TimeSpan.FromSeconds(1) }, TimeProvider.System, NullLogger<MqttClient>.Instance);
        Twins = new EdgeCore.DeviceTwin.DeviceTwin(
            Config, Database, Meta, Outbox, Mqtt, TimeProvider.System, NullLogger<EdgeCore.DeviceTwin.DeviceTwin>.Instance);
        Bus = new EdgeCore.EventBus.EventBus(Mqtt, Twins, Outbox, Task.CompletedTask, NullLogger<EdgeCore.EventBus.EventBus>.Instance);
    }

    public EdgeCoreConfig Config { get; }

    public Database Database { get; }

    public EdgeCore.MetaManager.MetaManager Meta { get; }

    public Outbox Outbox { get; }

    public MqttClient Mqtt { get; }

    public EdgeCore.DeviceTwin.DeviceTwin Twins { get; }

    public EdgeCore.EventBus.EventBus Bus { get; }

    public static async Task<TwinAgent> StartAsync(string folder, int brokerPort)
    {
        var agent = new TwinAgent(folder, brokerPort);
        await agent.Twins.StartAsync(CancellationToken.None);
        await agent.Bus.StartAsync(CancellationToken.None);
        return agent;
    }

    public Task ConnectedAsync() => EdgeSync.TestKit.Eventually.HoldsAsync("the agent is connected to the broker", () => Mqtt.IsConnected);

    /// <summary>What the hub would store: a Device, with its desired values.</summary>
    public Task PutDeviceAsync(string name, string uid, params (string Property, string Desired)[] desired) => PutAsync(
        ResourceTypes.Device,
        Device(name, uid, desired).ToJsonString());

    public static JsonObject Device(string name, string uid, params (string Property, string Desired)[] desired) => new()
    {
        ["apiVersion"] = "devices.kubeedge.io/v1beta1",
        ["kind"] = "Device",
        ["metadata"] = new JsonObject
        {
            ["namespace"] = "default",
            ["name"] = name,
            ["uid"] = uid,
            ["labels"] = new JsonObject { ["description"] = "kitchen" },
        },
        ["spec"] = new JsonObject
        {
            ["deviceModelRef"] = new JsonObject { ["name"] = "thermo" },
            ["nodeName"] = NodeName,
            ["properties"] = new JsonArray([.. desired.Select(d => new JsonObject
            {
                ["name"] = d.Property,
                ["desired"] = new JsonObject { ["value"] = d.Desired },
            })]),
        },
    };

    public async Task PutAsync(string type, string json)
    {
        var stored = KubeObject.Parse(Encoding.UTF8.GetBytes(json));
        await Meta.ApplyAsync([new ObjectChange(stored.Key(type), stored, "")], null, CancellationToken.None);
    }

    public Task RemoveDeviceAsync(string name) => Meta.ApplyAsync(
        [new ObjectChange(new ObjectKey("default", ResourceTypes.Device, name), null, "")], null, CancellationToken.None);

    public TwinDocument? Twin(string name) => Twins.Twins.GetValueOrDefault(new DeviceId("default", name));

    public string? Reported(string name, string property) => Twin(name)?.Properties.GetValueOrDefault(property)?.Actual.Value;

    public static string Topic(string name, string verb) => $"$hw/events/device/default/{name}/{verb}";

    public static string Update(string property, string value, string id = "") => new JsonObject
    {
        ["event_id"] = id,
        ["timestamp"] = 0,
        ["twin"] = new JsonObject { [property] = new JsonObject { ["actual"] = new JsonObject { ["value"] = value } } },
    }.ToJsonString();

    /// <summary>Ends at once: what is being handled is given up, what waits is neither handled nor acknowledged.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        await Bus.StopAsync(CancellationToken.None);
        await Twins.StopAsync(CancellationToken.None);
        Bus.Dispose();
        Twins.Dispose();
        await Database.DisposeAsync();
    }
}
