using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace EdgeSync.Protocol.Devices;

/// <summary>
/// Reads a string, and also a number or boolean as the text that stands in the document: KubeEdge wants all twin
/// values as strings, and the commonest mistake of a mapper is to send <c>21.5</c> for <c>"21.5"</c>.
/// </summary>
internal sealed class TolerantText : JsonConverter<string?>
{
    public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType switch
        {
            JsonTokenType.String => reader.GetString(),
            JsonTokenType.Number or JsonTokenType.True or JsonTokenType.False => Encoding.UTF8.GetString(reader.ValueSpan),
            JsonTokenType.Null => null,
            _ => throw new JsonException("must be a string"),
        };

    public override void Write(Utf8JsonWriter writer, string? value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value ?? "");
}
