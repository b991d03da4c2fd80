using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.EmbeddedApi.Serving;

/// <summary>What is asked, in the words of an authorizer.</summary>
/// <param name="Verb">get, list, watch, create, update, patch, delete, deletecollection.</param>
/// <param name="Path">The URL's path.</param>
/// <param name="Resource">The resource; null for discovery and the like.</param>
internal sealed record RequestAttributes(string Verb, string Path, RequestInfo? Resource);

/// <summary>Decides whether a user may do what is asked. RBAC rules will be asked here too.</summary>
internal static class Authorization
{
    /// <exception cref="ApiException">401 for a caller without an identity, 403 for one without the right.</exception>
    public static void Demand(UserInfo user, RequestAttributes attributes)
    {
        if (user.IsAnonymous)
        {
            throw new ApiException(StatusReason.Unauthorized, "Unauthorized");
        }

        if (user.IsIn(UserInfo.Masters))
        {
            return;
        }

        throw Refuse(user, attributes);
    }

    private static ApiException Refuse(UserInfo user, RequestAttributes attributes)
    {
        if (attributes.Resource is not { Resource.Length: > 0 } asked)
        {
            return new ApiException(
                StatusReason.Forbidden,
                $"forbidden: User \"{user.Name}\" cannot {attributes.Verb} path \"{attributes.Path}\"",
                new StatusDetails());
        }

        var resource = asked.Subresource.Length == 0 ? asked.Resource : $"{asked.Resource}/{asked.Subresource}";
        var where = asked.Namespace.Length == 0 ? " at the cluster scope" : $" in the namespace \"{asked.Namespace}\"";
        var what = asked.Group.Length == 0 ? asked.Resource : $"{asked.Resource}.{asked.Group}";
        var name = asked.Name.Length == 0 ? what : $"{what} \"{asked.Name}\"";
        return new ApiException(
            StatusReason.Forbidden,
            $"{name} is forbidden: User \"{user.Name}\" cannot {attributes.Verb} resource \"{resource}\" in API group \"{asked.Group}\"{where}",
            new StatusDetails
            {
                Name = asked.Name.Length == 0 ? null : asked.Name,
                Group = asked.Group.Length == 0 ? null : asked.Group,
                Kind = asked.Resource,
            });
    }
}
