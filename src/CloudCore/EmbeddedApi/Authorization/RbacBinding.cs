using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Store;

namespace EdgeSync.CloudCore.EmbeddedApi.Authorization;

/// <summary>A RoleBinding or ClusterRoleBinding, read. Immutable.</summary>
/// <param name="Binding">Its address; the namespace is empty for a ClusterRoleBinding.</param>
/// <param name="Role">The bound role's; the namespace is empty for a ClusterRole.</param>
/// <param name="Subjects">Each as the index has it, and in the words of a reason.</param>
internal sealed record RbacBinding(NamespacedName Binding, NamespacedName Role, IReadOnlyList<(string Subject, string Words)> Subjects)
{
    /// <summary>What is said where the role is not there.</summary>
    public string MissingRole { get; } = Role.Namespace.Length == 0
        ? $"{RbacResources.ClusterRoles.Replace("clusterroles", "clusterrole", StringComparison.Ordinal)} \"{Role.Name}\" not found"
        : $"{RbacResources.Roles.Replace("roles", "role", StringComparison.Ordinal)} \"{Role.Name}\" not found";

    public static RbacBinding Read(StoredObject stored)
    {
        var node = stored.Parse();
        var role = node.Object("roleRef") ?? [];
        var subjects = new List<(string, string)>();
        foreach (var subject in node.Objects("subjects"))
        {
            var name = subject.Text("name") ?? "";
            switch (subject.Text("kind"))
            {
                case "User":
                    subjects.Add((UserSubject(name), $"User \"{name}\""));
                    break;
                case "Group":
                    subjects.Add((GroupSubject(name), $"Group \"{name}\""));
                    break;
                case "ServiceAccount":
                    var ns = subject.Text("namespace") is { Length: > 0 } given ? given : stored.Key.Namespace;
                    subjects.Add((UserSubject(UserInfo.NameOf(ns, name)), $"ServiceAccount \"{name}/{ns}\""));
                    break;
            }
        }

        return new RbacBinding(
            stored.Key, new NamespacedName(role.Text("kind") == "Role" ? stored.Key.Namespace : "", role.Text("name") ?? ""), subjects);
    }

    public static string UserSubject(string name) => "u:" + name;

    public static string GroupSubject(string name) => "g:" + name;

    /// <summary>Why a request is allowed by this binding.</summary>
    public string Reason(string subject)
    {
        var role = Role.Namespace.Length == 0 ? $"ClusterRole \"{Role.Name}\"" : $"Role \"{Role.Name}\"";
        return Binding.Namespace.Length == 0
            ? $"RBAC: allowed by ClusterRoleBinding \"{Binding.Name}\" of {role} to {subject}"
            : $"RBAC: allowed by RoleBinding \"{Binding.Name}/{Binding.Namespace}\" of {role} to {subject}";
    }
}
