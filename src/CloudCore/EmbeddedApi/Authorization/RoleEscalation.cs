using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Verbs;

namespace EdgeSync.CloudCore.EmbeddedApi.Authorization;

/// <summary>
/// Nobody gives what he has not: a role may be written only by who has all that it allows, or may <c>escalate</c>; a role may be
/// bound only by who has all of it, or may <c>bind</c> it.
/// </summary>
internal sealed class RoleEscalation(Authorizer authorizer)
{
    private static readonly PolicyRule[] s_everything =
    [
        new() { Verbs = ["*"], Groups = ["*"], Resources = ["*"] },
        new() { Verbs = ["*"], Urls = ["*"] },
    ];

    public void Check(AdmissionRequest request)
    {
        if (request.Operation == AdmissionOperation.Delete || request.Resource.Group != RbacResources.Group || request.User.IsIn(UserInfo.Masters))
        {
            return;
        }

        switch (request.Resource.Plural)
        {
            case "roles" or "clusterroles":
                CheckRole(request);
                break;
            case "rolebindings" or "clusterrolebindings":
                CheckBinding(request);
                break;
        }
    }

    private void CheckRole(AdmissionRequest request)
    {
        var rules = PolicyRule.ReadAll(request.Object);
        var aggregates = request.Object["aggregationRule"];
        if (request.Old is { } old
            && JsonNode.DeepEquals(old["rules"], request.Object["rules"])
            && JsonNode.DeepEquals(old["aggregationRule"], aggregates))
        {
            return; // a label or a finalizer gives nobody anything
        }

        var name = request.Object.Object("metadata")?.Text("name") ?? "";
        if (May(request, "escalate", request.Resource.Plural, name))
        {
            return;
        }

        if (aggregates is not null && Missing(request, s_everything).Rules.Count > 0)
        {
            throw ApiException.Forbidden(request.Resource, name, "must have cluster-admin privileges to use the aggregationRule");
        }

        Demand(request, name, rules);
    }

    private void CheckBinding(AdmissionRequest request)
    {
        if (request.Old is { } old
            && JsonNode.DeepEquals(old["roleRef"], request.Object["roleRef"])
            && JsonNode.DeepEquals(old["subjects"], request.Object["subjects"]))
        {
            return;
        }

        var role = request.Object.Object("roleRef") ?? [];
        var isClusterRole = role.Text("kind") != "Role";
        var name = role.Text("name") ?? "";
        if (May(request, "bind", isClusterRole ? "clusterroles" : "roles", name))
        {
            return;
        }

        var rules = authorizer.Rbac.RulesOfRole(new NamespacedName(isClusterRole ? "" : request.Key.Namespace, name))
            ?? throw new ApiException(
                StatusReason.NotFound,
                $"{(isClusterRole ? RbacResources.ClusterRoles : RbacResources.Roles)} \"{name}\" not found",
                new Protocol.Kubernetes.StatusDetails { Name = name, Group = RbacResources.Group, Kind = isClusterRole ? "clusterroles" : "roles" });
        Demand(request, request.Object.Object("metadata")?.Text("name") ?? "", rules);
    }

    private bool May(AdmissionRequest request, string verb, string resource, string name) => authorizer.Decide(new AccessAttributes
    {
        User = request.User,
        Verb = verb,
        Group = RbacResources.Group,
        Resource = resource,
        Namespace = request.Key.Namespace,
        Name = name,
    }).Allowed;

    private (List<PolicyRule> Rules, IReadOnlyList<string> Problems) Missing(AdmissionRequest request, PolicyRule[] wanted)
    {
        var (held, problems) = authorizer.Rbac.RulesOf(request.User, request.Key.Namespace);
        return ([.. wanted.SelectMany(rule => rule.Atoms()).Where(atom => !held.Any(h => h.Covers(atom)))], problems);
    }

    private void Demand(AdmissionRequest request, string name, PolicyRule[] wanted)
    {
        var (missing, problems) = Missing(request, wanted);
        if (missing.Count == 0)
        {
            return;
        }

        var user = request.User;
        var words = $"user \"{user.Name}\" (groups=[{string.Join(" ", user.Groups.Select(g => $"\"{g}\""))}]) is attempting to grant RBAC permissions not currently held:\n"
            + string.Join("\n", Compact(missing).Select(m => m.Describe()).Order(StringComparer.Ordinal))
            + (problems.Count > 0 ? $"; resolution errors: [{string.Join(", ", problems.Distinct())}]" : "");
        throw ApiException.Forbidden(request.Resource, name, words);
    }

    /// <summary>Atoms that differ in nothing but the verb as one rule.</summary>
    private static IEnumerable<PolicyRule> Compact(List<PolicyRule> atoms) => atoms
        .GroupBy(a => a with { Verbs = [] }, (key, same) => key with { Verbs = [.. same.SelectMany(s => s.Verbs).Distinct()] }, SameThing.Instance);

    private sealed class SameThing : IEqualityComparer<PolicyRule>
    {
        public static readonly SameThing Instance = new();

        public bool Equals(PolicyRule? one, PolicyRule? other) => one is not null && other is not null && one.SameAs(other);

        public int GetHashCode(PolicyRule rule) => HashCode.Combine(rule.Resources.FirstOrDefault(), rule.Groups.FirstOrDefault(), rule.Urls.FirstOrDefault());
    }
}
