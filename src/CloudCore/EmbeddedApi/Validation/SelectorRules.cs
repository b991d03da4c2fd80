using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Validation;

/// <summary>metav1.LabelSelector in an object.</summary>
internal static class SelectorRules
{
    public static void Check(JsonObject selector, string field, FieldErrors errors)
    {
        ObjectMetaRules.CheckLabels(selector.Object("matchLabels"), $"{field}.matchLabels", errors);
        var index = 0;
        foreach (var expression in selector.Objects("matchExpressions"))
        {
            var at = FormattableString.Invariant($"{field}.matchExpressions[{index++}]");
            var count = expression.List("values")?.Count ?? 0;
            switch (expression.Text("operator"))
            {
                case "In" or "NotIn" when count == 0:
                    errors.Required($"{at}.values", "must be specified when `operator` is 'In' or 'NotIn'");
                    break;
                case "Exists" or "DoesNotExist" when count > 0:
                    errors.Forbidden($"{at}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
                    break;
                case "In" or "NotIn" or "Exists" or "DoesNotExist":
                    break;
                default:
                    errors.Invalid($"{at}.operator", expression.Text("operator") ?? "", "not a valid selector operator");
                    break;
            }

            if (NameRules.QualifiedName(expression.Text("key") ?? "") is { } why)
            {
                errors.Invalid($"{at}.key", expression.Text("key") ?? "", why);
            }
        }
    }

    public static bool IsEmpty(JsonObject selector) =>
        selector.Object("matchLabels") is null or { Count: 0 } && selector.List("matchExpressions") is null or { Count: 0 };

    public static bool Matches(JsonObject selector, JsonObject? labels)
    {
        foreach (var (key, value) in selector.Object("matchLabels") ?? [])
        {
            if (labels?.Text(key) is not { } found || found != value.AsText())
            {
                return false;
            }
        }

        foreach (var expression in selector.Objects("matchExpressions"))
        {
            var found = labels?.Text(expression.Text("key") ?? "");
            var listed = found is not null && (expression.List("values") ?? []).Any(v => v.AsText() == found);
            var fits = expression.Text("operator") switch
            {
                "In" => listed,
                "NotIn" => !listed,
                "Exists" => found is not null,
                _ => found is null,
            };
            if (!fits)
            {
                return false;
            }
        }

        return true;
    }
}
