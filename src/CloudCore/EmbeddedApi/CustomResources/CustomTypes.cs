using EdgeSync.CloudCore.EmbeddedApi.CustomResources.Schemas;
using EdgeSync.CloudCore.EmbeddedApi.Resources;

namespace EdgeSync.CloudCore.EmbeddedApi.CustomResources;

/// <summary>
/// A custom kind's schema in the form that the built-in kinds' schemas have, for whoever merges objects by their types: the lists'
/// types and keys, and what is atomic. It checks nothing; that is the schema's own work.
/// </summary>
internal static class CustomTypes
{
    public static TypeSchema Of(CustomSchema schema, string kind, TypeSchema objectMeta)
    {
        var type = new TypeSchema(kind);
        type.Add(new FieldSchema("apiVersion", new FieldShape(FieldKind.String), false, false, null));
        type.Add(new FieldSchema("kind", new FieldShape(FieldKind.String), false, false, null));
        type.Add(new FieldSchema("metadata", new FieldShape(FieldKind.Object, objectMeta), false, false, null));
        AddFields(type, schema, kind);
        return type;
    }

    private static void AddFields(TypeSchema type, CustomSchema schema, string path)
    {
        foreach (var (name, member) in schema.Properties)
        {
            if (type.Field(name) is null)
            {
                type.Add(new FieldSchema(name, Shape(member, $"{path}.{name}"), false, false, null)
                {
                    ListType = member.ListType switch
                    {
                        "set" => ListType.Set,
                        "map" => ListType.Map,
                        _ => ListType.Atomic,
                    },
                    Keys = member.ListMapKeys,
                    Atomic = member.MapType == "atomic",
                });
            }
        }
    }

    private static FieldShape Shape(CustomSchema schema, string path)
    {
        if (schema.IsIntOrString)
        {
            return new FieldShape(FieldKind.IntOrString);
        }

        switch (schema.Type)
        {
            case "string":
                return new FieldShape(FieldKind.String);
            case "integer":
                return new FieldShape(FieldKind.Integer);
            case "number":
                return new FieldShape(FieldKind.Number);
            case "boolean":
                return new FieldShape(FieldKind.Boolean);
            case "array" when schema.Items is { } items:
                return new FieldShape(FieldKind.List, Element: Shape(items, path));
            case "object" when schema.AdditionalProperties is { } map && schema.Properties.Count == 0:
                return new FieldShape(FieldKind.Map, Element: Shape(map, path));
            case "object" when schema.Properties.Count > 0:
                var type = new TypeSchema(path);
                AddFields(type, schema, path);
                return new FieldShape(FieldKind.Object, type);
            default:
                return new FieldShape(FieldKind.Any) { IsGranular = true };
        }
    }
}
