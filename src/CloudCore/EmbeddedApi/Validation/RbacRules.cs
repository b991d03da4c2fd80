using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Validation;

/// <summary>The rules for roles and bindings.</summary>
internal static class RbacRules
{
    private const string Group = "rbac.authorization.k8s.io";

    public static void CheckRole(JsonObject role, JsonObject? old, FieldErrors errors) => CheckRules(role, isNamespaced: true, errors);

    public static void CheckClusterRole(JsonObject role, JsonObject? old, FieldErrors errors)
    {
        CheckRules(role, isNamespaced: false, errors);
        if (role.Object("aggregationRule") is not { } aggregation)
        {
            return;
        }

        if (aggregation.List("clusterRoleSelectors") is not { Count: > 0 })
        {
            errors.Required("aggregationRule.clusterRoleSelectors", "at least one clusterRoleSelector required if aggregationRule is non-nil");
        }

        var index = 0;
        foreach (var selector in aggregation.Objects("clusterRoleSelectors"))
        {
            var field = FormattableString.Invariant($"aggregationRule.clusterRoleSelectors[{index++}]");
            ObjectMetaRules.CheckLabels(selector.Object("matchLabels"), $"{field}.matchLabels", errors);
            var at = 0;
            foreach (var expression in selector.Objects("matchExpressions"))
            {
                CheckExpression(expression, FormattableString.Invariant($"{field}.matchExpressions[{at++}]"), errors);
            }
        }
    }

    public static void CheckRoleBinding(JsonObject binding, JsonObject? old, FieldErrors errors) =>
        CheckBinding(binding, old, isNamespaced: true, errors);

    public static void CheckClusterRoleBinding(JsonObject binding, JsonObject? old, FieldErrors errors) =>
        CheckBinding(binding, old, isNamespaced: false, errors);

    private static void CheckExpression(JsonObject expression, string field, FieldErrors errors)
    {
        if (expression.Text("key") is not { Length: > 0 } key || NameRules.QualifiedName(key) is not null)
        {
            errors.Invalid($"{field}.key", expression.Text("key") ?? "", "a label key is needed");
        }

        var has = expression.List("values") is { Count: > 0 };
        switch (expression.Text("operator"))
        {
            case "In" or "NotIn" when !has:
                errors.Required($"{field}.values", "must be specified when `operator` is 'In' or 'NotIn'");
                break;
            case "Exists" or "DoesNotExist" when has:
                errors.Forbidden($"{field}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
                break;
            case "In" or "NotIn" or "Exists" or "DoesNotExist":
                break;
            default:
                errors.Invalid($"{field}.operator", expression.Text("operator") ?? "", "not a valid selector operator");
                break;
        }
    }

    private static void CheckRules(JsonObject role, bool isNamespaced, FieldErrors errors)
    {
        var index = 0;
        foreach (var rule in role.Objects("rules"))
        {
            CheckRule(rule, isNamespaced, FormattableString.Invariant($"rules[{index++}]"), errors);
        }
    }

    private static void CheckRule(JsonObject rule, bool isNamespaced, string field, FieldErrors errors)
    {
        if (!Has(rule, "verbs"))
        {
            errors.Required($"{field}.verbs", "verbs must contain at least one value");
        }

        if (Has(rule, "nonResourceURLs"))
        {
            if (isNamespaced)
            {
                errors.Invalid($"{field}.nonResourceURLs", rule["nonResourceURLs"], "namespaced rules cannot apply to non-resource URLs");
            }

            if (Has(rule, "apiGroups") || Has(rule, "resources") || Has(rule, "resourceNames"))
            {
                errors.Invalid($"{field}.nonResourceURLs", rule["nonResourceURLs"], "rules cannot apply to both regular resources and non-resource URLs");
            }

            return;
        }

        if (!Has(rule, "apiGroups"))
        {
            errors.Required($"{field}.apiGroups", "resource rules must supply at least one api group");
        }

        if (!Has(rule, "resources"))
        {
            errors.Required($"{field}.resources", "resource rules must supply at least one resource");
        }
    }

    private static void CheckBinding(JsonObject binding, JsonObject? old, bool isNamespaced, FieldErrors errors)
    {
        var role = binding.Object("roleRef") ?? [];
        if (role.Text("apiGroup") != Group)
        {
            errors.NotSupported("roleRef.apiGroup", role.Text("apiGroup") ?? "", Group);
        }

        switch (role.Text("kind"))
        {
            case "Role" when isNamespaced:
            case "ClusterRole":
                break;
            case var other when isNamespaced:
                errors.NotSupported("roleRef.kind", other ?? "", "ClusterRole", "Role");
                break;
            case var other:
                errors.NotSupported("roleRef.kind", other ?? "", "ClusterRole");
                break;
        }

        if (role.Text("name") is not { Length: > 0 } name)
        {
            errors.Required("roleRef.name");
        }
        else if (NameRules.PathSegment(name) is { } why)
        {
            errors.Invalid("roleRef.name", name, why);
        }

        var index = 0;
        foreach (var subject in binding.Objects("subjects"))
        {
            CheckSubject(subject, isNamespaced, FormattableString.Invariant($"subjects[{index++}]"), errors);
        }

        if (old is not null && !JsonNode.DeepEquals(old["roleRef"], binding["roleRef"]))
        {
            errors.Invalid("roleRef", binding["roleRef"], "cannot change roleRef");
        }
    }

    private static void CheckSubject(JsonObject subject, bool isNamespaced, string field, FieldErrors errors)
    {
        var name = subject.Text("name") ?? "";
        if (name.Length == 0)
        {
            errors.Required($"{field}.name");
        }

        var group = subject.Text("apiGroup") ?? "";
        switch (subject.Text("kind"))
        {
            case "ServiceAccount":
                if (name.Length > 0 && NameRules.Subdomain(name) is { } why)
                {
                    errors.Invalid($"{field}.name", name, why);
                }

                if (group.Length > 0)
                {
                    errors.NotSupported($"{field}.apiGroup", group, "");
                }

                if (!isNamespaced && subject.Text("namespace") is null or "")
                {
                    errors.Required($"{field}.namespace");
                }

                break;
            case "User" or "Group":
                if (group != Group)
                {
                    errors.NotSupported($"{field}.apiGroup", group, Group);
                }

                break;
            case var other:
                errors.NotSupported($"{field}.kind", other ?? "", "Group", "ServiceAccount", "User");
                break;
        }
    }

    private static bool Has(JsonObject node, string name) => node.List(name) is { Count: > 0 };
}
