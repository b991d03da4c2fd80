using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.Protocol.Configuration;

namespace EdgeSync.CloudCore.EmbeddedApi.Serving;

/// <summary>Reads a request's body, JSON or YAML, never more than the limit.</summary>
internal static class BodyReader
{
    private const string Protobuf = "application/vnd.kubernetes.protobuf";

    /// <summary>The tree of the body; null where it is empty.</summary>
    /// <param name="context">The request; what stood twice in the body is kept with it.</param>
    /// <param name="limit">Most bytes.</param>
    /// <param name="type">What a protobuf body is; null takes none.</param>
    /// <param name="cancellationToken">Ends the wait for the caller.</param>
    public static async Task<JsonNode?> ReadAsync(HttpContext context, int limit, TypeSchema? type, CancellationToken cancellationToken)
    {
        var parse = ParserOf(context, MediaType(context.Request.ContentType), type);
        var bytes = await ReadBytesAsync(context.Request, limit, cancellationToken);
        return bytes.Length == 0 ? null : parse(bytes);
    }

    /// <summary>The object of the body; null says nothing of it and is an empty one.</summary>
    /// <exception cref="ApiException">400 where it is no object.</exception>
    public static async Task<JsonObject> ReadObjectAsync(HttpContext context, int limit, TypeSchema? type, CancellationToken cancellationToken)
    {
        var parse = ParserOf(context, MediaType(context.Request.ContentType), type);
        var bytes = await ReadBytesAsync(context.Request, limit, cancellationToken);
        var body = bytes.Length == 0 ? null : parse(bytes) ?? new JsonObject();
        return body as JsonObject ?? throw ApiException.BadRequest("the body must be a JSON or YAML object");
    }

    private static Func<byte[], JsonNode?> ParserOf(HttpContext context, string mediaType, TypeSchema? type) => mediaType switch
    {
        "" or "application/json" or "application/json-patch+json" or "application/merge-patch+json"
            or "application/strategic-merge-patch+json" => bytes => ParseJson(context, bytes),
        "application/yaml" or "application/apply-patch+yaml" => bytes => ParseYaml(context, bytes),
        Protobuf when type is not null => bytes => ProtobufBody.Parse(bytes, type),
        _ => throw ApiException.UnsupportedMediaType(
            $"the body of the request was in an unknown format - accepted media types include: application/json, application/yaml{(type is null ? "" : ", " + Protobuf)} (it was {mediaType})"),
    };

    /// <summary>The media type without its parameters, lower case.</summary>
    public static string MediaType(string? contentType)
    {
        var text = contentType ?? "";
        var end = text.IndexOf(';', StringComparison.Ordinal);
        return (end < 0 ? text : text[..end]).Trim().ToLowerInvariant();
    }

    private static async Task<byte[]> ReadBytesAsync(HttpRequest request, int limit, CancellationToken cancellationToken)
    {
        if (request.ContentLength > limit)
        {
            throw TooLarge(limit);
        }

        while (true)
        {
            var read = await request.BodyReader.ReadAsync(cancellationToken);
            if (read.Buffer.Length > limit)
            {
                throw TooLarge(limit);
            }

            if (read.IsCompleted)
            {
                var bytes = read.Buffer.ToArray();
                request.BodyReader.AdvanceTo(read.Buffer.End);
                return bytes;
            }

            request.BodyReader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    private static JsonNode? ParseJson(HttpContext context, byte[] bytes)
    {
        CheckText(bytes);
        try
        {
            return JsonNode.Parse(bytes, null, JsonFormat.Reader);
        }
        catch (JsonException)
        {
            // a name twice, or no JSON at all: the other reader tells
        }

        try
        {
            return DuplicateFields.Parse(context, bytes);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw ApiException.BadRequest($"the body is not valid JSON: {e.Message}");
        }
    }

    /// <summary>Text that is no Unicode fails only where somebody reads it, deep in a rule: it is refused here, in words.</summary>
    private static void CheckText(byte[] bytes)
    {
        if (!System.Text.Unicode.Utf8.IsValid(bytes))
        {
            throw ApiException.BadRequest("the body is not valid JSON: it is not UTF-8");
        }

        // half of a pair of surrogates can only be written as an escape
        if (bytes.AsSpan().IndexOf("\\ud"u8) < 0 && bytes.AsSpan().IndexOf("\\uD"u8) < 0)
        {
            return;
        }

        try
        {
            var reader = new Utf8JsonReader(bytes, new JsonReaderOptions { MaxDepth = JsonFormat.MaxDepth });
            while (reader.Read())
            {
                if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName && reader.ValueIsEscaped)
                {
                    reader.GetString();
                }
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw ApiException.BadRequest($"the body is not valid JSON: {e.Message}");
        }
    }

    private static JsonNode? ParseYaml(HttpContext context, byte[] bytes)
    {
        if (!System.Text.Unicode.Utf8.IsValid(bytes))
        {
            throw ApiException.BadRequest("the body is not valid YAML: it is not UTF-8");
        }

        try
        {
            var node = YamlToJson.ReadManifest(Encoding.UTF8.GetString(bytes), out var duplicates);
            DuplicateFields.Note(context, duplicates);
            return node;
        }
        catch (FormatException e)
        {
            throw ApiException.BadRequest($"the body is {e.Message}");
        }
    }

    private static ApiException TooLarge(int limit) => new(
        StatusReason.RequestEntityTooLarge, FormattableString.Invariant($"Request entity too large: limit is {limit}"));
}
