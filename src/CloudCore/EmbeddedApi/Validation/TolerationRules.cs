using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Validation;

/// <summary>Tolerations of a pod spec and taints of a node.</summary>
internal static class TolerationRules
{
    private static readonly string[] s_effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

    public static void Check(JsonObject spec, string field, FieldErrors errors)
    {
        var index = 0;
        foreach (var toleration in spec.Objects("tolerations"))
        {
            var at = FormattableString.Invariant($"{field}[{index++}]");
            var key = toleration.Text("key") ?? "";
            if (key.Length > 0 && NameRules.QualifiedName(key) is { } why)
            {
                errors.Invalid($"{at}.key", key, why);
            }

            var operation = toleration.Text("operator") ?? "";
            if (key.Length == 0 && operation != "Exists")
            {
                errors.Invalid($"{at}.operator", operation, "operator must be Exists when `key` is empty, which means \"match all values and all keys\"");
            }

            if (operation is not ("" or "Equal" or "Exists"))
            {
                errors.NotSupported($"{at}.operator", operation, "Equal", "Exists");
            }
            else if (operation == "Exists" && toleration.Text("value") is { Length: > 0 } value)
            {
                errors.Invalid($"{at}.operator", value, "value must be empty when `operator` is 'Exists'");
            }

            else if (operation != "Exists" && NameRules.LabelValue(toleration.Text("value") ?? "") is { } wrong)
            {
                errors.Invalid($"{at}.operator", toleration.Text("value") ?? "", wrong);
            }

            CheckEffect(toleration, at, errors);
            if (toleration["tolerationSeconds"] is not null && toleration.Text("effect") != "NoExecute")
            {
                errors.Invalid($"{at}.effect", toleration.Text("effect") ?? "", "effect must be 'NoExecute' when `tolerationSeconds` is set");
            }
        }
    }

    /// <summary>A node's taints: key, effect, and no two alike.</summary>
    public static void CheckTaints(JsonObject spec, FieldErrors errors)
    {
        var seen = new HashSet<(string, string)>();
        var index = 0;
        foreach (var taint in spec.Objects("taints"))
        {
            var at = FormattableString.Invariant($"spec.taints[{index++}]");
            var key = taint.Text("key") ?? "";
            if (NameRules.QualifiedName(key) is { } why)
            {
                errors.Invalid($"{at}.key", key, why);
            }

            if (taint.Text("effect") is null or "")
            {
                errors.Required($"{at}.effect");
            }

            CheckEffect(taint, at, errors);
            if (!seen.Add((key, taint.Text("effect") ?? "")))
            {
                errors.Duplicate(at, $"{key}:{taint.Text("effect")}");
            }
        }
    }

    private static void CheckEffect(JsonObject node, string field, FieldErrors errors)
    {
        if (node.Text("effect") is { Length: > 0 } effect && !s_effects.Contains(effect))
        {
            errors.NotSupported($"{field}.effect", effect, s_effects);
        }
    }
}
