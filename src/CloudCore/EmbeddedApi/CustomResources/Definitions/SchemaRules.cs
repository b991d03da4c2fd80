using System.Globalization;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.CustomResources.Schemas;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Validation;

namespace EdgeSync.CloudCore.EmbeddedApi.CustomResources.Definitions;

/// <summary>
/// The rules for an openAPIV3Schema. It must be structural (every field has a type outside of allOf, anyOf, oneOf and not), then it must
/// use nothing of JSON Schema that Kubernetes leaves out, then its defaults must fit.
/// </summary>
internal static partial class SchemaRules
{
    // only these may stand beside the properties at the root, because the schema of the status is taken out of them
    private const string RootFields =
        "[Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength MinLength Pattern MaxItems MinItems UniqueItems MultipleOf Required Items Properties ExternalDocs Example XPreserveUnknownFields XValidations]";

    private static readonly string[] s_beyondRoot =
    [
        "id", "$schema", "$ref", "default", "enum", "maxProperties", "minProperties", "allOf", "oneOf", "anyOf", "not", "additionalProperties",
        "patternProperties", "dependencies", "additionalItems", "definitions", "x-kubernetes-embedded-resource", "x-kubernetes-int-or-string",
        "x-kubernetes-list-map-keys", "x-kubernetes-list-type", "x-kubernetes-map-type",
    ];

    private static readonly string[] s_types = ["array", "boolean", "integer", "number", "object", "string"];

    private enum Level
    {
        Root,
        Item,
        Field,
    }

    public static void Check(JsonObject schema, string path, bool hasStatus, FieldErrors errors)
    {
        var before = errors.Count;
        if (hasStatus)
        {
            CheckRoot(schema, path, errors);
        }

        if (schema.IsTrue("nullable"))
        {
            errors.Forbidden($"{path}.nullable", "nullable cannot be true at the root");
        }

        var structural = errors.Count;
        CheckStructure(schema, Level.Root, path, errors);
        CheckComplete(schema, schema, path, path, errors);
        if (errors.Count == structural)
        {
            CheckDefaults(schema, path, errors);
        }

        CheckUse(schema, path, new Place(IsRoot: true, InMetadata: false, NoDefaults: null), errors);
        if (errors.Count > before)
        {
            return;
        }

        // what is left are patterns and sizes that this server cannot take
        try
        {
            _ = CustomSchemaReader.Read(schema);
        }
        catch (FormatException e)
        {
            errors.Invalid(path, "", e.Message);
        }
    }

    private static void CheckRoot(JsonObject schema, string path, FieldErrors errors)
    {
        if (schema.Text("type") is { Length: > 0 } type && type != "object")
        {
            errors.Invalid($"{path}.type", type, "only \"object\" is allowed as the type at the root of the schema if the status subresource is enabled");
        }
        else if (s_beyondRoot.Any(schema.ContainsKey))
        {
            errors.Invalid(path, schema, $"only {RootFields} fields are allowed at the root of the schema if the status subresource is enabled");
        }
    }

    private static void CheckStructure(JsonObject node, Level level, string path, FieldErrors errors)
    {
        var type = node.Text("type") ?? "";
        if (type == "array" && node["items"] is null)
        {
            errors.Required($"{path}.items", "must be specified");
        }

        if (node.Object("items") is { } items)
        {
            CheckStructure(items, Level.Item, $"{path}.items", errors);
        }

        foreach (var (name, member) in node.Object("properties") ?? [])
        {
            if (member is JsonObject schema)
            {
                CheckStructure(schema, Level.Field, $"{path}.properties[{name}]", errors);
            }
        }

        if (node["additionalProperties"] is { } additional)
        {
            if (level == Level.Root)
            {
                errors.Forbidden($"{path}.additionalProperties", "must not be used at the root");
            }

            if (additional is JsonObject schema)
            {
                CheckStructure(schema, Level.Field, $"{path}.additionalProperties", errors);
            }
        }

        CheckExtensions(node, path, errors);
        CheckBranches(node, path, IsIntOrString(node.List("anyOf")), (node.List("allOf")?.FirstOrDefault() as JsonObject)?.List("anyOf") is { } first && IsIntOrString(first), errors);
        CheckTypeGiven(node, type, level, path, errors);
        CheckMetadata(node, level, path, errors);
    }

    private static void CheckExtensions(JsonObject node, string path, FieldErrors errors)
    {
        if (!node.IsTrue("x-kubernetes-int-or-string"))
        {
            return;
        }

        if (node.IsTrue("x-kubernetes-preserve-unknown-fields"))
        {
            errors.Invalid($"{path}.x-kubernetes-preserve-unknown-fields", JsonValue.Create(true), "must be false if x-kubernetes-int-or-string is true");
        }

        if (node.IsTrue("x-kubernetes-embedded-resource"))
        {
            errors.Invalid($"{path}.x-kubernetes-embedded-resource", JsonValue.Create(true), "must be false if x-kubernetes-int-or-string is true");
        }
    }

