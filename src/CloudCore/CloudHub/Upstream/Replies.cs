using System.Buffers;
using System.Text.Json;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.CloudCore.CloudHub.Upstream;

/// <summary>
/// The hub's answers, in KubeEdge's forms: writes get <c>{"Object":…,"Err":…}</c> with both members always there (its agent
/// recognizes the form by both keys), some get <c>"OK"</c>, reads get the bare object.
/// </summary>
internal sealed class Replies(TimeProvider time)
{
    /// <summary>
    /// Of a write that the API took: ObjectResp, as KubeEdge's agents want it. Ours look only whether it was taken, and their
    /// link need not carry the whole object back.
    /// </summary>
    public Message Written(SessionIdentity session, Message request, KubeObject written) => session.Extended
        ? Ok(request, written.ResourceVersion)
        : Reply(request, ObjectResp(written, null));

    /// <summary>ObjectResp of a write that the API refused.</summary>
    public Message Refused(Message request, Status error) => Reply(request, ObjectResp(null, error));

    /// <summary><c>"OK"</c>.</summary>
    public Message Ok(Message request, string resourceVersion = "") =>
        Reply(request, MessageContent.Ok) with { ResourceVersion = resourceVersion };

    /// <summary>The bare object that was asked for.</summary>
    public Message Found(Message request, KubeObject found) =>
        Reply(request, found.Json) with { ResourceVersion = found.ResourceVersion };

    /// <summary>The device controller's confirmation of a twin or state message.</summary>
    public Message Confirmed(Message request) => Reply(request, MessageContent.Ok) with
    {
        Source = Sources.DeviceController,
        Group = Groups.Twin,
        Resource = "twin",
    };

    /// <summary>Nothing could be done with the request now; the sender keeps it and tries again.</summary>
    public Message Failed(Message request, string text) =>
        Reply(request, MessageContent.Text(text)) with { Operation = Operations.Error };

    /// <summary>Any answer to <paramref name="request"/>.</summary>
    public Message Reply(Message request, ReadOnlyMemory<byte> content) => new()
    {
        Id = Guid.NewGuid().ToString(),
        ParentId = request.Id,
        Timestamp = time.GetUtcNow().ToUnixTimeMilliseconds(),
        Source = Sources.EdgeController,
        Group = Groups.Resource,
        Operation = Operations.Response,
        Resource = request.Resource,
        Content = content,
    };

    /// <summary>A Status as the API would answer it.</summary>
    public static Status Failure(int code, string reason, string message) => new()
    {
        Outcome = "Failure",
        Code = code,
        Reason = reason,
        Message = message,
    };

    private static byte[] ObjectResp(KubeObject? written, Status? error)
    {
        var buffer = new ArrayBufferWriter<byte>(256 + (written?.Json.Length ?? 0));
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WritePropertyName("Object"u8);
            if (written is null)
            {
                json.WriteNullValue();
            }
            else
            {
                json.WriteRawValue(written.Json.Span, skipInputValidation: true);
            }

            json.WritePropertyName("Err"u8);
            if (error is null)
            {
                json.WriteNullValue();
            }
            else
            {
                json.WriteRawValue(ErrStatus(error), skipInputValidation: true);
            }

            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    private static byte[] ErrStatus(Status error)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WritePropertyName("ErrStatus"u8);
            JsonSerializer.Serialize(json, error, KubernetesJson.Default.Status);
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }
}
