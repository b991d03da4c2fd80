using System.Text.Json;
using EdgeSync.CloudCore.EmbeddedApi.Resources;

namespace EdgeSync.CloudCore.EmbeddedApi.Discovery;

/// <summary>The OpenAPI v3 document of one group version.</summary>
internal static class OpenApiV3
{
    public static void Write(Utf8JsonWriter writer, IReadOnlyList<ResourceDescriptor> resources)
    {
        writer.WriteString("openapi"u8, "3.0.0"u8);
        writer.WriteStartObject("info"u8);
        writer.WriteString("title"u8, "EdgeSync"u8);
        writer.WriteString("version"u8, "v1.32.0"u8);
        writer.WriteEndObject();
        writer.WriteStartObject("paths"u8);
        foreach (var resource in resources)
        {
            WritePath(writer, resource);
        }

        writer.WriteEndObject();
        writer.WriteStartObject("components"u8);
        writer.WriteStartObject("schemas"u8);
        WriteSchemas(writer, resources);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static void WritePath(Utf8JsonWriter writer, ResourceDescriptor resource)
    {
        var root = $"/{OpenApiDocuments.PathOf(resource)}/{(resource.Namespaced ? "namespaces/{namespace}/" : "")}{resource.Plural}/{{name}}";
        writer.WriteStartObject(root);
        writer.WriteStartObject("patch"u8);
        writer.WriteStartArray("parameters"u8);
        foreach (var parameter in (string[])["dryRun", "fieldManager", "fieldValidation", "force"])
        {
            writer.WriteStartObject();
            writer.WriteString("name"u8, parameter);
            writer.WriteString("in"u8, "query"u8);
            writer.WriteStartObject("schema"u8);
            writer.WriteString("type"u8, parameter == "force" ? "boolean" : "string");
            writer.WriteEndObject();
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteStartObject("responses"u8);
        writer.WriteEndObject();
        writer.WriteString("x-kubernetes-action"u8, "patch"u8);
        writer.WritePropertyName("x-kubernetes-group-version-kind"u8);
        WriteKind(writer, resource);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    /// <summary>The types that the resources' fields have, each once.</summary>
    private static void WriteSchemas(Utf8JsonWriter writer, IReadOnlyList<ResourceDescriptor> resources)
    {
        var written = new HashSet<string>();
        var waiting = new Queue<TypeSchema>(resources.Where(r => r.Schema is not null).Select(r => r.Schema!));
        while (waiting.TryDequeue(out var type))
        {
            if (!written.Add(type.Name))
            {
                continue;
            }

            writer.WriteStartObject(type.Name);
            writer.WriteString("type"u8, "object"u8);
            var owners = resources.Where(r => r.Schema == type).ToList();
            if (owners.Count > 0)
            {
                writer.WriteStartArray("x-kubernetes-group-version-kind"u8);
                owners.ForEach(r => WriteKind(writer, r));
                writer.WriteEndArray();
            }

            writer.WriteStartObject("properties"u8);
            foreach (var field in type.Fields.Values)
            {
                writer.WriteStartObject(field.Name);
                WriteShape(writer, field.Shape, waiting);
                if (field.Merge)
                {
                    writer.WriteString("x-kubernetes-patch-strategy"u8, field.RetainKeys ? "merge,retainKeys" : "merge");
                }

                if (field.MergeKey is not null)
                {
                    writer.WriteString("x-kubernetes-patch-merge-key"u8, field.MergeKey);
                }

                writer.WriteEndObject();
            }

            writer.WriteEndObject();
            writer.WriteEndObject();
        }
    }

    private static void WriteShape(Utf8JsonWriter writer, FieldShape shape, Queue<TypeSchema> waiting)
    {
        switch (shape.Kind)
        {
            case FieldKind.Object:
                waiting.Enqueue(shape.Type!);
                writer.WriteString("$ref"u8, $"#/components/schemas/{shape.Type!.Name}");
                return;
            case FieldKind.List:
                WriteContainer(writer, "array", "items", shape.Element!, waiting);
                return;
            case FieldKind.Map:
                WriteContainer(writer, "object", "additionalProperties", shape.Element!, waiting);
                return;
            case FieldKind.Any or FieldKind.ObjectOrBoolean or FieldKind.ObjectOrList or FieldKind.ObjectOrStrings:
                writer.WriteString("type"u8, "object"u8);
                writer.WriteBoolean("x-kubernetes-preserve-unknown-fields"u8, true);
                return;
        }

        var (type, format) = shape.Kind switch
        {
            FieldKind.Integer => ("integer", shape.Is32Bit ? "int32" : "int64"),
            FieldKind.Number => ("number", "double"),
            FieldKind.Boolean => ("boolean", ""),
            FieldKind.Time or FieldKind.MicroTime => ("string", "date-time"),
            FieldKind.Bytes => ("string", "byte"),
            FieldKind.IntOrString => ("string", "int-or-string"),
            _ => ("string", ""),
        };
        writer.WriteString("type"u8, type);
        if (format.Length > 0)
        {
            writer.WriteString("format"u8, format);
        }
    }

    private static void WriteContainer(Utf8JsonWriter writer, string type, string member, FieldShape element, Queue<TypeSchema> waiting)
    {
        writer.WriteString("type"u8, type);
        writer.WriteStartObject(member);
        WriteShape(writer, element, waiting);
        writer.WriteEndObject();
    }

    private static void WriteKind(Utf8JsonWriter writer, ResourceDescriptor resource)
    {
        writer.WriteStartObject();
        writer.WriteString("group"u8, resource.Group);
        writer.WriteString("version"u8, resource.Version);
        writer.WriteString("kind"u8, resource.Kind);
        writer.WriteEndObject();
    }
}
