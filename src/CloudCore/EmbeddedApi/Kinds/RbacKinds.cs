using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Tables;
using EdgeSync.CloudCore.EmbeddedApi.Validation;

namespace EdgeSync.CloudCore.EmbeddedApi.Kinds;

/// <summary>The resources of rbac.authorization.k8s.io/v1.</summary>
internal static class RbacKinds
{
    private const string Group = "rbac.authorization.k8s.io";

    public static ResourceDescriptor[] All(SchemaText schema) =>
    [
        new()
        {
            Group = Group, Version = "v1", Plural = "clusterrolebindings", Singular = "clusterrolebinding", Kind = "ClusterRoleBinding",
            Namespaced = false, NameRule = NameRule.PathSegment, CreatesOnUpdate = true, Schema = schema.Type("ClusterRoleBinding"), Columns = RbacColumns.Bindings,
            Default = DefaultBinding, Validate = RbacRules.CheckClusterRoleBinding,
        },
        new()
        {
            Group = Group, Version = "v1", Plural = "clusterroles", Singular = "clusterrole", Kind = "ClusterRole",
            Namespaced = false, NameRule = NameRule.PathSegment, CreatesOnUpdate = true, Schema = schema.Type("ClusterRole"), Columns = RbacColumns.Roles,
            Default = DefaultRole, Validate = RbacRules.CheckClusterRole,
        },
        new()
        {
            Group = Group, Version = "v1", Plural = "rolebindings", Singular = "rolebinding", Kind = "RoleBinding",
            NameRule = NameRule.PathSegment, CreatesOnUpdate = true, Schema = schema.Type("RoleBinding"), Columns = RbacColumns.Bindings,
            Default = DefaultBinding, Validate = RbacRules.CheckRoleBinding,
        },
        new()
        {
            Group = Group, Version = "v1", Plural = "roles", Singular = "role", Kind = "Role",
            NameRule = NameRule.PathSegment, CreatesOnUpdate = true, Schema = schema.Type("Role"), Columns = RbacColumns.Roles,
            Default = DefaultRole, Validate = RbacRules.CheckRole,
        },
    ];

    /// <summary>Go's encoder writes rules that are not there as null, and clients read them so.</summary>
    private static void DefaultRole(JsonObject role)
    {
        if (!role.ContainsKey("rules"))
        {
            role["rules"] = null;
        }
    }

    private static void DefaultBinding(JsonObject binding)
    {
        if (binding.Object("roleRef") is { } role)
        {
            role["apiGroup"] = role.Text("apiGroup") is { Length: > 0 } given ? given : Group;
        }

        foreach (var subject in binding.Objects("subjects"))
        {
            if (subject.Text("kind") is "User" or "Group" && subject.Text("apiGroup") is null or "")
            {
                subject["apiGroup"] = Group;
            }
        }
    }
}
