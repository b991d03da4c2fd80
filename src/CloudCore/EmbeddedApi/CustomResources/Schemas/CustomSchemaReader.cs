using System.Collections.Frozen;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.CustomResources.Cel;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.CustomResources.Schemas;

/// <summary>
/// Makes a <see cref="CustomSchema"/> of a definition's openAPIV3Schema. It takes what
/// <see cref="Definitions.SchemaRules"/> has let pass; of anything else it says where it is wrong.
/// </summary>
internal sealed class CustomSchemaReader
{
    /// <summary>Nodes of one schema; the largest that are in use have some thousands.</summary>
    public const int MostNodes = 20_000;

    private int _nodes;

    /// <exception cref="FormatException">The schema cannot be used; the message says where and why.</exception>
    public static CustomSchema Read(JsonObject schema) => new CustomSchemaReader().Node(schema, "openAPIV3Schema", isResource: true);

    /// <summary>A part of a schema, without its rules.</summary>
    /// <exception cref="FormatException">The schema cannot be used; the message says where and why.</exception>
    public static CustomSchema ReadPart(JsonObject schema) => new CustomSchemaReader().Node(schema, "openAPIV3Schema", isResource: false);

    private CustomSchema Node(JsonObject node, string path, bool isResource = false)
    {
        if (++_nodes > MostNodes)
        {
            throw new FormatException($"{path}: the schema has more than {MostNodes} nodes");
        }

        var properties = Members(node, path);
        var items = node["items"] is JsonObject item ? Node(item, path + ".items") : null;
        var additional = node["additionalProperties"] is JsonObject map ? Node(map, path + ".additionalProperties") : null;
        var embedded = node.IsTrue("x-kubernetes-embedded-resource");
        var listType = node.Text("x-kubernetes-list-type") ?? "";
        var pattern = node.Text("pattern") ?? "";
        var below = properties.Values.Append(items).Append(additional).OfType<CustomSchema>().ToList();
        var schema = new CustomSchema
        {
            Type = node.Text("type") ?? "",
            Description = node.Text("description") ?? "",
            Nullable = node.IsTrue("nullable"),
            PreservesUnknown = node.IsTrue("x-kubernetes-preserve-unknown-fields"),
            IsResource = embedded,
            IsIntOrString = node.IsTrue("x-kubernetes-int-or-string"),
            ListType = listType,
            ListMapKeys = Texts(node, "x-kubernetes-list-map-keys"),
            MapType = node.Text("x-kubernetes-map-type") ?? "",
            Properties = properties.ToFrozenDictionary(StringComparer.Ordinal),
            Items = items,
            AdditionalProperties = additional,
            AllowsAdditional = additional is not null || node.IsTrue("additionalProperties"),
            ForbidsAdditional = node["additionalProperties"] is JsonValue && !node.IsTrue("additionalProperties"),
            Default = node["default"]?.DeepClone(),
            Required = Texts(node, "required"),
            Enum = node.List("enum") is { } values ? [.. values.Select(v => v?.DeepClone())] : [],
            Format = node.Text("format") ?? "",
            Pattern = pattern,
            PatternRegex = pattern.Length == 0 ? null : Compile(pattern, path),
            MaxLength = Whole(node, "maxLength"),
            MinLength = Whole(node, "minLength"),
            Maximum = Real(node, "maximum"),
            ExclusiveMaximum = node.IsTrue("exclusiveMaximum"),
            Minimum = Real(node, "minimum"),
            ExclusiveMinimum = node.IsTrue("exclusiveMinimum"),
            MultipleOf = Real(node, "multipleOf"),
            MaxItems = Whole(node, "maxItems"),
            MinItems = Whole(node, "minItems"),
            MaxProperties = Whole(node, "maxProperties"),
            MinProperties = Whole(node, "minProperties"),
            AllOf = Branches(node, "allOf", path),
            AnyOf = Branches(node, "anyOf", path),
            OneOf = Branches(node, "oneOf", path),
            Not = node["not"] is JsonObject not ? Node(not, path + ".not") : null,
            HasDefaults = node["default"] is not null || below.Any(s => s.HasDefaults),
            HasKeyedLists = listType is "set" or "map" || below.Any(s => s.HasKeyedLists),
            HasResources = embedded || below.Any(s => s.HasResources),
        };
        return WithRules(schema, node, path, isResource, below.Any(s => s.HasRules));
    }

    private static CustomSchema WithRules(CustomSchema schema, JsonObject node, string path, bool isResource, bool hasRulesBelow)
    {
        if (node.List("x-kubernetes-validations") is not { Count: > 0 } sources)
        {
            return schema with { HasRules = hasRulesBelow };
        }

        var self = CelType.Of(schema, isResource) ?? throw new FormatException($"{path}: rules cannot look into this type");
        var rules = new List<CelRule>();
        foreach (var source in sources.OfType<JsonObject>())
        {
            try
            {
                rules.Add(CelRule.Compile(source, self, out _));
            }
            catch (CelSyntaxException e)
            {
                throw new FormatException($"{path}.x-kubernetes-validations: {CelRule.Describe(e, source.Text("rule") ?? "")}", e);
            }
        }

        return schema with { Rules = rules, HasRules = true };
    }

    private Dictionary<string, CustomSchema> Members(JsonObject node, string path)
    {
        var members = new Dictionary<string, CustomSchema>();
        foreach (var (name, value) in node.Object("properties") ?? [])
        {
            members[name] = value is JsonObject member
                ? Node(member, $"{path}.properties[{name}]")
                : throw new FormatException($"{path}.properties[{name}] is not a schema");
        }

        return members;
    }

    private CustomSchema[] Branches(JsonObject node, string name, string path) => node.List(name) is { } list
        ? [.. list.Select((branch, i) => branch is JsonObject schema
            ? Node(schema, FormattableString.Invariant($"{path}.{name}[{i}]"))
            : throw new FormatException(FormattableString.Invariant($"{path}.{name}[{i}] is not a schema")))]
        : [];

    private static System.Text.RegularExpressions.Regex Compile(string pattern, string path)
    {
        try
        {
            return Re2Pattern.Compile(pattern);
        }
        catch (FormatException e)
        {
            throw new FormatException($"{path}.pattern: {e.Message}", e);
        }
    }

    private static string[] Texts(JsonObject node, string name) =>
        node.List(name) is { } list ? [.. list.Select(v => v.AsText() ?? "")] : [];

    private static long? Whole(JsonObject node, string name) =>
        node[name] is JsonValue value && JsonNumber.TryRead(value, out var number) ? number.AsLong : null;

    private static double? Real(JsonObject node, string name) =>
        node[name] is JsonValue value && JsonNumber.TryRead(value, out var number) ? number.Real : null;
}
