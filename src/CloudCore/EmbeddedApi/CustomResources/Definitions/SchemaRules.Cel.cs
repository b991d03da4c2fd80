using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.CustomResources.Cel;
using EdgeSync.CloudCore.EmbeddedApi.CustomResources.Schemas;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Validation;

namespace EdgeSync.CloudCore.EmbeddedApi.CustomResources.Definitions;

internal static partial class SchemaRules
{
    private static readonly string[] s_reasons = ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];

    /// <summary>x-kubernetes-validations: what stands around the expressions, then the expressions themselves.</summary>
    private static void CheckRules(JsonObject node, string path, Place place, FieldErrors errors)
    {
        if (place.InBranch || node.List("x-kubernetes-validations") is not { Count: > 0 } rules)
        {
            return;
        }

        var before = errors.Count;
        for (var i = 0; i < rules.Count; i++)
        {
            if (rules[i] is JsonObject rule)
            {
                CheckRuleForm(node, rule, $"{path}.x-kubernetes-validations[{Count(i)}]", errors);
            }
        }

        if (errors.Count > before || SelfType(node, place) is not { } self)
        {
            return;
        }

        for (var i = 0; i < rules.Count; i++)
        {
            if (rules[i] is JsonObject rule)
            {
                CheckExpressions(rule, self, $"{path}.x-kubernetes-validations[{Count(i)}]", place, errors);
            }
        }
    }

    /// <summary>The type of self; null where the schema is wrong already, which is said elsewhere.</summary>
    private static CelType? SelfType(JsonObject node, Place place)
    {
        try
        {
            return CelType.Of(CustomSchemaReader.ReadPart(WithoutRules(node)), place.IsRoot);
        }
        catch (FormatException)
        {
            return null;
        }
    }

    private static void CheckRuleForm(JsonObject node, JsonObject rule, string path, FieldErrors errors)
    {
        var text = (rule.Text("rule") ?? "").Trim();
        var message = rule.Text("message") ?? "";
        if (text.Length == 0)
        {
            errors.Required($"{path}.rule", "rule is not specified");
        }
        else if (message.Length > 0 && message.Trim().Length == 0)
        {
            errors.Invalid($"{path}.message", message, "must be non-empty if specified");
        }
        else if (HasLines(message.Trim()))
        {
            errors.Invalid($"{path}.message", message, "must not contain line breaks");
        }
        else if (HasLines(text) && message.Length == 0)
        {
            errors.Required($"{path}.message", "message must be specified if rule contains line breaks");
        }

        if (rule.Text("messageExpression") is { Length: > 0 } expression && expression.Trim().Length == 0)
        {
            errors.Required($"{path}.messageExpression", "messageExpression must be non-empty if specified");
        }

        if (rule.Text("reason") is { } reason && !s_reasons.Contains(reason))
        {
            errors.NotSupported($"{path}.reason", reason, s_reasons);
        }

        if (rule.Text("fieldPath") is { Length: > 0 } fieldPath)
        {
            CheckFieldPath(node, fieldPath, $"{path}.fieldPath", errors);
        }

        if (rule.IsTrue("optionalOldSelf"))
        {
            errors.Forbidden($"{path}.optionalOldSelf", "optionals are not supported by this server; without it the rule is asked where there is an older value");
        }
    }

    private static void CheckFieldPath(JsonObject node, string fieldPath, string field, FieldErrors errors)
    {
        if (fieldPath.Trim().Length == 0)
        {
            errors.Invalid(field, fieldPath, "must be non-empty if specified");
        }
        else if (HasLines(fieldPath))
        {
            errors.Invalid(field, fieldPath, "must not contain line breaks");
        }
        else if (DefinitionRules.FindField(node, fieldPath) is null)
        {
            errors.Invalid(field, fieldPath, "must be a valid path");
        }
    }

    private static void CheckExpressions(JsonObject rule, CelType self, string path, Place place, FieldErrors errors)
    {
        var inMessage = false;
        try
        {
            var compiled = CelRule.Compile(rule, self, out inMessage);
            if (compiled.UsesOldSelf && place.NoCounterpart is { } list)
            {
                errors.Invalid($"{path}.rule", rule.Text("rule") ?? "", $"oldSelf cannot be used on the uncorrelatable portion of the schema within {list}");
            }
        }
        catch (CelSyntaxException e)
        {
            var member = inMessage ? "messageExpression" : "rule";
            var detail = CelRule.Describe(e, rule.Text(member) ?? "");
            errors.Invalid($"{path}.{member}", rule, inMessage && e.At >= 0 ? "messageExpression " + detail : detail);
        }
    }

    private static bool HasLines(string text) => text.AsSpan().ContainsAny('\n', '\r');
}
