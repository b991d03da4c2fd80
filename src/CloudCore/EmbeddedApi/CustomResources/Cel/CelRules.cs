using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.CustomResources.Schemas;
using EdgeSync.CloudCore.EmbeddedApi.Validation;

namespace EdgeSync.CloudCore.EmbeddedApi.CustomResources.Cel;

/// <summary>The rules of an object, walked along its schema. For one object; not thread-safe.</summary>
internal sealed class CelRules(FieldErrors errors)
{
    private readonly ValuePath _path = new();
    private readonly CelBudget _budget = new();

    /// <summary>Asks all rules of a resource.</summary>
    /// <param name="schema">The resource's schema.</param>
    /// <param name="current">The resource.</param>
    /// <param name="old">The resource before; null on create.</param>
    public void Check(CustomSchema schema, JsonObject current, JsonObject? old)
    {
        if (!schema.HasRules)
        {
            return;
        }

        if (errors.HidesRules)
        {
            errors.Add(new FieldProblem(
                "FieldValueInvalid", "<nil>",
                "Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation"));
            return;
        }

        Walk(schema, current, old, isRoot: true);
    }

    private void Walk(CustomSchema schema, JsonNode? value, JsonNode? old, bool isRoot)
    {
        if (value is null || !schema.HasRules || _budget.IsUsedUp)
        {
            return;
        }

        if (schema.Rules.Count > 0)
        {
            Ask(schema, value, old, isRoot);
        }

        switch (value)
        {
            case JsonObject map:
                foreach (var (name, member) in map)
                {
                    if (schema.Member(name) is { HasRules: true } below)
                    {
                        _path.Push(name);
                        Walk(below, member, (old as JsonObject)?[name], isRoot: false);
                        _path.Pop();
                    }
                }

                break;
            case JsonArray list when schema.Items is { HasRules: true } items:
                for (var i = 0; i < list.Count; i++)
                {
                    _path.Push(i);
                    Walk(items, list[i], ListKeys.Counterpart(schema, list[i], old as JsonArray), isRoot: false);
                    _path.Pop();
                }

                break;
        }
    }

    private void Ask(CustomSchema schema, JsonNode value, JsonNode? old, bool isRoot)
    {
        var self = CelValues.Read(value, schema, isRoot);
        var oldSelf = old is null ? null : CelValues.Read(old, schema, isRoot);
        bool? same = null;
        foreach (var rule in schema.Rules)
        {
            if (rule.UsesOldSelf && old is null)
            {
                continue;
            }

            var field = _path.ToString();
            var problem = rule.Evaluate(self, oldSelf, value, field.Length == 0 ? "<nil>" : field, schema.Type, _budget);
            if (problem is not null && (rule.UsesOldSelf || old is null || !(same ??= JsonNode.DeepEquals(value, old))))
            {
                errors.Add(problem);
            }

            if (_budget.IsUsedUp)
            {
                errors.Add(FieldProblem.Invalid(field, schema.Type, "validation failed due to running out of cost budget, no further validation rules will be run"));
                return;
            }
        }
    }
}
