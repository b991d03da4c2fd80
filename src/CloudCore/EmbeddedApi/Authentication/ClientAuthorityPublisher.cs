using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Authorization;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Authentication;

/// <summary>
/// Keeps the CA of client certificates in the ConfigMap from which programs beside the API read by whom they may be asked
/// (kube-controller-manager and kube-scheduler for their own ports).
/// </summary>
/// <param name="writes">How it writes.</param>
/// <param name="authorityPem">The CA; null where there is none.</param>
internal sealed class ClientAuthorityPublisher(ServerWrites writes, string? authorityPem)
{
    private const string Namespace = "kube-system";
    private const string Name = "extension-apiserver-authentication";
    private const string Authority = "client-ca-file";

    public async Task PublishAsync(CancellationToken cancellationToken)
    {
        if (authorityPem is null)
        {
            return;
        }

        var maps = writes.Resource("", "configmaps");
        if (writes.Get(maps, Namespace, Name) is not { } present)
        {
            await writes.TryCreateAsync(
                maps, Namespace,
                new JsonObject
                {
                    ["metadata"] = new JsonObject { ["name"] = Name, ["namespace"] = Namespace },
                    ["data"] = new JsonObject { [Authority] = authorityPem },
                },
                cancellationToken);
        }
        else if (present.Parse().Object("data")?.Text(Authority) != authorityPem)
        {
            await writes.TryUpdateAsync(
                maps, present.Key, "",
                map =>
                {
                    map.ObjectOrNew("data")[Authority] = authorityPem;
                    return map;
                },
                cancellationToken);
        }
    }
}
