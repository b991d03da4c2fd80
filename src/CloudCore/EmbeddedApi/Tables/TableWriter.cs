using System.Globalization;
using System.Text.Json;
using EdgeSync.CloudCore.EmbeddedApi.Resources;

namespace EdgeSync.CloudCore.EmbeddedApi.Tables;

/// <summary>Writes metav1.Table: column definitions and a row for each object.</summary>
/// <param name="resource">Whose columns.</param>
/// <param name="metaVersion"><c>v1</c> or <c>v1beta1</c>.</param>
/// <param name="includeObject">What a row carries of its object: <c>Metadata</c> (default), <c>Object</c> or <c>None</c>.</param>
/// <param name="now">The time that ages are counted to.</param>
internal sealed class TableWriter(ResourceDescriptor resource, string metaVersion, string includeObject, DateTimeOffset now)
{
    /// <summary>Writes a whole table.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="objects">The objects' bytes.</param>
    /// <param name="withHeading">Whether the columns are described; later events of a watch leave that out.</param>
    /// <param name="writeListMeta">Writes the members of the table's metadata.</param>
    public void Write(
        Utf8JsonWriter writer, IEnumerable<ReadOnlyMemory<byte>> objects, bool withHeading, Action<Utf8JsonWriter> writeListMeta)
    {
        writer.WriteStartObject();
        writer.WriteString("kind"u8, "Table"u8);
        writer.WriteString("apiVersion"u8, $"meta.k8s.io/{metaVersion}");
        writer.WriteStartObject("metadata"u8);
        writeListMeta(writer);
        writer.WriteEndObject();
        writer.WriteStartArray("columnDefinitions"u8);
        if (withHeading)
        {
            foreach (var column in resource.Columns)
            {
                WriteHeading(writer, column);
            }
        }

        writer.WriteEndArray();
        writer.WriteStartArray("rows"u8);
        foreach (var json in objects)
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = Serving.JsonFormat.MaxDepth });
            WriteRow(writer, document.RootElement, json.Span);
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WriteHeading(Utf8JsonWriter writer, TableColumn column)
    {
        writer.WriteStartObject();
        writer.WriteString("name"u8, column.Name);
        writer.WriteString("type"u8, column.Type);
        writer.WriteString("format"u8, column.Format);
        writer.WriteString("description"u8, column.Description);
        writer.WriteNumber("priority"u8, column.Wide ? 1 : 0);
        writer.WriteEndObject();
    }

    /// <summary>Clients fade out what has ended.</summary>
    private static void WriteCompletion(Utf8JsonWriter writer, RowCompletion completion)
    {
        writer.WriteStartArray("conditions"u8);
        writer.WriteStartObject();
        writer.WriteString("type"u8, "Completed"u8);
        writer.WriteString("status"u8, "True"u8);
        writer.WriteString("reason"u8, completion.Reason);
        writer.WriteString("message"u8, completion.Message);
        writer.WriteEndObject();
        writer.WriteEndArray();
    }

    private void WriteRow(Utf8JsonWriter writer, JsonElement root, ReadOnlySpan<byte> json)
    {
        writer.WriteStartObject();
        writer.WriteStartArray("cells"u8);
        var row = new TableRow(root, now);
        foreach (var column in resource.Columns)
        {
            switch (column.Cell(row))
            {
                case null:
                    writer.WriteNullValue();
                    break;
                case bool flag:
                    writer.WriteBooleanValue(flag);
                    break;
                case long number:
                    writer.WriteNumberValue(number);
                    break;
                case double number:
                    writer.WriteNumberValue(number);
                    break;
                case var other:
                    writer.WriteStringValue(Convert.ToString(other, CultureInfo.InvariantCulture));
                    break;
            }
        }

        writer.WriteEndArray();
        if (resource.Completion?.Invoke(root) is { } completion)
        {
            WriteCompletion(writer, completion);
        }

        if (includeObject == "Object")
        {
            writer.WritePropertyName("object"u8);
            writer.WriteRawValue(json, skipInputValidation: true);
        }
        else if (includeObject == "None")
        {
            writer.WriteNull("object"u8);
        }
        else
        {
            writer.WritePropertyName("object"u8);
            PartialMetadata.Write(writer, root, metaVersion);
        }

        writer.WriteEndObject();
    }
}

/// <summary>Writes metav1.PartialObjectMetadata.</summary>
internal static class PartialMetadata
{
    public static void Write(Utf8JsonWriter writer, JsonElement root, string metaVersion)
    {
        writer.WriteStartObject();
        writer.WriteString("kind"u8, "PartialObjectMetadata"u8);
        writer.WriteString("apiVersion"u8, $"meta.k8s.io/{metaVersion}");
        writer.WritePropertyName("metadata"u8);
        root.At("metadata").WriteTo(writer);
        writer.WriteEndObject();
    }
}
