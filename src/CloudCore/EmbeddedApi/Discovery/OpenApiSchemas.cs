using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Resources;

namespace EdgeSync.CloudCore.EmbeddedApi.Discovery;

/// <summary>Which OpenAPI is written; they differ in where definitions lie and in what may stand beside a reference.</summary>
internal enum OpenApiVersion
{
    V2,
    V3,
}

/// <summary>
/// The definitions of one document: the kinds that it is about and every type that their fields have, each once.
/// </summary>
internal sealed class OpenApiSchemas(OpenApiVersion version, FieldDescriptions descriptions)
{
    private readonly SortedDictionary<string, JsonObject> _definitions = new(StringComparer.Ordinal);
    private readonly Queue<TypeSchema> _waiting = new();

    private string Prefix => version == OpenApiVersion.V2 ? "#/definitions/" : "#/components/schemas/";

    /// <summary>All definitions by name.</summary>
    public JsonObject ToJson()
    {
        while (_waiting.TryDequeue(out var type))
        {
            // once: a type may have itself among its fields
            var name = OpenApiNames.Of(type);
            if (!_definitions.ContainsKey(name))
            {
                _definitions[name] = Write(type);
            }
        }

        return new JsonObject(_definitions.Select(d => KeyValuePair.Create<string, JsonNode?>(d.Key, d.Value)));
    }

    /// <summary>Takes a kind in, with the list of it.</summary>
    public void Add(ResourceDescriptor resource)
    {
        var name = OpenApiNames.Of(resource);
        if (!_definitions.TryGetValue(name, out var definition))
        {
            definition = resource.OpenApiSchema is { } raw ? WriteRaw(resource, raw)
                : resource.Schema is { } type ? Write(type)
                : WriteRaw(resource, new JsonObject { ["type"] = "object", ["x-kubernetes-preserve-unknown-fields"] = true });
            _definitions[name] = definition;
        }

        Mark(definition, resource, resource.Kind);
        _definitions.TryAdd(name + "List", WriteList(resource, name));
    }

    private static void Mark(JsonObject definition, ResourceDescriptor resource, string kind)
    {
        if (definition["x-kubernetes-group-version-kind"] is not JsonArray kinds)
        {
            definition["x-kubernetes-group-version-kind"] = kinds = [];
        }

        var mark = new JsonObject { ["group"] = resource.Group, ["kind"] = kind, ["version"] = resource.Version };
        if (!kinds.Any(k => JsonNode.DeepEquals(k, mark)))
        {
            kinds.Add((JsonNode)mark);
        }
    }

    private JsonObject WriteList(ResourceDescriptor resource, string itemName)
    {
        var list = new JsonObject
        {
            ["description"] = $"{resource.Kind}List is a list of {resource.Kind} objects.",
            ["type"] = "object",
            ["required"] = new JsonArray("items"),
            ["properties"] = new JsonObject
            {
                ["apiVersion"] = Described(new JsonObject { ["type"] = "string" }, descriptions.ApiVersion),
                ["items"] = new JsonObject { ["type"] = "array", ["items"] = Reference(itemName) },
                ["kind"] = Described(new JsonObject { ["type"] = "string" }, descriptions.Kind),
                ["metadata"] = Reference(OpenApiNames.ListMeta),
            },
        };
        _definitions.TryAdd(OpenApiNames.ListMeta, ListMeta());
        Mark(list, resource, resource.ListKind);
        return list;
    }

    private JsonObject ListMeta() => new()
    {
        ["description"] = descriptions.Of("ListMeta") ?? "",
        ["type"] = "object",
        ["properties"] = new JsonObject
        {
            ["continue"] = new JsonObject { ["type"] = "string" },
            ["remainingItemCount"] = new JsonObject { ["type"] = "integer", ["format"] = "int64" },
            ["resourceVersion"] = new JsonObject { ["type"] = "string" },
            ["selfLink"] = new JsonObject { ["type"] = "string" },
        },
    };

