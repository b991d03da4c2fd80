using System.Text.Json;

namespace EdgeSync.CloudCore.KubeApi;

/// <summary>
/// Takes metadata.managedFields out of an object as it comes in. Nobody here asks who owns a field, and it is easily half of
/// an object: of what the caches hold, and of what goes over an edge's link.
/// </summary>
internal static class OwnersCut
{
    /// <summary>A copy of the object's bytes without the member; the rest stays as it was written.</summary>
    /// <exception cref="JsonException">The text is no JSON object.</exception>
    public static byte[] Copy(ReadOnlySpan<byte> json)
    {
        var (start, end) = Find(json);
        if (start == end)
        {
            return json.ToArray();
        }

        var copy = new byte[json.Length - (end - start)];
        json[..start].CopyTo(copy);
        json[end..].CopyTo(copy.AsSpan(start));
        return copy;
    }

    /// <summary>From the member's name to the end of its value, with one of the commas around it.</summary>
    private static (int Start, int End) Find(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 128 });
        if (!Enter(ref reader, "metadata"u8) || !Enter(ref reader, "managedFields"u8))
        {
            return (0, 0);
        }

        var start = (int)reader.TokenStartIndex;
        reader.Read();
        reader.Skip();
        var end = (int)reader.BytesConsumed;
        var before = json[..start].TrimEnd(" \t\r\n"u8);
        if (before.EndsWith(","u8))
        {
            return (before.Length - 1, end);
        }

        var after = json[end..].TrimStart(" \t\r\n"u8);
        return (start, after.StartsWith(","u8) ? json.Length - after.Length + 1 : end);
    }

    /// <summary>Goes to the name of a member of the next object.</summary>
    private static bool Enter(ref Utf8JsonReader reader, ReadOnlySpan<byte> member)
    {
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            return false;
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueSpan.SequenceEqual(member))
            {
                return true;
            }

            reader.Skip();
        }

        return false;
    }
}
