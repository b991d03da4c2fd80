using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.Garbage;

/// <summary>
/// Owners that the API did not have where their dependents looked for them. Kept by place and UID: the same UID may be
/// there in another namespace, which a wrong reference does not name.
/// </summary>
internal sealed class GoneOwners(int most)
{
    private readonly Lock _gate = new();
    private readonly HashSet<(ApiResource Resource, string Namespace, string Name, string Uid)> _gone = []; // guarded by _gate

    public bool Has(ApiResource resource, string ns, OwnerReference owner)
    {
        lock (_gate)
        {
            return _gone.Contains((resource, ns, owner.Name, owner.Uid));
        }
    }

    public void Add(ApiResource resource, string ns, OwnerReference owner)
    {
        lock (_gate)
        {
            if (_gone.Count >= most)
            {
                _gone.Clear();
            }

            _gone.Add((resource, ns, owner.Name, owner.Uid));
        }
    }
}
