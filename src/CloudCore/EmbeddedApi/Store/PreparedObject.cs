using System.Buffers.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Store;

/// <summary>
/// An object as it will be stored and sent, but for its resourceVersion, which only the committer knows: the bytes,
/// with an empty resourceVersion, and the place where its digits go.
/// </summary>
internal sealed class PreparedObject
{
    private readonly byte[] _json;
    private readonly int _versionOffset;

    private PreparedObject(byte[] json, int versionOffset)
    {
        _json = json;
        _versionOffset = versionOffset;
    }

    /// <summary>Renders the object: kind, apiVersion and metadata first, then the rest in its own order.</summary>
    public static PreparedObject From(JsonObject node)
    {
        using var scratch = JsonScratch.Rent();
        var writer = scratch.Writer;
        writer.WriteStartObject();
        WriteMember(writer, node, "kind");
        WriteMember(writer, node, "apiVersion");
        writer.WriteStartObject("metadata"u8);
        var offset = 0;
        foreach (var (name, value) in node.Object("metadata") ?? [])
        {
            if (name is "resourceVersion" or "selfLink")
            {
                continue;
            }

            WriteMember(writer, name, value);
            if (name == "uid")
            {
                offset = WriteVersionPlace(writer);
            }
        }

        if (offset == 0)
        {
            offset = WriteVersionPlace(writer);
        }

        writer.WriteEndObject();
        foreach (var (name, value) in node)
        {
            if (name is not ("kind" or "apiVersion" or "metadata"))
            {
                WriteMember(writer, name, value);
            }
        }

        writer.WriteEndObject();
        return new PreparedObject(scratch.Written.ToArray(), offset);
    }

    /// <summary>The bytes with their resourceVersion.</summary>
    public byte[] WithVersion(long resourceVersion)
    {
        Span<byte> digits = stackalloc byte[20];
        Utf8Formatter.TryFormat(resourceVersion, digits, out var length);
        var result = new byte[_json.Length + length];
        _json.AsSpan(0, _versionOffset).CopyTo(result);
        digits[..length].CopyTo(result.AsSpan(_versionOffset));
        _json.AsSpan(_versionOffset).CopyTo(result.AsSpan(_versionOffset + length));
        return result;
    }

    /// <summary>The bytes without a resourceVersion: of an object that was never stored.</summary>
    public byte[] WithoutVersion()
    {
        var member = "\"resourceVersion\":\"\""u8;
        var start = _versionOffset + 1 - member.Length;

        // the comma goes that parts it from its neighbour
        if (_json[start - 1] == (byte)',')
        {
            return [.. _json.AsSpan(0, start - 1), .. _json.AsSpan(start + member.Length)];
        }

        var end = start + member.Length;
        return [.. _json.AsSpan(0, start), .. _json.AsSpan(_json[end] == (byte)',' ? end + 1 : end)];
    }

    private static int WriteVersionPlace(Utf8JsonWriter writer)
    {
        writer.WriteString("resourceVersion"u8, ""u8);
        return (int)(writer.BytesCommitted + writer.BytesPending) - 1;
    }

    private static void WriteMember(Utf8JsonWriter writer, JsonObject node, string name)
    {
        if (node[name] is { } value)
        {
            WriteMember(writer, name, value);
        }
    }

    private static void WriteMember(Utf8JsonWriter writer, string name, JsonNode? value)
    {
        writer.WritePropertyName(name);
        if (value is null)
        {
            writer.WriteNullValue();
        }
        else
        {
            value.WriteTo(writer);
        }
    }
}
