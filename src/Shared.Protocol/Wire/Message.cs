using System.Text.Json;

namespace EdgeSync.Protocol.Wire;

/// <summary>
/// KubeEdge's message (beehive <c>model.Message</c>): one JSON document in one WebSocket text message.
/// The content stays the sender's own bytes, so what this program does not know survives the hop.
/// </summary>
public sealed record Message
{
    /// <summary>Unique id; a resend carries the same one.</summary>
    public required string Id { get; init; }

    /// <summary>Id of the message that this one answers; empty on everything that is not an answer.</summary>
    public string ParentId { get; init; } = "";

    /// <summary>Unix milliseconds.</summary>
    public long Timestamp { get; init; }

    /// <summary>The resourceVersion of the object in <see cref="Content"/>; empty where there is none.</summary>
    public string ResourceVersion { get; init; } = "";

    public string Source { get; init; } = "";

    public string Group { get; init; } = "";

    public string Operation { get; init; } = "";

    public string Resource { get; init; } = "";

    /// <summary>Raw JSON; empty where the member was absent (which reads as <c>null</c>).</summary>
    public ReadOnlyMemory<byte> Content { get; init; }

    /// <summary>Whether the content is the JSON string <c>"OK"</c>, as an acknowledgement has it.</summary>
    public bool IsContentOk => Content.Span.SequenceEqual("\"OK\""u8);

    /// <summary>The text of a JSON string content; null where the content is anything else.</summary>
    /// <exception cref="ProtocolException">A string that is not valid Unicode text.</exception>
    public string? ContentAsString()
    {
        if (Content.IsEmpty || Content.Span[0] != (byte)'"')
        {
            return null;
        }

        try
        {
            var reader = new Utf8JsonReader(Content.Span);
            reader.Read();
            return reader.GetString();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new ProtocolException($"{Resource}: the content is not valid text", e);
        }
    }

    /// <summary>
    /// The UTF-8 JSON inside the content: KubeEdge sends patches and device states as a JSON string that holds
    /// JSON, and objects as objects. Both are given back as the inner document.
    /// </summary>
    public ReadOnlyMemory<byte> ContentAsJson()
    {
        var text = ContentAsString();
        return text is null ? Content : System.Text.Encoding.UTF8.GetBytes(text);
    }
}