    private static void CheckTypeGiven(JsonObject node, string type, Level level, string path, FieldErrors errors)
    {
        var embedded = node.IsTrue("x-kubernetes-embedded-resource");
        if (embedded && type != "object")
        {
            const string rule = "must be object if x-kubernetes-embedded-resource is true";
            if (type.Length == 0)
            {
                errors.Required($"{path}.type", rule);
            }
            else
            {
                errors.Invalid($"{path}.type", type, rule);
            }
        }
        else if (type.Length == 0 && !node.IsTrue("x-kubernetes-int-or-string") && !node.IsTrue("x-kubernetes-preserve-unknown-fields"))
        {
            errors.Required($"{path}.type", level switch
            {
                Level.Root => "must not be empty at the root",
                Level.Item => "must not be empty for specified array items",
                _ => "must not be empty for specified object fields",
            });
        }

        if (embedded && node["additionalProperties"] is not null)
        {
            errors.Forbidden($"{path}.additionalProperties", "must not be used if x-kubernetes-embedded-resource is set");
        }

        if (level == Level.Root && type.Length > 0 && type != "object")
        {
            errors.Invalid($"{path}.type", type, "must be object at the root");
        }

        if (embedded && !node.IsTrue("x-kubernetes-preserve-unknown-fields") && node.Object("properties") is not { Count: > 0 })
        {
            errors.Required($"{path}.properties", "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields");
        }
    }

    /// <summary>A resource's own kind, apiVersion and metadata: the schema may say little of them.</summary>
    private static void CheckMetadata(JsonObject node, Level level, string path, FieldErrors errors)
    {
        var isResource = level == Level.Root || node.IsTrue("x-kubernetes-embedded-resource");
        var properties = node.Object("properties") ?? [];
        foreach (var name in isResource ? (string[])["kind", "apiVersion"] : [])
        {
            if (properties.Object(name) is { } member && member.Text("type") != "string")
            {
                errors.Invalid($"{path}.properties[{name}].type", member.Text("type") ?? "", "must be string");
            }
        }

        if (properties.Object("metadata") is not { } metadata || !isResource)
        {
            return;
        }

        var field = $"{path}.properties[metadata]";
        if (metadata.Text("type") != "object")
        {
            errors.Invalid($"{field}.type", metadata.Text("type") ?? "", "must be object");
        }

        var others = metadata.Any(m => m.Key is not ("type" or "properties" or "default" or "description"))
            || metadata.Object("properties")?.Any(p => p.Key is not ("name" or "generateName")) == true;
        if (level == Level.Root && (others || metadata["description"] is not null))
        {
            errors.Forbidden(field, "must not specify anything other than name and generateName, but metadata is implicitly specified");
        }
    }

    private static bool IsIntOrString(JsonArray? anyOf) => anyOf is [JsonObject first, JsonObject second]
        && first.Count == 1 && first.Text("type") == "integer" && second.Count == 1 && second.Text("type") == "string";

    private static void CheckBranches(JsonObject node, string path, bool skipAnyOf, bool skipFirstAllOf, FieldErrors errors)
    {
        foreach (var name in (string[])["anyOf", "allOf", "oneOf"])
        {
            if (name == "anyOf" && skipAnyOf)
            {
                continue;
            }

            var index = 0;
            foreach (var branch in node.Objects(name))
            {
                CheckBranch(branch, FormattableString.Invariant($"{path}.{name}[{index}]"), name == "allOf" && skipFirstAllOf && index == 0, errors);
                index++;
            }
        }

        if (node.Object("not") is { } not)
        {
            CheckBranch(not, $"{path}.not", false, errors);
        }

        if (node.Text("pattern") is { Length: > 0 } pattern)
        {
            try
            {
                Re2Pattern.Compile(pattern);
            }
            catch (FormatException e)
            {
                errors.Invalid($"{path}.pattern", pattern, $"must be a valid regular expression, but isn't: {e.Message}");
            }
        }
    }

