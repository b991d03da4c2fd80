using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.CustomResources.Schemas;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Validation;

namespace EdgeSync.CloudCore.EmbeddedApi.CustomResources.Definitions;

internal static partial class SchemaRules
{
    /// <summary>What Kubernetes leaves out of JSON Schema, and what must go together.</summary>
    private static void CheckUse(JsonObject node, string path, Place place, FieldErrors errors)
    {
        CheckWords(node, path, place, errors);
        if (node.IsTrue("uniqueItems"))
        {
            errors.Forbidden($"{path}.uniqueItems", "uniqueItems cannot be set to true since the runtime complexity becomes quadratic");
        }

        CheckUseBelow(node, path, place, errors);
        if (node["x-kubernetes-preserve-unknown-fields"] is JsonValue preserve && !node.IsTrue("x-kubernetes-preserve-unknown-fields"))
        {
            errors.Invalid($"{path}.x-kubernetes-preserve-unknown-fields", preserve, "must be true or undefined");
        }

        CheckMapType(node, path, errors);
        CheckListType(node, path, errors);
        CheckKeyedItems(node, path, errors);
        CheckRules(node, path, place, errors);
    }

    private static void CheckWords(JsonObject node, string path, Place place, FieldErrors errors)
    {
        var type = node.Text("type") ?? "";
        if (type.Length > 0 && !s_types.Contains(type))
        {
            errors.NotSupported($"{path}.type", type, s_types);
        }

        if (node["default"] is not null && place.NoDefaults is { } why)
        {
            errors.Forbidden($"{path}.default", $"must not be set {why}");
        }

        foreach (var word in (string[])["id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref"])
        {
            if (node[word] is not null)
            {
                errors.Forbidden($"{path}.{word}", $"{word} is not supported");
            }
        }

        if (type == "null")
        {
            errors.Forbidden($"{path}.type", "type cannot be set to null, use nullable as an alternative");
        }

        if (node["items"] is JsonArray)
        {
            errors.Forbidden($"{path}.items", "items must be a schema object and not an array");
        }

        if (place.InMetadata && node.IsTrue("x-kubernetes-embedded-resource"))
        {
            errors.Forbidden($"{path}.x-kubernetes-embedded-resource", "must not be used inside of resource meta");
        }
    }

    private static void CheckUseBelow(JsonObject node, string path, Place place, FieldErrors errors)
    {
        if (node["additionalProperties"] is { } additional)
        {
            if (node.Object("properties") is { Count: > 0 } && !node.IsTrue("additionalProperties"))
            {
                errors.Forbidden($"{path}.additionalProperties", "additionalProperties and properties are mutual exclusive");
            }

            if (additional is JsonObject map)
            {
                var below = place.InMetadata ? place.Below with { NoDefaults = "inside additionalProperties applying to object metadata" } : place.Below;
                CheckUse(map, $"{path}.additionalProperties", below, errors);
            }
        }

        foreach (var (name, member) in node.Object("properties") ?? [])
        {
            var below = node.Text("x-kubernetes-map-type") == "atomic" ? place.Below.Uncorrelated(path) : place.Below;
            if ((place.IsRoot || node.IsTrue("x-kubernetes-embedded-resource")) && name is "metadata" or "kind" or "apiVersion")
            {
                below = below with { InMetadata = true, NoDefaults = place.IsRoot ? $"in top-level {name}" : below.NoDefaults };
            }

            if (member is JsonObject schema)
            {
                CheckUse(schema, $"{path}.properties[{name}]", below, errors);
            }
        }

        if (node.Object("not") is { } not)
        {
            CheckUse(not, $"{path}.not", place.Below with { InBranch = true }, errors);
        }

        foreach (var name in (string[])["allOf", "oneOf", "anyOf"])
        {
            var index = 0;
            foreach (var branch in node.Objects(name))
            {
                CheckUse(branch, $"{path}.{name}[{Count(index++)}]", place.Below with { InBranch = true }, errors);
            }
        }

        if (node.Object("items") is { } items)
        {
            CheckUse(items, $"{path}.items", node.Text("x-kubernetes-list-type") == "map" ? place.Below : place.Below.Uncorrelated(path), errors);
        }
    }

    private static void CheckMapType(JsonObject node, string path, FieldErrors errors)
    {
        if (node.Text("x-kubernetes-map-type") is not { } mapType)
        {
            return;
        }

        CheckType(node, path, "object", "must be object if x-kubernetes-map-type is specified", errors);
        if (mapType is not ("atomic" or "granular"))
        {
            errors.NotSupported($"{path}.x-kubernetes-map-type", mapType, "atomic", "granular");
        }
    }

    private static void CheckListType(JsonObject node, string path, FieldErrors errors)
    {
        var field = $"{path}.x-kubernetes-list-type";
        var keys = node.List("x-kubernetes-list-map-keys");
        if (node.Text("x-kubernetes-list-type") is not { } listType)
        {
            if (keys is { Count: > 0 })
            {
                errors.Required(field, "must be map if x-kubernetes-list-map-keys is non-empty");
            }

            return;
        }

        if (node.Text("type") != "array")
        {
            CheckType(node, path, "array", "must be array if x-kubernetes-list-type is specified", errors);
        }
        else if (listType == "set" && node.Object("items") is { } items)
        {
            CheckSetItems(items, path, errors);
        }

        if (listType is not ("atomic" or "set" or "map"))
        {
            errors.Add(FieldProblem.NotSupported(field, listType, ["atomic", "set", "map"]));
        }

        if (keys is { Count: > 0 } && listType != "map")
        {
            errors.Invalid(field, listType, "must be map if x-kubernetes-list-map-keys is non-empty");
        }
    }

