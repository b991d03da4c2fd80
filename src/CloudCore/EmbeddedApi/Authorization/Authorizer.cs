using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Store;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.EmbeddedApi.Authorization;

/// <summary>
/// Decides who may do what: administrators all, nodes what the node authorizer gives them, and everybody what RBAC gives. The
/// rules are compiled into a snapshot that is valid for as long as the store has the very same objects, so a request that comes
/// after a role was changed is judged by the change. Thread-safe.
/// </summary>
internal sealed class Authorizer(ObjectStore store, NodeAuthorizer nodes)
{
    private readonly Lock _compiling = new();
    private volatile RbacSnapshot _snapshot = RbacSnapshot.Empty;

    /// <summary>The rules as they are now.</summary>
    public RbacSnapshot Rbac
    {
        get
        {
            var sources = RbacSources.Of(store.State);
            var snapshot = _snapshot;
            if (snapshot.Sources.IsSame(sources))
            {
                return snapshot;
            }

            lock (_compiling)
            {
                // whoever waited takes what was just made, where it is of the newest objects
                sources = RbacSources.Of(store.State);
                if (!_snapshot.Sources.IsSame(sources))
                {
                    _snapshot = new RbacSnapshot(sources, _snapshot);
                }

                return _snapshot;
            }
        }
    }

    public AccessDecision Decide(AccessAttributes asked)
    {
        if (asked.User.IsIn(UserInfo.Masters))
        {
            return new AccessDecision(true, "");
        }

        var reason = "";
        if (asked.User.NodeName is { } node)
        {
            var byNode = nodes.Decide(node, asked);
            if (byNode.Allowed)
            {
                return byNode;
            }

            reason = byNode.Reason;
        }

        var byRbac = Rbac.Decide(asked);
        return byRbac.Allowed || reason.Length == 0
            ? byRbac
            : new AccessDecision(false, byRbac.Reason.Length == 0 ? reason : $"{reason}\n{byRbac.Reason}");
    }

    /// <exception cref="ApiException">403 where it may not be done.</exception>
    public void Demand(AccessAttributes asked)
    {
        var decision = Decide(asked);
        if (!decision.Allowed)
        {
            throw Refuse(asked, decision.Reason);
        }
    }

    /// <summary>A refusal, in Kubernetes' words.</summary>
    public static ApiException Refuse(AccessAttributes asked, string reason)
    {
        var because = reason.Length == 0 ? "" : $": {reason}";
        if (!asked.IsResource)
        {
            return new ApiException(
                StatusReason.Forbidden, $"forbidden: User \"{asked.User.Name}\" cannot {asked.Verb} path \"{asked.Path}\"{because}", new StatusDetails());
        }

        var where = asked.Namespace.Length == 0 ? " at the cluster scope" : $" in the namespace \"{asked.Namespace}\"";
        var what = asked.Group.Length == 0 ? asked.Resource : $"{asked.Resource}.{asked.Group}";
        var name = asked.Name.Length == 0 ? what : $"{what} \"{asked.Name}\"";
        return new ApiException(
            StatusReason.Forbidden,
            $"{name} is forbidden: User \"{asked.User.Name}\" cannot {asked.Verb} resource \"{asked.CombinedResource}\" in API group \"{asked.Group}\"{where}{because}",
            new StatusDetails
            {
                Name = asked.Name.Length == 0 ? null : asked.Name,
                Group = asked.Group.Length == 0 ? null : asked.Group,
                Kind = asked.Resource,
            });
    }
}