    /// <summary>What stands in allOf, anyOf, oneOf and not may restrict values, and nothing else.</summary>
    private static void CheckBranch(JsonObject node, string path, bool skipAnyOf, FieldErrors errors)
    {
        CheckBranches(node, path, skipAnyOf, false, errors);
        if (node.Object("items") is { } items)
        {
            CheckBranch(items, $"{path}.items", false, errors);
        }

        foreach (var (name, member) in node.Object("properties") ?? [])
        {
            if (member is JsonObject schema)
            {
                CheckBranch(schema, $"{path}.properties[{name}]", false, errors);
            }
        }

        foreach (var (member, rule) in s_notInBranches)
        {
            if (node[member] is { } value && !IsZero(value))
            {
                errors.Forbidden($"{path}.{member}", $"must be {rule} to be structural");
            }
        }

        if (node.Object("properties")?.ContainsKey("metadata") == true)
        {
            errors.Forbidden($"{path}.properties[metadata]", "must not be specified in a nested context");
        }
    }

    private static readonly (string Member, string Rule)[] s_notInBranches =
    [
        ("type", "empty"), ("additionalProperties", "undefined"), ("default", "undefined"), ("title", "empty"), ("description", "empty"),
        ("nullable", "false"), ("x-kubernetes-preserve-unknown-fields", "false"), ("x-kubernetes-embedded-resource", "false"),
        ("x-kubernetes-int-or-string", "false"), ("x-kubernetes-list-map-keys", "empty"), ("x-kubernetes-list-type", "undefined"),
        ("x-kubernetes-map-type", "undefined"), ("x-kubernetes-validations", "empty"),
    ];

    private static bool IsZero(JsonNode value) => value switch
    {
        JsonArray list => list.Count == 0,
        JsonValue scalar => scalar.TryGetValue<bool>(out var flag) ? !flag : scalar.TryGetValue<string>(out var text) && text.Length == 0,
        _ => false,
    };

    /// <summary>Every field that a branch names must be named outside of it too.</summary>
    private static void CheckComplete(JsonObject branch, JsonObject? schema, string schemaPath, string branchPath, FieldErrors errors)
    {
        foreach (var name in (string[])["allOf", "anyOf", "oneOf"])
        {
            var index = 0;
            foreach (var nested in branch.Objects(name))
            {
                CheckNestedComplete(nested, schema, schemaPath, FormattableString.Invariant($"{branchPath}.{name}[{index++}]"), errors);
            }
        }

        if (branch.Object("not") is { } not)
        {
            CheckNestedComplete(not, schema, schemaPath, $"{branchPath}.not", errors);
        }

        if (!ReferenceEquals(branch, schema))
        {
            return;
        }

        // the same for what lies below, on both sides at once
        foreach (var (name, member) in schema.Object("properties") ?? [])
        {
            if (member is JsonObject below)
            {
                CheckComplete(below, below, $"{schemaPath}.properties[{name}]", $"{branchPath}.properties[{name}]", errors);
            }
        }

        if (schema.Object("items") is { } items)
        {
            CheckComplete(items, items, $"{schemaPath}.items", $"{branchPath}.items", errors);
        }

        if (schema.Object("additionalProperties") is { } map)
        {
            CheckComplete(map, map, $"{schemaPath}.additionalProperties", $"{branchPath}.additionalProperties", errors);
        }
    }

    private static void CheckNestedComplete(JsonObject branch, JsonObject? schema, string schemaPath, string branchPath, FieldErrors errors)
    {
        if (schema is null)
        {
            errors.Required(schemaPath, $"because it is defined in {branchPath}");
            return;
        }

        CheckComplete(branch, schema, schemaPath, branchPath, errors);
        if (branch.Object("items") is { } items)
        {
            CheckNestedComplete(items, schema.Object("items"), $"{schemaPath}.items", $"{branchPath}.items", errors);
        }

        foreach (var (name, member) in branch.Object("properties") ?? [])
        {
            if (member is JsonObject nested)
            {
                CheckNestedComplete(
                    nested, schema.Object("properties")?.Object(name), $"{schemaPath}.properties[{name}]", $"{branchPath}.properties[{name}]", errors);
            }
        }
    }

    /// <summary>Where a walk through the schema stands.</summary>
    /// <param name="IsRoot">At the resource itself.</param>
    /// <param name="InMetadata">Below a resource's own apiVersion, kind or metadata.</param>
    /// <param name="NoDefaults">Why there may be no default; null where there may.</param>
    private readonly record struct Place(bool IsRoot, bool InMetadata, string? NoDefaults)
    {
        /// <summary>The uppermost list or map whose members have no counterpart in an older object; null where all have one.</summary>
        public string? NoCounterpart { get; init; }

        /// <summary>Within allOf, anyOf, oneOf or not.</summary>
        public bool InBranch { get; init; }

        public Place Below => this with { IsRoot = false };

        public Place Uncorrelated(string path) => this with { NoCounterpart = NoCounterpart ?? path };
    }

    private static string Count(int number) => number.ToString(CultureInfo.InvariantCulture);
}