    private static void CheckSetItems(JsonObject items, string path, FieldErrors errors)
    {
        const string rule = "must be atomic as item of a list with x-kubernetes-list-type=set";
        if (items.Text("type") == "array" && items.Text("x-kubernetes-list-type") is { } inner && inner != "atomic")
        {
            errors.Invalid($"{path}.items.x-kubernetes-list-type", inner, rule);
        }

        if (items.Text("type") == "object" && items.Text("x-kubernetes-map-type") != "atomic")
        {
            errors.Invalid($"{path}.items.x-kubernetes-map-type", items["x-kubernetes-list-type"], rule);
        }
    }

    private static void CheckType(JsonObject node, string path, string wanted, string rule, FieldErrors errors)
    {
        var type = node.Text("type") ?? "";
        if (type.Length == 0)
        {
            errors.Required($"{path}.type", rule);
        }
        else if (type != wanted)
        {
            errors.Invalid($"{path}.type", type, rule);
        }
    }

    /// <summary>Lists of the types set and map, and the keys of the latter.</summary>
    private static void CheckKeyedItems(JsonObject node, string path, FieldErrors errors)
    {
        var listType = node.Text("x-kubernetes-list-type");
        if (listType is not ("set" or "map"))
        {
            return;
        }

        var items = node.Object("items");
        var keys = (node.List("x-kubernetes-list-map-keys") ?? []).Select(k => k.AsText() ?? "").ToList();
        if (listType == "map")
        {
            CheckKeys(node, items, keys, path, errors);
        }

        if (items?.IsTrue("nullable") == true)
        {
            errors.Forbidden($"{path}.items.nullable", $"cannot be nullable when x-kubernetes-list-type is {listType}");
        }

        foreach (var key in listType == "map" ? keys : [])
        {
            if (items?.Object("properties")?.Object(key) is not { } member)
            {
                continue;
            }

            var field = $"{path}.items.properties[{key}]";
            if (member["default"] is null && items.List("required")?.Any(r => r.AsText() == key) != true)
            {
                errors.Required($"{field}.default", "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property");
            }

            if (member.IsTrue("nullable"))
            {
                errors.Forbidden($"{field}.nullable", "this property is in x-kubernetes-list-map-keys, so it cannot be nullable");
            }
        }
    }

    private static void CheckKeys(JsonObject node, JsonObject? items, List<string> keys, string path, FieldErrors errors)
    {
        var field = $"{path}.x-kubernetes-list-map-keys";
        if (keys.Count == 0)
        {
            errors.Required(field, "must not be empty if x-kubernetes-list-type is map");
        }

        if (items is null)
        {
            errors.Required($"{path}.items", "must have a schema if x-kubernetes-list-type is map");
            return;
        }

        if (items.Text("type") != "object")
        {
            errors.Invalid($"{path}.items.type", items.Text("type") ?? "", "must be object if parent array's x-kubernetes-list-type is map");
            return;
        }

        foreach (var key in keys)
        {
            if (items.Object("properties")?.Object(key) is not { } member)
            {
                errors.Invalid(field, node["x-kubernetes-list-map-keys"], "entries must all be names of item properties");
            }
            else if (member.Text("type") is "array" or "object")
            {
                errors.Invalid($"{path}.items.properties[{key}].type", items.Text("type") ?? "", "must be a scalar type if parent array's x-kubernetes-list-type is map");
            }
        }

        if (keys.Distinct().Count() != keys.Count)
        {
            errors.Invalid(field, node["x-kubernetes-list-map-keys"], "must not contain duplicate entries");
        }
    }

    /// <summary>Defaults must be what the schema itself would take, and hold nothing that it would remove.</summary>
    private static void CheckDefaults(JsonObject node, string path, FieldErrors errors)
    {
        if (node["default"] is { } value)
        {
            CheckDefault(node, value, $"{path}.default", errors);
        }

        foreach (var (name, member) in node.Object("properties") ?? [])
        {
            if (member is JsonObject schema)
            {
                CheckDefaults(schema, $"{path}.properties[{name}]", errors);
            }
        }

        if (node.Object("items") is { } items)
        {
            CheckDefaults(items, $"{path}.items", errors);
        }
    }

    /// <summary>What rules say of a default is said when an object gets it: they may compare it with fields around it.</summary>
    private static JsonObject WithoutRules(JsonObject node)
    {
        var copy = (JsonObject)node.DeepClone();
        Strip(copy);
        return copy;

        static void Strip(JsonNode? part)
        {
            if (part is not JsonObject schema)
            {
                return;
            }

            schema.Remove("x-kubernetes-validations");
            foreach (var (_, member) in schema.Object("properties") ?? [])
            {
                Strip(member);
            }

            Strip(schema["items"]);
            Strip(schema["additionalProperties"]);
        }
    }

    private static void CheckDefault(JsonObject node, JsonNode value, string path, FieldErrors errors)
    {
        CustomSchema schema;
        try
        {
            schema = CustomSchemaReader.ReadPart(WithoutRules(node));
        }
        catch (FormatException)
        {
            // said of the whole schema
            return;
        }

        var copy = value.DeepClone();
        var fit = new SchemaFit(track: true);
        fit.ApplyTo(copy, schema);
        if (fit.Unknown.Count > 0)
        {
            errors.Invalid(path, value, "must not have unknown fields");
        }

        new SchemaValidator(errors).Check(schema, copy, null, path);
    }
}
