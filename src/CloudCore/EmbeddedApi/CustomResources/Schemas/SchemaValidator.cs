using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Validation;

namespace EdgeSync.CloudCore.EmbeddedApi.CustomResources.Schemas;

/// <summary>
/// Checks a value against a schema, in the words and with the reasons of Kubernetes' validator. What an update leaves as it
/// was is not complained of again: errors within a part that equals the old one are dropped. For one value; not thread-safe.
/// </summary>
internal sealed class SchemaValidator(FieldErrors errors)
{
    // a value with a thousand errors is not mended by reading the second hundred
    private const int MostErrors = 100;

    private readonly ValuePath _path = new();
    private List<FieldProblem> _found = [];

    /// <summary>Checks a whole resource or one part of it.</summary>
    /// <param name="schema">The schema of the value.</param>
    /// <param name="value">The value.</param>
    /// <param name="old">The value before; null where there was none.</param>
    /// <param name="root">The part's place, <c>status</c>; empty for the whole.</param>
    public void Check(CustomSchema schema, JsonNode? value, JsonNode? old, string root)
    {
        if (root.Length > 0)
        {
            _path.Push(root);
        }

        Value(schema, value, old);
        foreach (var problem in _found)
        {
            errors.Add(problem);
        }

        _found = [];
        if (root.Length > 0)
        {
            _path.Pop();
        }
    }

    private void Value(CustomSchema schema, JsonNode? value, JsonNode? old)
    {
        var before = _found.Count;
        if (before > MostErrors)
        {
            return;
        }

        CheckType(schema, value);
        if (value is not null)
        {
            CheckBranches(schema, value);
            switch (value)
            {
                case JsonArray list:
                    CheckList(schema, list, old as JsonArray);
                    break;
                case JsonObject map:
                    CheckObject(schema, map, old as JsonObject);
                    break;
                case JsonValue scalar when scalar.GetValueKind() == JsonValueKind.String:
                    CheckText(schema, scalar.GetValue<string>());
                    break;
                case JsonValue scalar when JsonNumber.TryRead(scalar, out var number):
                    CheckNumber(schema, number);
                    break;
            }
        }

        if (schema.Enum.Count > 0 && !(value is null && schema.Nullable) && !schema.Enum.Any(e => JsonNode.DeepEquals(e, value)))
        {
            Add(FieldProblem.NotSupported(Here, value, schema.Enum));
        }

        if (_found.Count > before && old is not null && JsonNode.DeepEquals(old, value))
        {
            _found.RemoveRange(before, _found.Count - before);
        }
    }

    private string Here => _path.ToString();

    private void CheckType(CustomSchema schema, JsonNode? value)
    {
        var wanted = schema.IsIntOrString ? "integer,string" : schema.Type;
        if (wanted.Length == 0 || (value is null && schema.Nullable))
        {
            return;
        }

        var found = TypeOf(value, out var number);
        var fits = found == wanted
            || (wanted == "integer" && found == "number" && number.IsWhole)
            || (wanted == "number" && found == "integer")
            || (schema.IsIntOrString && (found is "integer" or "string" || (found == "number" && number.IsWhole)));
        if (!fits)
        {
            Add(FieldProblem.TypeInvalid(Here, JsonValue.Create(found), $"{Here} in body must be of type {wanted}: \"{found}\""));
        }
    }

    private static string TypeOf(JsonNode? value, out JsonNumber number)
    {
        number = default;
        switch (value)
        {
            case null:
                return "null";
            case JsonObject:
                return "object";
            case JsonArray:
                return "array";
            case JsonValue scalar when JsonNumber.TryRead(scalar, out number):
                return number.IsInteger ? "integer" : "number";
            default:
                return value.GetValueKind() == JsonValueKind.String ? "string" : "boolean";
        }
    }

    private void CheckText(CustomSchema schema, string text)
    {
        if (schema.MaxLength is { } most || schema.MinLength is not null)
        {
            var length = text.Length > (schema.MaxLength ?? 0) || text.Length < 2 * schema.MinLength ? Runes(text) : text.Length;
            if (length > schema.MaxLength)
            {
                Add(FieldProblem.TooLong(Here, schema.MaxLength.Value));
            }

            if (length < schema.MinLength)
            {
                Invalid(JsonValue.Create(text), string.Create(CultureInfo.InvariantCulture, $"{Here} in body should be at least {schema.MinLength} chars long"));
            }
        }

        if (schema.PatternRegex is { } pattern && !Matches(pattern, text))
        {
            Invalid(JsonValue.Create(text), $"{Here} in body should match '{schema.Pattern}'");
        }

        if (schema.Format.Length > 0 && schema.Type is "" or "string" && !TextFormats.Matches(schema.Format, text))
        {
            Add(FieldProblem.TypeInvalid(Here, JsonValue.Create(text), $"{Here} in body must be of type {schema.Format}: {FieldProblem.Quote(text)}"));
        }
    }

    private static bool Matches(Regex pattern, string text)
    {
        try
        {
            return pattern.IsMatch(text);
        }
        catch (RegexMatchTimeoutException)
        {
            throw ApiException.BadRequest("a text of this object is too long for the pattern that its schema has for it");
        }
    }

    private static long Runes(string text)
    {
        var count = 0L;
        foreach (var _ in text.EnumerateRunes())
        {
            count++;
        }

        return count;
    }