    /// <summary>A custom resource's own schema, with the fields that every object has.</summary>
    private JsonObject WriteRaw(ResourceDescriptor resource, JsonObject raw)
    {
        var definition = (JsonObject)Portable(raw)!;
        definition["type"] ??= "object";
        if (definition["properties"] is not JsonObject properties)
        {
            definition["properties"] = properties = [];
        }

        properties["apiVersion"] = Described(new JsonObject { ["type"] = "string" }, descriptions.ApiVersion);
        properties["kind"] = Described(new JsonObject { ["type"] = "string" }, descriptions.Kind);
        properties["metadata"] = Reference(OpenApiNames.ObjectMeta);
        if (resource.Schema?.Field("metadata")?.Shape.Type is { } meta)
        {
            _waiting.Enqueue(meta);
        }

        return definition;
    }

    /// <summary>Without what this version of OpenAPI does not know.</summary>
    private JsonNode? Portable(JsonNode? node)
    {
        switch (node)
        {
            case JsonObject schema:
                var copy = new JsonObject();
                foreach (var (name, value) in schema)
                {
                    if (version == OpenApiVersion.V3 || name is not ("oneOf" or "anyOf" or "not" or "nullable" or "x-kubernetes-validations"))
                    {
                        // the members of properties are names of the user's own, whatever they read like
                        copy[name] = name is "properties" && value is JsonObject members
                            ? new JsonObject(members.Select(m => KeyValuePair.Create(m.Key, Portable(m.Value))))
                            : name is "default" or "enum" or "example" ? value?.DeepClone() : Portable(value);
                    }
                }

                if (version == OpenApiVersion.V2 && (copy.ContainsKey("x-kubernetes-int-or-string") || schema["nullable"] is not null))
                {
                    // of these v2 can say nothing true but that anything may stand there
                    copy.Remove("type");
                    copy.Remove("items");
                    copy.Remove("properties");
                }

                return copy;
            case JsonArray list:
                return new JsonArray([.. list.Select(Portable)]);
            default:
                return node?.DeepClone();
        }
    }

    private JsonObject Write(TypeSchema type)
    {
        var definition = Described([], descriptions.Of(type.Name));
        definition["type"] = "object";
        var required = type.Fields.Values.Where(f => f.Required).Select(f => f.Name).Order(StringComparer.Ordinal).ToList();
        if (required.Count > 0)
        {
            definition["required"] = new JsonArray([.. required.Select(r => JsonValue.Create(r))]);
        }

        var properties = new JsonObject();
        foreach (var field in type.Fields.Values.OrderBy(f => f.Name, StringComparer.Ordinal))
        {
            properties[field.Name] = Write(type, field);
        }

        definition["properties"] = properties;
        if (type.Atomic)
        {
            definition["x-kubernetes-map-type"] = "atomic";
        }

        return definition;
    }

    private JsonObject Write(TypeSchema type, FieldSchema field)
    {
        var schema = Write(type, field.Shape);
        var text = descriptions.Of(type.Name, field.Name);
        if (text is not null || field.DefaultText is not null || field.Merge || field.RetainKeys || field.Replace || field.Atomic)
        {
            schema = Beside(schema);
        }

        schema = Described(schema, text);
        if (field.DefaultText is { } given)
        {
            schema["default"] = JsonNode.Parse(given);
        }

        if (field.Shape.Kind == FieldKind.List && type.Package.Length > 0)
        {
            schema["x-kubernetes-list-type"] = field.ListType.ToString().ToLowerInvariant();
            if (field.Keys.Count > 0)
            {
                schema["x-kubernetes-list-map-keys"] = new JsonArray([.. field.Keys.Select(k => JsonValue.Create(k))]);
            }
        }

        if (field.Atomic)
        {
            schema["x-kubernetes-map-type"] = "atomic";
        }

        if (field.MergeKey is not null)
        {
            schema["x-kubernetes-patch-merge-key"] = field.MergeKey;
        }

        if (field.Merge || field.RetainKeys || field.Replace)
        {
            schema["x-kubernetes-patch-strategy"] = field.Replace ? "replace"
                : !field.Merge ? "retainKeys" : field.RetainKeys ? "merge,retainKeys" : "merge";
        }

        return schema;
    }

