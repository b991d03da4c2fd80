using System.Buffers;
using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Authentication;

/// <summary>Writes and reads JSON web tokens in their compact form: header, claims and signature, base64url, dots between.</summary>
internal static class JsonWebToken
{
    /// <summary>Longer ones are refused unread: ours are about 1 KiB.</summary>
    public const int MaxLength = 16 * 1024;

    private static readonly JsonDocumentOptions s_options = new() { MaxDepth = 8, AllowDuplicateProperties = false };

    public static string Write(JsonObject claims, SigningKey key)
    {
        var header = new JsonObject { ["alg"] = key.Algorithm, ["kid"] = key.Id };
        var signed = $"{Encode(header)}.{Encode(claims)}";
        return $"{signed}.{Base64Url.EncodeToString(key.Sign(Encoding.ASCII.GetBytes(signed)))}";
    }

    /// <summary>
    /// The claims, where the key has signed them. The signature is checked before anything but the header is read, and the
    /// header's algorithm must be the key's: a token does not choose how it is checked.
    /// </summary>
    public static JsonObject? Read(string token, SigningKey key, out string problem)
    {
        problem = "the token is not a JSON web token";
        if (token.Length > MaxLength)
        {
            problem = $"the token is longer than {MaxLength} characters";
            return null;
        }

        var first = token.IndexOf('.', StringComparison.Ordinal);
        var last = token.LastIndexOf('.');
        if (first <= 0 || last <= first + 1 || token.AsSpan(first + 1, last - first - 1).Contains('.')
            || Decode(token.AsSpan(0, first)) is not { } header
            || DecodeBytes(token.AsSpan(last + 1)) is not { } signature)
        {
            return null;
        }

        if (header.Text("alg") != key.Algorithm || (header.Text("kid") is { } id && id != key.Id))
        {
            problem = "the token was signed by another key or in another way";
            return null;
        }

        if (!key.Verify(Encoding.ASCII.GetBytes(token[..last]), signature))
        {
            problem = "the token's signature is not right";
            return null;
        }

        return Decode(token.AsSpan(first + 1, last - first - 1));
    }

    private static string Encode(JsonObject part)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var writer = new Utf8JsonWriter(buffer, JsonFormat.Writer))
        {
            part.WriteTo(writer);
        }

        return Base64Url.EncodeToString(buffer.WrittenSpan);
    }

    private static JsonObject? Decode(ReadOnlySpan<char> part)
    {
        try
        {
            return DecodeBytes(part) is { } bytes ? JsonNode.Parse(bytes, null, s_options) as JsonObject : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static byte[]? DecodeBytes(ReadOnlySpan<char> part)
    {
        try
        {
            return Base64Url.DecodeFromChars(part);
        }
        catch (FormatException)
        {
            return null;
        }
    }
}
