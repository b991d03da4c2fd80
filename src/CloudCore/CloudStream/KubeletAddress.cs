using System.Text.Json.Nodes;
using EdgeSync.CloudCore.Configuration;

namespace EdgeSync.CloudCore.CloudStream;

/// <summary>
/// Makes a node's status name this hub in the place of a kubelet: its InternalIP, by which an API server dials (with
/// <c>--kubelet-preferred-address-types=InternalIP,…</c>), and the port of the stream server. What the node said is kept as an
/// address of the type ExternalIP.
/// </summary>
/// <param name="Address">The hub's IP, as the API server reaches it.</param>
/// <param name="Port">The stream server's.</param>
internal sealed record KubeletAddress(string Address, int Port)
{
    /// <summary>What the hub does to the status of its nodes; null where no API server dials it.</summary>
    public static Action<JsonObject>? Amend(ModulesSection modules) => modules.CloudStream is { Enable: true, StreamPort: > 0 and var port } stream
        ? new KubeletAddress(stream.IPOf(modules.CloudHub), port).Apply
        : null;

    /// <summary>Changes a status that a node sent, before it is written.</summary>
    public void Apply(JsonObject status)
    {
        status["daemonEndpoints"] = new JsonObject { ["kubeletEndpoint"] = new JsonObject { [nameof(Port)] = Port } };
        if (status["addresses"] is not JsonArray given)
        {
            return; // a status without addresses changes none
        }

        var addresses = new JsonArray(new JsonObject { ["type"] = "InternalIP", ["address"] = Address });
        foreach (var item in given.OfType<JsonObject>())
        {
            switch (item["type"]?.ToString())
            {
                case "InternalIP" when item["address"]?.ToString() != Address:
                    addresses.Add(new JsonObject { ["type"] = "ExternalIP", ["address"] = item["address"]?.DeepClone() });
                    break;
                case "InternalIP" or "ExternalIP":
                    break;
                default:
                    addresses.Add(item.DeepClone());
                    break;
            }
        }

        status["addresses"] = addresses;
    }
}