    private JsonObject Write(TypeSchema owner, FieldShape shape)
    {
        switch (shape.Kind)
        {
            case FieldKind.Object:
                _waiting.Enqueue(shape.Type!);
                return Reference(OpenApiNames.Of(shape.Type!));
            case FieldKind.List:
                return new JsonObject { ["type"] = "array", ["items"] = Write(owner, shape.Element!) };
            case FieldKind.Map:
                return new JsonObject { ["type"] = "object", ["additionalProperties"] = Write(owner, shape.Element!) };
            case FieldKind.Any when shape.IsGranular:
                return new JsonObject { ["type"] = "object", ["x-kubernetes-preserve-unknown-fields"] = true };
            case FieldKind.Any:
                return owner.Package.Contains("apiextensions", StringComparison.Ordinal)
                    ? Shared(owner.Package + ".JSON", [])
                    : Shared("io.k8s.apimachinery.pkg.runtime.RawExtension", new JsonObject { ["type"] = "object" });
            case FieldKind.ObjectOrBoolean:
                return Alternative(shape, "JSONSchemaPropsOrBool");
            case FieldKind.ObjectOrList:
                return Alternative(shape, "JSONSchemaPropsOrArray");
            case FieldKind.ObjectOrStrings:
                return Alternative(shape, "JSONSchemaPropsOrStringArray");
            case FieldKind.Time:
                return Shared(OpenApiNames.Meta + "Time", Text("date-time"));
            case FieldKind.MicroTime:
                return Shared(OpenApiNames.Meta + "MicroTime", Text("date-time"));
            case FieldKind.Duration:
                return Shared(OpenApiNames.Meta + "Duration", Text(null));
            case FieldKind.Quantity:
                return Shared("io.k8s.apimachinery.pkg.api.resource.Quantity", version == OpenApiVersion.V2 ? Text(null) : OneOf("string", "number"));
            case FieldKind.IntOrString:
                var either = version == OpenApiVersion.V2 ? Text(null) : OneOf("integer", "string");
                either["format"] = "int-or-string";
                return Shared("io.k8s.apimachinery.pkg.util.intstr.IntOrString", either);
            case FieldKind.Integer:
                return new JsonObject { ["type"] = "integer", ["format"] = shape.Is32Bit ? "int32" : "int64" };
            case FieldKind.Number:
                return new JsonObject { ["type"] = "number", ["format"] = "double" };
            case FieldKind.Boolean:
                return new JsonObject { ["type"] = "boolean" };
            case FieldKind.Bytes:
                return Text("byte");
            default:
                return Text(null);
        }
    }

    private JsonObject Alternative(FieldShape shape, string name)
    {
        _waiting.Enqueue(shape.Type!);
        return Shared($"{shape.Type!.Package}.{name}", []);
    }

    /// <summary>A reference to a type that is no object.</summary>
    private JsonObject Shared(string name, JsonObject definition)
    {
        if (descriptions.Of(name[(name.LastIndexOf('.') + 1)..]) is { } text)
        {
            definition["description"] = text;
        }

        _definitions.TryAdd(name, definition);
        return Reference(name);
    }

    private JsonObject Reference(string name) => new() { ["$ref"] = Prefix + name };

    /// <summary>In v3 nothing may stand beside a reference, so it goes one level down.</summary>
    private JsonObject Beside(JsonObject schema) => version == OpenApiVersion.V3 && schema.ContainsKey("$ref")
        ? new JsonObject { ["allOf"] = new JsonArray(schema) }
        : schema;

    private static JsonObject Described(JsonObject schema, string? text)
    {
        if (text is not null)
        {
            schema["description"] = text;
        }

        return schema;
    }

    private static JsonObject Text(string? format) =>
        format is null ? new JsonObject { ["type"] = "string" } : new JsonObject { ["type"] = "string", ["format"] = format };

    private static JsonObject OneOf(params string[] types) =>
        new() { ["oneOf"] = new JsonArray([.. types.Select(t => new JsonObject { ["type"] = t })]) };
}
