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

    /// <summary>
    /// A workload's selector: it must be there, and select something. Returned is what the template's labels are matched with.
    /// </summary>
    public static JsonObject? CheckWanted(JsonObject spec, string kind, FieldErrors errors)
    {
        if (spec.Object("selector") is not { } selector)
        {
            errors.Required("spec.selector");
            return null;
        }

        Check(selector, "spec.selector", errors);
        if (IsEmpty(selector))
        {
            errors.Invalid("spec.selector", selector, $"empty selector is invalid for {kind}");
        }

        return selector;
    }

    /// <summary>A workload that selects other pods would leave its own behind.</summary>
    public static void CheckUnchanged(JsonObject spec, JsonObject? old, FieldErrors errors)
    {
        if (old is not null && !JsonNode.DeepEquals(old.ObjectOrNew("spec")["selector"], spec["selector"]))
        {
            errors.Invalid("spec.selector", spec["selector"], NumberRules.Immutable);
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
