using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace EdgeSync.Protocol.Wire;

/// <summary>
/// Reads and writes <see cref="Message"/> documents.
/// <code>
/// {"header":{"msg_id","parent_msg_id"?,"timestamp","resourceversion"?,"sync"?,"type"?},
///  "route":{"source"?,"destination"?,"group"?,"operation"?,"resource"?},
///  "content":any}
/// </code>
/// Reading is tolerant as Go's decoder is (member names in any case, unknown members skipped); writing is exact.
/// </summary>
public static class MessageCodec
{
    /// <summary>Nesting that no Kubernetes object reaches; deeper documents are refused.</summary>
    public const int MaxDepth = 128;

    private static readonly JsonReaderOptions s_readerOptions = new() { MaxDepth = MaxDepth };

    private static readonly JsonWriterOptions s_writerOptions = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        SkipValidation = true,
    };

    /// <summary>Writes the document, without the newline that Go's encoder appends (receivers need none).</summary>
    public static void Write(IBufferWriter<byte> output, Message message)
    {
        using var json = new Utf8JsonWriter(output, s_writerOptions);
        json.WriteStartObject();
        json.WriteStartObject("header"u8);
        json.WriteString("msg_id"u8, message.Id);
        WriteUnlessEmpty(json, "parent_msg_id"u8, message.ParentId);
        if (message.Timestamp != 0)
        {
            json.WriteNumber("timestamp"u8, message.Timestamp);
        }

        WriteUnlessEmpty(json, "resourceversion"u8, message.ResourceVersion);
        json.WriteEndObject();
        json.WriteStartObject("route"u8);
        WriteUnlessEmpty(json, "source"u8, message.Source);
        WriteUnlessEmpty(json, "group"u8, message.Group);
        WriteUnlessEmpty(json, "operation"u8, message.Operation);
        WriteUnlessEmpty(json, "resource"u8, message.Resource);
        json.WriteEndObject();
        json.WritePropertyName("content"u8);
        if (message.Content.IsEmpty)
        {
            json.WriteNullValue();
        }
        else
        {
            json.WriteRawValue(message.Content.Span, skipInputValidation: true);
        }

        json.WriteEndObject();
    }

    /// <summary>The document as a byte array.</summary>
    public static byte[] ToBytes(Message message)
    {
        var buffer = new ArrayBufferWriter<byte>(256 + message.Content.Length);
        Write(buffer, message);
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>
    /// Reads one document. The message's content is a slice of <paramref name="document"/>, which the caller
    /// must therefore not reuse.
    /// </summary>
    /// <exception cref="ProtocolException">The bytes are not one well-formed message.</exception>
    public static Message Read(ReadOnlyMemory<byte> document)
    {
        try
        {
            return ReadDocument(document);
        }
        catch (JsonException e)
        {
            throw new ProtocolException(
                $"not a message: invalid JSON at byte {e.BytePositionInLine ?? 0}", e);
        }
        catch (InvalidOperationException e)
        {
            // Utf8JsonReader's answer to a string that is not valid UTF-8 or UTF-16
            throw new ProtocolException("not a message: a string is not valid text", e);
        }
    }

    private static Message ReadDocument(ReadOnlyMemory<byte> document)
    {
        var reader = new Utf8JsonReader(document.Span, s_readerOptions);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            throw new ProtocolException("not a message: a JSON object was expected");
        }

        var fields = default(Fields);
        var content = ReadOnlyMemory<byte>.Empty;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var member = reader.GetString()!;
            reader.Read();
            if (Is(member, "header"))
            {
                ReadMembers(ref reader, "header", ref fields);
            }
            else if (Is(member, "route"))
            {
                ReadMembers(ref reader, "route", ref fields);
            }
            else
            {
                var start = (int)reader.TokenStartIndex;
                reader.Skip();
                if (Is(member, "content"))
                {
                    content = document[start..(int)reader.BytesConsumed];
                }
            }
        }

        while (reader.Read())
        {
            // Read throws on anything that follows the document
        }

        if (string.IsNullOrEmpty(fields.Id))
        {
            throw new ProtocolException("not a message: header.msg_id is missing");
        }

        return new Message
        {
            Id = fields.Id,
            ParentId = fields.ParentId ?? "",
            Timestamp = fields.Timestamp,
            ResourceVersion = fields.ResourceVersion ?? "",
            Source = fields.Source ?? "",
            Group = fields.Group ?? "",
            Operation = fields.Operation ?? "",
            Resource = fields.Resource ?? "",
            Content = content.Span.SequenceEqual("null"u8) ? default : content,
        };
    }

    private static void ReadMembers(ref Utf8JsonReader reader, string parent, ref Fields fields)
    {
        if (reader.TokenType == JsonTokenType.Null)
        {
            return;
        }

        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw new ProtocolException($"not a message: {parent} must be an object");
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var member = reader.GetString()!;
            reader.Read();
            if (parent == "header" && Is(member, "timestamp"))
            {
                if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out fields.Timestamp))
                {
                    throw new ProtocolException("not a message: header.timestamp must be an integer");
                }

                continue;
            }

            ref var target = ref fields.Ignored;
            switch (parent, member.ToLowerInvariant())
            {
                case ("header", "msg_id"): target = ref fields.Id; break;
                case ("header", "parent_msg_id"): target = ref fields.ParentId; break;
                case ("header", "resourceversion"): target = ref fields.ResourceVersion; break;
                case ("route", "source"): target = ref fields.Source; break;
                case ("route", "group"): target = ref fields.Group; break;
                case ("route", "operation"): target = ref fields.Operation; break;
                case ("route", "resource"): target = ref fields.Resource; break;
                default: reader.Skip(); continue;
            }

            target = reader.TokenType switch
            {
                JsonTokenType.String => reader.GetString(),
                JsonTokenType.Null => null,
                _ => throw new ProtocolException($"not a message: {parent}.{member} must be a string"),
            };
        }
    }

    private static bool Is(string member, string name) => string.Equals(member, name, StringComparison.OrdinalIgnoreCase);

    private static void WriteUnlessEmpty(Utf8JsonWriter json, ReadOnlySpan<byte> name, string value)
    {
        if (value.Length > 0)
        {
            json.WriteString(name, value);
        }
    }

    private struct Fields
    {
        public string? Id;
        public string? ParentId;
        public long Timestamp;
        public string? ResourceVersion;
        public string? Source;
        public string? Group;
        public string? Operation;
        public string? Resource;
        public string? Ignored;
    }
}
