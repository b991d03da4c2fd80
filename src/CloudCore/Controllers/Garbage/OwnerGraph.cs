using System.Collections.Concurrent;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.Garbage;

/// <summary>Says whether an owner is still there: by the cache where it can, else by asking the API.</summary>
internal sealed class OwnerGraph(KubeClient client, ClusterView view)
{
    // a UID that is gone never comes back, so the answer may be kept; bounded, because it can be found again
    private const int MaxGone = 10_000;

    private static readonly ApiResource[] s_kinds =
    [
        ApiResources.DaemonSets, ApiResources.Nodes, ApiResources.Pods, ApiResources.ConfigMaps, ApiResources.Secrets,
        ApiResources.ControllerRevisions, ApiResources.Namespaces, ApiResources.Devices, ApiResources.DeviceModels,
    ];

    private readonly ConcurrentDictionary<string, bool> _gone = new();

    /// <summary>True where the owner is there, and where its kind is not one that we know: what we cannot check we leave alone.</summary>
    public async Task<bool> ExistsAsync(OwnerReference owner, string ns, CancellationToken ct)
    {
        var kind = Array.Find(s_kinds, candidate => candidate.Kind == owner.Kind && SameGroup(candidate, owner.ApiVersion));
        if (kind is null || IsCached(kind, owner, ns))
        {
            return true;
        }

        if (_gone.ContainsKey(owner.Uid))
        {
            return false;
        }

        // the cache may be behind: nothing is deleted on its word alone
        var live = await client.GetAsync(kind, kind.Namespaced ? ns : "", owner.Name, ct);
        if (live?.Uid == owner.Uid)
        {
            return true;
        }

        if (_gone.Count >= MaxGone)
        {
            _gone.Clear();
        }

        _gone[owner.Uid] = true;
        return false;
    }

    private bool IsCached(ApiResource kind, OwnerReference owner, string ns) =>
        kind == ApiResources.DaemonSets ? view.DaemonSets.Get(new NamespacedName(ns, owner.Name))?.Uid == owner.Uid
        : kind == ApiResources.Nodes && view.Nodes.Get(owner.Name)?.Uid == owner.Uid;

    // the version may be an older one of the same group
    private static bool SameGroup(ApiResource kind, string apiVersion)
    {
        var slash = apiVersion.IndexOf('/', StringComparison.Ordinal);
        return kind.Group == (slash < 0 ? "" : apiVersion[..slash]);
    }
}
