using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.Integration.Tests.World;
using EdgeSync.TestKit;

namespace EdgeSync.Integration.Tests.Faults;

/// <summary>The objects of the workload, as JSON.</summary>
internal static class Manifests
{
    public const string Model = "fault-model";

    public static JsonObject ConfigMap(string name, long number, string text) => new()
    {
        ["apiVersion"] = "v1",
        ["kind"] = "ConfigMap",
        ["metadata"] = Metadata(name),
        ["data"] = new JsonObject { ["n"] = $"{number}", ["text"] = text },
    };

    public static JsonObject Secret(string name, long number) => new()
    {
        ["apiVersion"] = "v1",
        ["kind"] = "Secret",
        ["metadata"] = Metadata(name),
        ["type"] = "Opaque",
        ["data"] = new JsonObject { ["n"] = Convert.ToBase64String(Encoding.UTF8.GetBytes($"{number}")) },
    };

    public static JsonObject DeviceModel(int properties) => new()
    {
        ["apiVersion"] = "devices.kubeedge.io/v1beta1",
        ["kind"] = "DeviceModel",
        ["metadata"] = Metadata(Model),
        ["spec"] = new JsonObject
        {
            ["protocol"] = "simulated",
            ["properties"] = Properties(properties, i => new JsonObject { ["name"] = $"p{i}", ["type"] = "STRING", ["accessMode"] = "ReadWrite" }),
        },
    };

    /// <summary>A device on the node; p0 is wished to be <paramref name="desired"/>.</summary>
    public static JsonObject Device(string name, int properties, long desired) => new()
    {
        ["apiVersion"] = "devices.kubeedge.io/v1beta1",
        ["kind"] = "Device",
        ["metadata"] = Metadata(name),
        ["spec"] = new JsonObject
        {
            ["deviceModelRef"] = new JsonObject { ["name"] = Model },
            ["nodeName"] = EdgeWorld.NodeName,
            ["protocol"] = new JsonObject { ["protocolName"] = "simulated" },
            ["properties"] = Properties(properties, i =>
            {
                var property = new JsonObject { ["name"] = $"p{i}", ["reportToCloud"] = true };
                if (i == 0)
                {
                    property["desired"] = new JsonObject { ["value"] = $"{desired}" };
                }

                return property;
            }),
        },
    };

    /// <summary>A pod bound to the node, with a volume of each of these, none of which need exist.</summary>
    public static JsonObject Pod(string name, IEnumerable<string> configMaps, IEnumerable<string> secrets)
    {
        (string Name, JsonObject Source)[] sources =
        [
            .. configMaps.Select(c => (c, new JsonObject { ["configMap"] = new JsonObject { ["name"] = c, ["optional"] = true } })),
            .. secrets.Select(s => (s, new JsonObject { ["secret"] = new JsonObject { ["secretName"] = s, ["optional"] = true } })),
        ];
        foreach (var (volume, source) in sources)
        {
            source["name"] = volume;
        }

        return new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Pod",
            ["metadata"] = Metadata(name),
            ["spec"] = new JsonObject
            {
                ["nodeName"] = EdgeWorld.NodeName,
                ["terminationGracePeriodSeconds"] = 1,
                ["containers"] = new JsonArray(new JsonObject
                {
                    ["name"] = name,
                    ["image"] = ContainerdRig.BusyboxImage,
                    ["imagePullPolicy"] = "IfNotPresent",
                    ["command"] = new JsonArray("sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1000 & wait $!; done"),
                    ["volumeMounts"] = new JsonArray(
                        [.. sources.Select(s => new JsonObject { ["name"] = s.Name, ["mountPath"] = "/content/" + s.Name })]),
                }),
                ["volumes"] = new JsonArray([.. sources.Select(s => s.Source)]),
            },
        };
    }

    /// <summary>A DaemonSet on all nodes, with a container of its name and a variable of this number.</summary>
    public static JsonObject DaemonSet(string name, long number)
    {
        var pod = Pod(name, [], []);
        var spec = pod["spec"]!.DeepClone().AsObject();
        spec.Remove("nodeName");
        spec["containers"]![0]!["env"] = new JsonArray(new JsonObject { ["name"] = "NUMBER", ["value"] = $"{number}" });
        spec["tolerations"] = new JsonArray(new JsonObject { ["operator"] = "Exists" });
        return new JsonObject
        {
            ["apiVersion"] = "apps/v1",
            ["kind"] = "DaemonSet",
            ["metadata"] = Metadata(name),
            ["spec"] = new JsonObject
            {
                ["selector"] = new JsonObject { ["matchLabels"] = new JsonObject { ["app"] = name } },
                ["template"] = new JsonObject
                {
                    ["metadata"] = new JsonObject { ["labels"] = new JsonObject { ["app"] = name } },
                    ["spec"] = spec,
                },
            },
        };
    }

    private static JsonObject Metadata(string name) => new() { ["name"] = name, ["namespace"] = "default" };

    private static JsonArray Properties(int count, Func<int, JsonObject> property) =>
        new([.. Enumerable.Range(0, count).Select(property)]);
}
