using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Authorization;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Store;

namespace EdgeSync.CloudCore.EmbeddedApi.Authentication;

/// <summary>Sees to it that each namespace has its <c>default</c> ServiceAccount and the CA in <c>kube-root-ca.crt</c>.</summary>
/// <param name="store">Where the namespaces are.</param>
/// <param name="writes">How it writes.</param>
/// <param name="makesAccounts">Whether accounts are made here; false leaves that to a controller manager elsewhere.</param>
/// <param name="authorityPem">The CA; null where there is none to be published.</param>
internal sealed class ServiceAccountController(ObjectStore store, ServerWrites writes, bool makesAccounts, string? authorityPem)
{
    public const string RootCa = "kube-root-ca.crt";

    private const string Default = "default";
    private static readonly string[] s_deletion = ["metadata.deletionTimestamp"];

    public async Task<TimeSpan?> ReconcileAsync(CancellationToken cancellationToken)
    {
        foreach (var ns in store.State.Of(ObjectStore.NamespaceResource).Values)
        {
            if (ns.Fields(s_deletion)[0].Length > 0)
            {
                continue;
            }

            await EnsureAccountAsync(ns.Key.Name, cancellationToken);
            await EnsureRootCaAsync(ns.Key.Name, cancellationToken);
        }

        return null;
    }

    private async Task EnsureAccountAsync(string ns, CancellationToken cancellationToken)
    {
        var accounts = writes.Resource("", "serviceaccounts");
        if (makesAccounts && writes.Get(accounts, ns, Default) is null)
        {
            await writes.TryCreateAsync(
                accounts, ns, new JsonObject { ["metadata"] = new JsonObject { ["name"] = Default, ["namespace"] = ns } }, cancellationToken);
        }
    }

    private async Task EnsureRootCaAsync(string ns, CancellationToken cancellationToken)
    {
        if (authorityPem is null)
        {
            return;
        }

        var maps = writes.Resource("", "configmaps");
        if (writes.Get(maps, ns, RootCa) is not { } present)
        {
            await writes.TryCreateAsync(
                maps, ns,
                new JsonObject
                {
                    ["metadata"] = new JsonObject
                    {
                        ["name"] = RootCa,
                        ["namespace"] = ns,
                        ["annotations"] = new JsonObject
                        {
                            ["kubernetes.io/description"] =
                                "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.",
                        },
                    },
                    ["data"] = new JsonObject { ["ca.crt"] = authorityPem },
                },
                cancellationToken);
            return;
        }

        if (present.Parse().Object("data") is not { Count: 1 } data || data.Text("ca.crt") != authorityPem)
        {
            await writes.TryUpdateAsync(
                maps, present.Key, "",
                map =>
                {
                    map["data"] = new JsonObject { ["ca.crt"] = authorityPem };
                    return map;
                },
                cancellationToken);
        }
    }
}
