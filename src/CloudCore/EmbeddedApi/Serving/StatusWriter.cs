using System.Buffers;
using System.Text.Json;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.EmbeddedApi.Serving;

/// <summary>Writes metav1.Status bodies; the one place where a reason becomes an HTTP code.</summary>
internal static class StatusWriter
{
    /// <summary>The HTTP code of a reason, as Kubernetes pairs them.</summary>
    public static int Code(StatusReason reason) => reason switch
    {
        StatusReason.BadRequest => 400,
        StatusReason.Unauthorized => 401,
        StatusReason.Forbidden => 403,
        StatusReason.NotFound => 404,
        StatusReason.MethodNotAllowed => 405,
        StatusReason.NotAcceptable => 406,
        StatusReason.AlreadyExists => 409,
        StatusReason.Conflict => 409,
        StatusReason.Expired => 410,
        StatusReason.RequestEntityTooLarge => 413,
        StatusReason.UnsupportedMediaType => 415,
        StatusReason.Invalid => 422,
        StatusReason.TooManyRequests => 429,
        StatusReason.ServiceUnavailable => 503,
        StatusReason.Timeout => 504,
        StatusReason.InsufficientStorage => 507,
        _ => 500,
    };

    /// <summary>The body of a failure.</summary>
    public static byte[] Failure(ApiException error) =>
        Render("Failure", error.Message, error.Reason.ToString(), error.Details, Code(error.Reason), error.Continue);

    /// <summary>The body of a delete that left nothing to return.</summary>
    public static byte[] Success(StatusDetails details) => Render("Success", null, null, details, null);

    /// <summary>The body of a create that made no object of its own.</summary>
    public static byte[] Created() => Render("Success", null, null, null, 201);

    private static byte[] Render(string outcome, string? message, string? reason, StatusDetails? details, int? code, string? token = null)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using var writer = new Utf8JsonWriter(buffer, JsonFormat.Writer);
        writer.WriteStartObject();
        writer.WriteString("kind"u8, "Status"u8);
        writer.WriteString("apiVersion"u8, "v1"u8);
        writer.WriteStartObject("metadata"u8);
        WriteOptional(writer, "continue", token);
        writer.WriteEndObject();
        writer.WriteString("status"u8, outcome);
        WriteOptional(writer, "message", message);
        WriteOptional(writer, "reason", reason);
        if (details is not null)
        {
            WriteDetails(writer, details);
        }

        if (code is { } number)
        {
            writer.WriteNumber("code"u8, number);
        }

        writer.WriteEndObject();
        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    private static void WriteDetails(Utf8JsonWriter writer, StatusDetails details)
    {
        writer.WriteStartObject("details"u8);
        WriteOptional(writer, "name", details.Name);
        WriteOptional(writer, "group", details.Group);
        WriteOptional(writer, "kind", details.Kind);
        WriteOptional(writer, "uid", details.Uid);
        if (details.Causes is { Count: > 0 } causes)
        {
            writer.WriteStartArray("causes"u8);
            foreach (var cause in causes)
            {
                writer.WriteStartObject();
                WriteOptional(writer, "reason", cause.Reason);
                WriteOptional(writer, "message", cause.Message);
                WriteOptional(writer, "field", cause.Field);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        }

        if (details.RetryAfterSeconds is { } seconds)
        {
            writer.WriteNumber("retryAfterSeconds"u8, seconds);
        }

        writer.WriteEndObject();
    }

    private static void WriteOptional(Utf8JsonWriter writer, string name, string? value)
    {
        if (value is not null)
        {
            writer.WriteString(name, value);
        }
    }
}
