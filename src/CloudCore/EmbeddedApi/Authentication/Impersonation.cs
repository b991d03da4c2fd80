using EdgeSync.CloudCore.EmbeddedApi.Authorization;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Authentication;

/// <summary>Somebody acts as another (<c>kubectl --as</c>), where he may impersonate that user and each of the groups.</summary>
internal sealed class Impersonation(Authorizer authorizer)
{
    private const string UserHeader = "Impersonate-User";
    private const string GroupHeader = "Impersonate-Group";
    private const string UidHeader = "Impersonate-Uid";
    private const string ExtraPrefix = "Impersonate-Extra-";

    // each value is a question of its own
    private const int MostValues = 256;

    /// <summary>Who the request is to be judged as: the user himself where no header asks for another.</summary>
    /// <exception cref="ApiException">403 where he may not, 400 where the headers make no sense.</exception>
    public UserInfo Apply(UserInfo user, IHeaderDictionary headers)
    {
        var name = headers[UserHeader].ToString();
        var groups = headers[GroupHeader].Where(g => !string.IsNullOrEmpty(g)).Select(g => g!).ToList();
        var uid = headers[UidHeader].ToString();
        var extra = headers.Where(h => h.Key.StartsWith(ExtraPrefix, StringComparison.OrdinalIgnoreCase)).ToList();
        if (name.Length == 0)
        {
            return groups.Count == 0 && uid.Length == 0 && extra.Count == 0
                ? user
                : throw ApiException.BadRequest($"requested {(uid.Length > 0 ? "uid" : groups.Count > 0 ? "groups" : "extra")} without impersonating a user");
        }

        if (groups.Count + extra.Sum(e => e.Value.Count) > MostValues)
        {
            throw ApiException.BadRequest($"more than {MostValues} groups and extra values are impersonated");
        }

        var account = UserInfo.ServiceAccountOf(name);
        if (account is { } sa)
        {
            Demand(user, "", "serviceaccounts", "", sa.Namespace, sa.Name);
        }
        else
        {
            Demand(user, "", "users", "", "", name);
        }

        foreach (var group in groups)
        {
            Demand(user, "", "groups", "", "", group);
        }

        if (uid.Length > 0)
        {
            Demand(user, "authentication.k8s.io", "uids", "", "", uid);
        }

        var extras = new Dictionary<string, IReadOnlyList<string>>();
        foreach (var (header, values) in extra)
        {
            var key = Uri.UnescapeDataString(header[ExtraPrefix.Length..].ToLowerInvariant());
            foreach (var value in values)
            {
                Demand(user, "authentication.k8s.io", "userextras", key, "", value ?? "");
            }

            extras[key] = [.. values.Select(v => v ?? "")];
        }

        return new UserInfo(name, Complete(name, account, groups)) { Uid = uid, Extra = extras };
    }

    /// <summary>The groups that follow from the name, beside those that were asked for.</summary>
    private static List<string> Complete(string name, (string Namespace, string Name)? account, List<string> groups)
    {
        var all = new List<string>(groups);
        if (groups.Count == 0 && account is { } sa)
        {
            all.AddRange(UserInfo.ServiceAccountGroups(sa.Namespace));
        }

        var own = name == UserInfo.AnonymousName ? UserInfo.Unauthenticated : UserInfo.Authenticated;
        if (!all.Contains(UserInfo.Authenticated) && !all.Contains(UserInfo.Unauthenticated))
        {
            all.Add(own);
        }

        return all;
    }

    private void Demand(UserInfo user, string group, string resource, string subresource, string ns, string name) => authorizer.Demand(new AccessAttributes
    {
        User = user,
        Verb = "impersonate",
        Group = group,
        Resource = resource,
        Subresource = subresource,
        Namespace = ns,
        Name = name,
    });
}
