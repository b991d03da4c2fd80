using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace EdgeSync.Protocol.Devices;

/// <summary>Reads and writes device messages.</summary>
public static class DeviceCodec
{
    /// <summary>The types to read and write with: text beyond ASCII is written as it is, not as escapes.</summary>
    public static DevicesJson Json { get; } = new(new JsonSerializerOptions(DevicesJson.Default.Options)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });

    /// <summary>Reads a payload; where it cannot be read, <paramref name="reason"/> says what is wrong and where.</summary>
    public static T? TryRead<T>(ReadOnlySpan<byte> payload, JsonTypeInfo<T> type, out string reason)
        where T : class
    {
        try
        {
            var message = JsonSerializer.Deserialize(payload, type);
            reason = message is null ? "the payload is null; send a JSON object" : "";
            return message;
        }
        catch (JsonException e) when (e.InnerException is JsonException || payload.IsEmpty)
        {
            reason = payload.IsEmpty
                ? "the payload is empty; send a JSON object"
                : $"the payload is not valid JSON (line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}); send one JSON object in UTF-8";
        }
        catch (JsonException e)
        {
            reason = $"the payload's member {e.Path} has a wrong type; values, types and ids are strings, timestamps and versions integers";
        }

        return null;
    }
}
