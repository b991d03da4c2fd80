using System.Globalization;
using System.Text;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.Simulation.World;

/// <summary>A reported value as the API has it.</summary>
/// <param name="Value">The value.</param>
/// <param name="Sequence">The number of the report.</param>
/// <param name="Origin">What the number counts within.</param>
internal readonly record struct SimReport(string Value, long Sequence, string Origin);

/// <summary>One object in the simulated API, and the bytes that the real parts see.</summary>
internal sealed class ApiObject
{
    public required ObjectKey Key { get; init; }

    public required string Uid { get; init; }

    public long Version { get; set; }

    /// <summary>The world's sequence when it was created.</summary>
    public long Born { get; set; }

    /// <summary>Counts changes of the content.</summary>
    public int Content { get; set; }

    /// <summary>The node of a pod or device; null for others.</summary>
    public string? Node { get; set; }

    /// <summary>What a pod's volumes name, or a device's model.</summary>
    public ObjectKey[] Uses { get; set; } = [];

    public bool Deleting { get; set; }

    /// <summary>A device's wish for its property.</summary>
    public int Desired { get; set; }

    /// <summary>The sequence of the last status written; 0 for none. (Of a Node: one that was already there is not written again.)</summary>
    public long Status { get; set; }

    /// <summary>A Node's label.</summary>
    public string Release { get; set; } = "";

    /// <summary>A Node's status as its bytes, and what it says.</summary>
    public string NodeStatus { get; set; } = "null";

    public string? Mode { get; set; }

    /// <summary>A device's status as its bytes, and what it says, by property.</summary>
    public string DeviceStatus { get; set; } = "";

    public Dictionary<string, SimReport> Reported { get; set; } = [];

    /// <summary>The object as it is now.</summary>
    public KubeObject Rendered { get; private set; } = null!;

    public void Render() => Rendered = KubeObject.Parse(Encoding.UTF8.GetBytes(Json()));

    private string Json()
    {
        var invariant = CultureInfo.InvariantCulture;
        var ns = Key.Namespace.Length > 0 ? $"\"namespace\":\"{Key.Namespace}\"," : "";
        var deleting = Deleting ? "\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"," : "";
        var metadata = string.Create(
            invariant, $"\"metadata\":{{\"name\":\"{Key.Name}\",{ns}{deleting}\"uid\":\"{Uid}\",\"resourceVersion\":\"{Version}\"}}");
        return Key.Type switch
        {
            ResourceTypes.Pod => string.Create(
                invariant, $$$"""{"apiVersion":"v1","kind":"Pod",{{{metadata}}},"spec":{"nodeName":"{{{Node}}}","volumes":[{{{Volumes()}}}],"containers":[{"name":"c","image":"i:{{{Content}}}"}]},"status":{"seq":{{{Status}}}}}"""),
            ResourceTypes.Device => string.Create(
                invariant, $$$"""{"apiVersion":"devices.kubeedge.io/v1beta1","kind":"Device",{{{metadata}}},"spec":{"nodeName":"{{{Node}}}","deviceModelRef":{"name":"{{{Uses[0].Name}}}"},"properties":[{"name":"p0","desired":{"value":"w{{{Desired}}}"}},{"name":"p1"},{"name":"p2"}]}{{{DeviceStatus}}}}"""),
            ResourceTypes.Node => string.Create(
                invariant, $$$"""{"apiVersion":"v1","kind":"Node","metadata":{"name":"{{{Key.Name}}}","uid":"{{{Uid}}}","resourceVersion":"{{{Version}}}","labels":{"release":"{{{Release}}}"}},"status":{{{NodeStatus}}}}"""),
            _ => string.Create(
                invariant, $$$"""{"apiVersion":"v1","kind":"{{{Key.Type}}}",{{{metadata}}},"data":{"k":"{{{Content}}}"},"status":{"seq":{{{Status}}}}}"""),
        };
    }

    private string Volumes() => string.Join(',', Uses.Select(u => u.Type == ResourceTypes.ConfigMap
        ? $$$"""{"name":"v","configMap":{"name":"{{{u.Name}}}"}}"""
        : $$$"""{"name":"v","secret":{"secretName":"{{{u.Name}}}"}}"""));
}
