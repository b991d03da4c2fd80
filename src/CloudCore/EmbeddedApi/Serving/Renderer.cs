using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Text.Json;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Store;
using EdgeSync.CloudCore.EmbeddedApi.Tables;

namespace EdgeSync.CloudCore.EmbeddedApi.Serving;

/// <summary>
/// Writes objects, lists and watch events in the form that was asked for. The plain form copies the stored bytes;
/// nothing is parsed for it.
/// </summary>
internal sealed class Renderer(TimeProvider time)
{
    /// <summary>One object as the body of an answer.</summary>
    public async Task RespondAsync(ApiRequest request, int code, StoredObject stored)
    {
        var json = InForm(request.Resource, stored);
        if (request.Form.Kind == Representation.Object)
        {
            await request.RespondAsync(code, json);
            return;
        }

        var buffer = new ArrayBufferWriter<byte>(json.Length * 2);
        using (var writer = new Utf8JsonWriter(buffer, JsonFormat.Writer))
        {
            WriteInForm(writer, request, json, withHeading: true, stored.ResourceVersion);
        }

        await request.RespondAsync(code, buffer.WrittenMemory);
    }

    /// <summary>A list; large ones leave piece by piece.</summary>
    public async Task RespondAsync(ApiRequest request, ListPage page)
    {
        var response = request.Context.Response;
        response.StatusCode = 200;
        response.ContentType = "application/json";
        var resource = request.Resource;
        await using var body = ResponseBody.Open(request.Context, page.Items.Sum(i => (long)i.Json.Length));
        if (request.Form.Kind == Representation.Table)
        {
            WriteTable(request, page, body.Writer);
            await body.Writer.FlushAsync(request.Aborted);
            return;
        }

        var partial = request.Form.Kind == Representation.PartialMetadata;
        using (var writer = new Utf8JsonWriter((IBufferWriter<byte>)body.Writer, JsonFormat.Writer))
        {
            writer.WriteStartObject();
            writer.WriteString("kind"u8, partial ? "PartialObjectMetadataList" : resource.ListKind);
            writer.WriteString("apiVersion"u8, partial ? $"meta.k8s.io/{request.Form.MetaVersion}" : resource.GroupVersion);
            writer.WriteStartObject("metadata"u8);
            page.WriteMeta(writer);
            writer.WriteEndObject();
            writer.WriteStartArray("items"u8);
            foreach (var stored in page.Items)
            {
                WriteItem(writer, request, stored, partial);
                if (writer.BytesPending > 32 * 1024)
                {
                    writer.Flush();
                    await body.Writer.FlushAsync(request.Aborted);
                }
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        await body.Writer.FlushAsync(request.Aborted);
    }

    /// <summary>One event of a watch, a line of its own.</summary>
    public void WriteEvent(PipeWriter output, ApiRequest request, string type, StoredObject stored, bool withHeading)
    {
        var json = InForm(request.Resource, stored);
        output.Write("{\"type\":\""u8);
        WriteAscii(output, type);
        output.Write("\",\"object\":"u8);
        if (request.Form.Kind == Representation.Object)
        {
            output.Write(json.Span);
        }
        else
        {
            using var writer = new Utf8JsonWriter((IBufferWriter<byte>)output, JsonFormat.Writer);
            WriteInForm(writer, request, json, withHeading, stored.ResourceVersion);
        }

        output.Write("}\n"u8);
    }

    /// <summary>An event whose object is made for the purpose: a bookmark or an error.</summary>
    public static void WriteRawEvent(PipeWriter output, string type, ReadOnlySpan<byte> json)
    {
        output.Write("{\"type\":\""u8);
        WriteAscii(output, type);
        output.Write("\",\"object\":"u8);
        output.Write(json);
        output.Write("}\n"u8);
    }

    private static void WriteItem(Utf8JsonWriter writer, ApiRequest request, StoredObject stored, bool partial)
    {
        var json = InForm(request.Resource, stored);
        if (!partial)
        {
            writer.WriteRawValue(json.Span, skipInputValidation: true);
            return;
        }

        using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = JsonFormat.MaxDepth });
        PartialMetadata.Write(writer, document.RootElement, request.Form.MetaVersion);
    }

    private static void WriteAscii(PipeWriter output, string text)
    {
        Span<byte> bytes = stackalloc byte[16];
        output.Write(bytes[..System.Text.Encoding.ASCII.GetBytes(text, bytes)]);
    }

    private void WriteTable(ApiRequest request, ListPage page, PipeWriter output)
    {
        using var writer = new Utf8JsonWriter((IBufferWriter<byte>)output, JsonFormat.Writer);
        Table(request).Write(
            writer, page.Items.Select(stored => InForm(request.Resource, stored)), withHeading: true, page.WriteMeta);
    }

    private void WriteInForm(Utf8JsonWriter writer, ApiRequest request, ReadOnlyMemory<byte> json, bool withHeading, long version)
    {
        if (request.Form.Kind == Representation.Table)
        {
            Table(request).Write(
                writer, [json], withHeading, w => w.WriteString("resourceVersion"u8, version.ToString(CultureInfo.InvariantCulture)));
            return;
        }

        using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = JsonFormat.MaxDepth });
        PartialMetadata.Write(writer, document.RootElement, request.Form.MetaVersion);
    }

    private TableWriter Table(ApiRequest request) =>
        new(request.Resource, request.Form.MetaVersion, request.Query("includeObject"), time.GetUtcNow());

    /// <summary>The object as this resource shows it; for nearly all that is what is stored.</summary>
    private static ReadOnlyMemory<byte> InForm(ResourceDescriptor resource, StoredObject stored)
    {
        if (resource.FromStorage is not { } convert)
        {
            return stored.Json;
        }

        return resource.Form is { } form ? stored.InForm(form, Turn) : Turn(stored);

        byte[] Turn(StoredObject original)
        {
            var node = original.Parse();
            convert(node);
            return PreparedObject.From(node).WithVersion(original.ResourceVersion);
        }
    }
}
