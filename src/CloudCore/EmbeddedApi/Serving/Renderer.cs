using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Text.Json;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Store;
using EdgeSync.CloudCore.EmbeddedApi.Tables;
using EdgeSync.CloudCore.EmbeddedApi.Validation;

namespace EdgeSync.CloudCore.EmbeddedApi.Serving;

/// <summary>
/// Writes objects, lists and watch events in the form that was asked for. The plain form copies the stored bytes;
/// nothing is parsed for it.
/// </summary>
internal sealed class Renderer(TimeProvider time)
{
    private const int LargestUnflushed = 32 * 1024;

    /// <summary>One object as the body of an answer.</summary>
    public async Task RespondAsync(ApiRequest request, int code, StoredObject stored)
    {
        var json = InForm(request.Resource, stored);
        if (request.Form.Kind == Representation.Object)
        {
            await request.RespondAsync(code, json);
            return;
        }

        request.Form.DemandMetadataOf(list: false, request.Resource.Kind);
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
        request.Form.DemandMetadataOf(list: true, request.Resource.ListKind);
        if (request.Form is { IsYaml: true, Kind: Representation.Table })
        {
            await request.RespondAsync(200, Table(request, page));
            return;
        }

        var response = request.Context.Response;
        response.StatusCode = 200;
        response.ContentType = request.Form.ContentType;
        await using var body = ResponseBody.Open(request.Context, page.Items.Sum(i => (long)i.Json.Length));
        if (request.Form.Kind == Representation.Table)
        {
            WriteTable(request, page, body.Writer);
        }
        else if (request.Form.IsYaml)
        {
            await WriteYamlListAsync(request, page, body.Writer);
        }
        else
        {
            await WriteListAsync(request, page, body.Writer);
        }

        await body.Writer.FlushAsync(request.Aborted);
    }

    private static (string Kind, string Version) ListHeading(ApiRequest request) => request.Form.Kind == Representation.PartialMetadata
        ? ("PartialObjectMetadataList", $"meta.k8s.io/{request.Form.MetaVersion}")
        : (request.Resource.ListKind, request.Resource.GroupVersion);

    private static async Task WriteListAsync(ApiRequest request, ListPage page, PipeWriter output)
    {
        var heading = Heading(request, page);
        output.Write(heading.Span[..^1]);
        output.Write(",\"items\":["u8);
        var items = new ItemWriter(request);
        for (var i = 0; i < page.Items.Count; i++)
        {
            if (i > 0)
            {
                output.Write(","u8);
            }

            items.Write(output, page.Items[i]);
            if (output.UnflushedBytes > LargestUnflushed)
            {
                await output.FlushAsync(request.Aborted);
            }
        }

        output.Write("]}"u8);
    }

    /// <summary>The list without its items, as an object.</summary>
    private static ReadOnlyMemory<byte> Heading(ApiRequest request, ListPage page)
    {
        var (kind, version) = ListHeading(request);
        var heading = new ArrayBufferWriter<byte>(256);
        using var writer = new Utf8JsonWriter(heading, JsonFormat.Writer);
        writer.WriteStartObject();
        writer.WriteString("kind"u8, kind);
        writer.WriteString("apiVersion"u8, version);
        writer.WriteStartObject("metadata"u8);
        page.WriteMeta(writer);
        if (page.Continue is null && request is { Resource.Definition: not null, Form.Kind: Representation.Object })
        {
            // lists of custom resources say also that there is no more
            writer.WriteString("continue"u8, ""u8);
        }

        writer.WriteEndObject();
        writer.WriteEndObject();
        writer.Flush();
        return heading.WrittenMemory;
    }

    /// <summary>Item by item too: no list is ever there as one text.</summary>
    private static async Task WriteYamlListAsync(ApiRequest request, ListPage page, PipeWriter output)
    {
        output.Write(YamlAnswer.Of(Heading(request, page)).Span);
        output.Write(page.Items.Count == 0 ? "items: []\n"u8 : "items:\n"u8);
        var items = new ItemWriter(request);
        foreach (var stored in page.Items)
        {
            var item = new ArrayBufferWriter<byte>(stored.Json.Length + 16);
            item.Write("["u8);
            items.Write(item, stored);
            item.Write("]"u8);
            output.Write(YamlAnswer.Of(item.WrittenMemory).Span);
            if (output.UnflushedBytes > LargestUnflushed)
            {
                await output.FlushAsync(request.Aborted);
            }
        }
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

    private ReadOnlyMemory<byte> Table(ApiRequest request, ListPage page)
    {
        var whole = new ArrayBufferWriter<byte>(4096);
        using (var writer = new Utf8JsonWriter(whole, JsonFormat.Writer))
        {
            Table(request).Write(
                writer, page.Items.Select(stored => InForm(request.Resource, stored)), withHeading: true, page.WriteMeta);
        }

        return whole.WrittenMemory;
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

    private TableWriter Table(ApiRequest request)
    {
        var included = request.Query("includeObject");
        return included is "" or "None" or "Metadata" or "Object"
            ? new(request.Resource, request.Form.MetaVersion, included, time.GetUtcNow())
            : throw ApiException.BadRequest($"Unable to convert to Table as requested: includeObject must be one of None, Metadata, Object; it is \"{included}\"");
    }

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
            if (resource is { Definition: null, Schema: { } schema })
            {
                AlwaysWritten.Complete(node, schema);
            }

            return PreparedObject.From(node).WithVersion(original.ResourceVersion);
        }
    }

    /// <summary>
    /// Writes the items of a list, which do not repeat its kind and version: whoever reads the list knows them. Those of a definition do,
    /// and so does metadata alone, as Kubernetes has it.
    /// </summary>
    private readonly struct ItemWriter(ApiRequest request)
    {
        // as PreparedObject writes the beginning of every object
        private readonly byte[] _type = request.Resource.Definition is not null ? [] : System.Text.Encoding.UTF8.GetBytes(
            $"{{\"kind\":\"{request.Resource.Kind}\",\"apiVersion\":\"{request.Resource.GroupVersion}\",");

        public void Write(IBufferWriter<byte> output, StoredObject stored)
        {
            var json = InForm(request.Resource, stored);
            if (request.Form.Kind == Representation.PartialMetadata)
            {
                using var writer = new Utf8JsonWriter(output, JsonFormat.Writer);
                using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = JsonFormat.MaxDepth });
                PartialMetadata.Write(writer, document.RootElement, request.Form.MetaVersion);
            }
            else if (_type.Length > 0 && json.Span.StartsWith(_type))
            {
                output.Write("{"u8);
                output.Write(json.Span[_type.Length..]);
            }
            else
            {
                output.Write(json.Span);
            }
        }
    }
}