    private void CheckNumber(CustomSchema schema, JsonNumber number)
    {
        if (schema is { Type: "integer", Format: "int32" } && number.IsWhole && number.AsLong is < int.MinValue or > int.MaxValue)
        {
            Add(FieldProblem.Unplaced($"Checked value must be of type integer with format int32 in {Here}"));
        }

        if (schema is { Type: "number", Format: "float" } && Math.Abs(number.Real) > float.MaxValue)
        {
            Add(FieldProblem.Unplaced($"Checked value must be of type number with format float in {Here}"));
        }

        if (schema.MultipleOf is { } factor && factor > 0 && !IsMultiple(number.Real, factor))
        {
            InvalidNumber(number, $"should be a multiple of {Go(factor)}");
        }

        if (schema.Maximum is { } most && (schema.ExclusiveMaximum ? number.Real >= most : number.Real > most))
        {
            InvalidNumber(number, $"should be less than {(schema.ExclusiveMaximum ? "" : "or equal to ")}{Go(most)}");
        }

        if (schema.Minimum is { } least && (schema.ExclusiveMinimum ? number.Real <= least : number.Real < least))
        {
            InvalidNumber(number, $"should be greater than {(schema.ExclusiveMinimum ? "" : "or equal to ")}{Go(least)}");
        }
    }

    private static bool IsMultiple(double value, double factor)
    {
        var quotient = value / factor;
        return Math.Floor(quotient) == quotient;
    }

    private static string Go(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    private void CheckList(CustomSchema schema, JsonArray list, JsonArray? old)
    {
        if (schema.Items is { } items)
        {
            for (var i = 0; i < list.Count; i++)
            {
                _path.Push(i);
                Value(items, list[i], ListKeys.Counterpart(schema, list[i], old));
                _path.Pop();
            }
        }

        if (list.Count < schema.MinItems)
        {
            Invalid(JsonValue.Create((long)list.Count), string.Create(CultureInfo.InvariantCulture, $"{Here} in body should have at least {schema.MinItems} items"));
        }

        if (list.Count > schema.MaxItems)
        {
            Add(FieldProblem.TooMany(Here, list.Count, schema.MaxItems.Value));
        }
    }

    private void CheckObject(CustomSchema schema, JsonObject map, JsonObject? old)
    {
        if (map.Count < schema.MinProperties)
        {
            Invalid(JsonValue.Create((long)map.Count), string.Create(CultureInfo.InvariantCulture, $"{Here} in body should have at least {schema.MinProperties} properties"));
        }

        if (map.Count > schema.MaxProperties)
        {
            Add(FieldProblem.TooMany(Here, map.Count, schema.MaxProperties.Value));
        }

        foreach (var (name, value) in map)
        {
            if (schema.Member(name) is { } member)
            {
                _path.Push(name);
                Value(member, value, old?[name]);
                _path.Pop();
            }
            else if (schema.ForbidsAdditional)
            {
                Add(FieldProblem.Invalid(Here, JsonValue.Create(""), $"{Here}.{name} in body is a forbidden property"));
            }
        }

        foreach (var name in schema.Required)
        {
            if (!map.ContainsKey(name))
            {
                Add(FieldProblem.Required(_path.ToString(name)));
            }
        }
    }

    private void CheckBranches(CustomSchema schema, JsonNode value)
    {
        if (schema.AnyOf.Count > 0)
        {
            CheckAnyOf(schema.AnyOf, value);
        }

        if (schema.OneOf.Count > 0)
        {
            CheckOneOf(schema.OneOf, value);
        }

        if (schema.AllOf.Count > 0)
        {
            var failed = 0;
            foreach (var branch in schema.AllOf)
            {
                var problems = Try(branch, value);
                failed += problems.Count > 0 ? 1 : 0;
                _found.AddRange(problems);
            }

            if (failed > 0)
            {
                Add(FieldProblem.Unplaced($"\"{Here}\" must validate all the schemas (allOf){(failed == schema.AllOf.Count ? ". None validated" : "")}"));
            }
        }

        if (schema.Not is { } not && Try(not, value).Count == 0)
        {
            Add(FieldProblem.Unplaced($"\"{Here}\" must not validate the schema (not)"));
        }
    }

    private void CheckAnyOf(IReadOnlyList<CustomSchema> branches, JsonNode value)
    {
        List<FieldProblem>? closest = null;
        foreach (var branch in branches)
        {
            var problems = Try(branch, value);
            if (problems.Count == 0)
            {
                return;
            }

            closest ??= problems;
        }

        Add(FieldProblem.Unplaced($"\"{Here}\" must validate at least one schema (anyOf)"));
        _found.AddRange(closest ?? []);
    }

    private void CheckOneOf(IReadOnlyList<CustomSchema> branches, JsonNode value)
    {
        List<FieldProblem>? closest = null;
        var valid = 0;
        foreach (var branch in branches)
        {
            var problems = Try(branch, value);
            if (problems.Count == 0)
            {
                valid++;
            }
            else
            {
                closest ??= problems;
            }
        }

        if (valid == 1)
        {
            return;
        }

        var found = valid == 0 ? "Found none valid" : string.Create(CultureInfo.InvariantCulture, $"Found {valid} valid alternatives");
        Add(FieldProblem.Unplaced($"\"{Here}\" must validate one and only one schema (oneOf). {found}"));
        if (valid == 0)
        {
            _found.AddRange(closest ?? []);
        }
    }

    /// <summary>The problems that a branch would have, without noting them.</summary>
    private List<FieldProblem> Try(CustomSchema branch, JsonNode value)
    {
        var kept = _found;
        _found = [];
        Value(branch, value, null);
        var problems = _found;
        _found = kept;
        return problems;
    }

    private void InvalidNumber(JsonNumber number, string rule) =>
        Invalid(number.IsInteger ? JsonValue.Create(number.Integer) : JsonValue.Create(number.Real), $"{Here} in body {rule}");

    private void Invalid(JsonNode? value, string detail) => Add(FieldProblem.Invalid(Here, value, detail));

    private void Add(FieldProblem problem) => _found.Add(problem);
}
