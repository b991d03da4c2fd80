using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace EdgeSync.EdgeCore.Edged;

/// <summary>KubeEdge's patches travel as a JSON string that holds JSON.</summary>
internal static class QuotedJson
{
    private static readonly JsonWriterOptions s_plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string Write(JsonObject json)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, s_plain))
        {
            json.WriteTo(writer);
        }

        return Encoding.UTF8.GetString(stream.ToArray());
    }

    public static byte[] Quote(string json) =>
        Encoding.UTF8.GetBytes($"\"{JsonEncodedText.Encode(json, JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"");
}
