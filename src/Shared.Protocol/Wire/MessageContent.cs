using System.Text.Json;

namespace EdgeSync.Protocol.Wire;

/// <summary>Contents that are not a Kubernetes object.</summary>
public static class MessageContent
{
    /// <summary>The content of an acknowledgement: <c>"OK"</c>.</summary>
    public static ReadOnlyMemory<byte> Ok { get; } = "\"OK\""u8.ToArray();

    /// <summary>A JSON string, as KubeEdge sends error texts, patches and device states.</summary>
    public static byte[] Text(string text)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>(text.Length + 16);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStringValue(text);
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>A JSON string that holds a JSON document.</summary>
    public static byte[] Text(ReadOnlySpan<byte> utf8)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>(utf8.Length + 16);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStringValue(utf8);
        }

        return buffer.WrittenSpan.ToArray();
    }
}
