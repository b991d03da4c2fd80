using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.Protocol.Tunnel;

/// <summary>
/// The data of a connect message: an HTTP request to the kubelet of a node, in KubeEdge's form (Go's URL and header types):
/// <code>
/// {"MessID":1,"url":{"Scheme":"http","Host":"127.0.0.1:10350","Path":"/exec/ns/pod/c","RawQuery":"command=ls",…},
///  "header":{"Upgrade":["SPDY/3.1"]},"method":"POST"}
/// </code>
/// </summary>
/// <param name="Method">GET or POST; KubeEdge leaves it out where it is GET.</param>
/// <param name="Path">The path, not escaped.</param>
/// <param name="Query">The query as it stands in a URL, without the question mark.</param>
/// <param name="Headers">Names as given, each with its values.</param>
public sealed record TunnelRequest(
    string Method, string Path, string Query, IReadOnlyList<KeyValuePair<string, string>> Headers)
{
    /// <summary>The longest document that is read, bytes: a request line and headers as web servers take them.</summary>
    public const int MaxBytes = 256 << 10;

    /// <summary>Where KubeEdge's kubelet listens on its node.</summary>
    private const string KubeletHost = "127.0.0.1:10350";

    // member names exactly as KubeEdge writes them; characters beyond ASCII need no escapes for Go
    private static readonly JsonWriterOptions s_options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The first value of a header; empty where there is none.</summary>
    public string Header(string name) =>
        Headers.FirstOrDefault(h => h.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Value ?? "";

    /// <summary>Writes it for stream <paramref name="id"/>.</summary>
    public byte[] Write(ulong id)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using var writer = new Utf8JsonWriter(buffer, s_options);
        writer.WriteStartObject();
        writer.WriteNumber("MessID"u8, id);
        WriteUrl(writer);
        writer.WriteStartObject("header"u8);
        foreach (var header in Headers.GroupBy(h => h.Key, StringComparer.OrdinalIgnoreCase))
        {
            writer.WriteStartArray(header.Key);
            foreach (var (_, value) in header)
            {
                writer.WriteStringValue(value);
            }

            writer.WriteEndArray();
        }

        writer.WriteEndObject();
        writer.WriteString("method"u8, Method);
        writer.WriteEndObject();
        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Reads it; names in any case, unknown members skipped, as Go does.</summary>
    /// <exception cref="ProtocolException">No such document, too long, or of wrong types.</exception>
    public static TunnelRequest Read(ReadOnlyMemory<byte> json)
    {
        if (json.Length > MaxBytes)
        {
            throw new ProtocolException($"a request of {json.Length} bytes; the most is {MaxBytes}");
        }

        try
        {
            using var document = JsonDocument.Parse(json);
            var root = document.RootElement;
            var method = Text(root, "method");
            var url = Member(root, "url") is { ValueKind: JsonValueKind.Object } found ? found : throw new ProtocolException("a request without a url");
            var path = Text(url, "Path");
            return path.StartsWith('/')
                ? new TunnelRequest(method.Length > 0 ? method : "GET", path, Text(url, "RawQuery"), ReadHeaders(root))
                : throw new ProtocolException("a request without a path");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new ProtocolException($"a request that cannot be read: {e.Message}");
        }
    }

    private static List<KeyValuePair<string, string>> ReadHeaders(JsonElement root)
    {
        var headers = new List<KeyValuePair<string, string>>();
        if (Member(root, "header") is not { ValueKind: JsonValueKind.Object } given)
        {
            return headers;
        }

        foreach (var header in given.EnumerateObject())
        {
            foreach (var value in header.Value.ValueKind == JsonValueKind.Array ? header.Value.EnumerateArray().ToArray() : [])
            {
                headers.Add(new KeyValuePair<string, string>(header.Name, value.GetString() ?? ""));
            }
        }

        return headers;
    }

    private static JsonElement? Member(JsonElement owner, string name)
    {
        if (owner.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        foreach (var member in owner.EnumerateObject())
        {
            if (member.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                return member.Value;
            }
        }

        return null;
    }

    private static string Text(JsonElement owner, string name) =>
        Member(owner, name) is { ValueKind: not JsonValueKind.Null } member ? member.GetString() ?? "" : "";

    private void WriteUrl(Utf8JsonWriter writer)
    {
        writer.WriteStartObject("url"u8);
        writer.WriteString("Scheme"u8, "http"u8);
        writer.WriteString("Opaque"u8, ""u8);
        writer.WriteNull("User"u8);
        writer.WriteString("Host"u8, KubeletHost);
        writer.WriteString("Path"u8, Path);
        writer.WriteString("RawPath"u8, ""u8);
        writer.WriteBoolean("OmitHost"u8, false);
        writer.WriteBoolean("ForceQuery"u8, false);
        writer.WriteString("RawQuery"u8, Query);
        writer.WriteString("Fragment"u8, ""u8);
        writer.WriteString("RawFragment"u8, ""u8);
        writer.WriteEndObject();
    }
}
