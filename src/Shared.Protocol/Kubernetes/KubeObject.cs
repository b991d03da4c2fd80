using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.Protocol.Kubernetes;

/// <summary>
/// One Kubernetes object as its API server wrote it: the bytes, and the few metadata fields that every part of
/// EdgeSync needs. Immutable and safe to share; typed views are read from the bytes on demand.
/// </summary>
public sealed class KubeObject
{
    private long _contentHash;
    private volatile bool _hashed;

    private KubeObject(ReadOnlyMemory<byte> json) => Json = json;

    /// <summary>The whole object, JSON.</summary>
    public ReadOnlyMemory<byte> Json { get; }

    public string ApiVersion { get; private set; } = "";

    public string Kind { get; private set; } = "";

    /// <summary>Empty for cluster-scoped objects.</summary>
    public string Namespace { get; private set; } = "";

    public string Name { get; private set; } = "";

    public string Uid { get; private set; } = "";

    public string ResourceVersion { get; private set; } = "";

    /// <summary>Whether <c>metadata.deletionTimestamp</c> is set: the object is on its way out.</summary>
    public bool IsDeleting { get; private set; }

    /// <summary>
    /// A hash of what the object asks for: everything but <c>status</c>, <c>metadata.resourceVersion</c>,
    /// <c>metadata.generation</c> and <c>metadata.managedFields</c>. Two versions with the same hash need no
    /// transfer, so a status that the edge itself reported never travels back to it.
    /// </summary>
    public ulong ContentHash
    {
        get
        {
            if (!_hashed)
            {
                _contentHash = (long)HashContent(Json.Span);
                _hashed = true;
            }

            return (ulong)_contentHash;
        }
    }

    /// <summary>
    /// The same object, of which every version counts: its <see cref="ContentHash"/> covers status and resourceVersion too. For
    /// peers that compare what they would report with the object that they were last sent, as KubeEdge's agent does.
    /// </summary>
    public KubeObject WithWholeHash()
    {
        var whole = Over(Json);
        whole._hashed = true;
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Json.Span, digest);
        whole._contentHash = BinaryPrimitives.ReadInt64BigEndian(digest);
        return whole;
    }

    private KubeObject Over(ReadOnlyMemory<byte> same) => new(same)
    {
        ApiVersion = ApiVersion,
        Kind = Kind,
        Namespace = Namespace,
        Name = Name,
        Uid = Uid,
        ResourceVersion = ResourceVersion,
        IsDeleting = IsDeleting,
    };

    /// <summary>The object's wire address.</summary>
    public ObjectKey Key(string type) => new(Namespace, type, Name);

    /// <summary>Reads the object as <typeparamref name="T"/>, a view of the fields that the caller acts on.</summary>
    /// <exception cref="KubeObjectException">A field has another type than the view says.</exception>
    public T View<T>(JsonTypeInfo<T> type)
    {
        try
        {
            return JsonSerializer.Deserialize(Json.Span, type)
                ?? throw new KubeObjectException($"{Describe()}: the object is null");
        }
        catch (JsonException e)
        {
            throw new KubeObjectException($"{Describe()}: field {e.Path} has a wrong type or value", e);
        }
    }

    /// <summary>
    /// The text at <paramref name="member"/> of the object at <paramref name="parent"/> (<c>spec</c>, <c>nodeName</c>), without a view of
    /// all the rest; null where there is no such text, and where it is none (no UTF-8, half of a surrogate pair).
    /// </summary>
    public string? Text(ReadOnlySpan<byte> parent, ReadOnlySpan<byte> member)
    {
        var reader = new Utf8JsonReader(Json.Span, new JsonReaderOptions { MaxDepth = MessageCodec.MaxDepth });
        reader.Read();
        if (!Enter(ref reader, parent) || !Enter(ref reader, member) || reader.TokenType != JsonTokenType.String)
        {
            return null;
        }

        try
        {
            return reader.GetString();
        }
        catch (InvalidOperationException)
        {
            // nothing has read these bytes as text before: whoever asks is told that there is none, as of any other wrong value
            return null;
        }
    }

    /// <summary>The annotation of this name, without a view of all the rest; null where there is none.</summary>
    public string? Annotation(ReadOnlySpan<byte> name)
    {
        var reader = new Utf8JsonReader(Json.Span, new JsonReaderOptions { MaxDepth = MessageCodec.MaxDepth });
        reader.Read();
        return Enter(ref reader, "metadata"u8) && Enter(ref reader, "annotations"u8) && Enter(ref reader, name) && reader.TokenType == JsonTokenType.String
            ? reader.GetString()
            : null;
    }

    /// <summary>Kind, namespace and name, for messages to people.</summary>
    public string Describe() => Namespace.Length == 0 ? $"{Kind} {Name}" : $"{Kind} {Namespace}/{Name}";

    /// <summary>Reads the metadata. The object keeps <paramref name="json"/>; the caller must not change it.</summary>
    /// <exception cref="KubeObjectException">Not a JSON object, or metadata of a wrong type.</exception>
    public static KubeObject Parse(ReadOnlyMemory<byte> json)
    {
        var parsed = new KubeObject(json);
        try
        {
            parsed.ReadHeader();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new KubeObjectException($"not a Kubernetes object: {e.Message}", e);
        }

        return parsed;
    }

    private void ReadHeader()
    {
        var reader = new Utf8JsonReader(Json.Span, new JsonReaderOptions { MaxDepth = MessageCodec.MaxDepth });
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            throw new KubeObjectException("not a Kubernetes object: a JSON object was expected");
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("apiVersion"u8))
            {
                ApiVersion = ReadString(ref reader);
            }
            else if (reader.ValueTextEquals("kind"u8))
            {
                Kind = ReadString(ref reader);
            }
            else if (reader.ValueTextEquals("metadata"u8))
            {
                ReadMetadata(ref reader);
            }
            else
            {
                reader.Skip();
            }
        }

        while (reader.Read())
        {
            // Read throws on anything that follows the object
        }
    }

    private void ReadMetadata(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType == JsonTokenType.Null)
        {
            return;
        }

        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw new KubeObjectException("not a Kubernetes object: metadata must be an object");
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("name"u8))
            {
                Name = ReadString(ref reader);
            }
            else if (reader.ValueTextEquals("namespace"u8))
            {
                Namespace = ReadString(ref reader);
            }
            else if (reader.ValueTextEquals("uid"u8))
            {
                Uid = ReadString(ref reader);
            }
            else if (reader.ValueTextEquals("resourceVersion"u8))
            {
                ResourceVersion = ReadString(ref reader);
            }
            else if (reader.ValueTextEquals("deletionTimestamp"u8))
            {
                IsDeleting = ReadString(ref reader).Length > 0;
            }
            else
            {
                reader.Skip();
            }
        }
    }

    /// <summary>From the start of an object to the value of its member.</summary>
    private static bool Enter(ref Utf8JsonReader reader, ReadOnlySpan<byte> member)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            return false;
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (Is(ref reader, member))
            {
                return reader.Read();
            }

            reader.Skip();
        }

        return false;
    }

    private static string ReadString(ref Utf8JsonReader reader)
    {
        reader.Read();
        return reader.TokenType == JsonTokenType.Null ? "" : reader.GetString() ?? "";
    }

    private static ulong HashContent(ReadOnlySpan<byte> json)
    {
        // what is hashed: of each token its kind and its text, brackets too; a token has at least one byte, so that is never longer
        // than twice the object. One call of the hash is much faster than two for each token.
        var buffer = ArrayPool<byte>.Shared.Rent(2 * json.Length);
        try
        {
            Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
            SHA256.HashData(buffer.AsSpan(0, WriteContent(json, buffer)), digest);
            return BinaryPrimitives.ReadUInt64BigEndian(digest);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static int WriteContent(ReadOnlySpan<byte> json, Span<byte> content)
    {
        var length = 0;
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = MessageCodec.MaxDepth });
        var inMetadata = false;
        while (reader.Read())
        {
            if (reader.TokenType == JsonTokenType.PropertyName)
            {
                if (reader.CurrentDepth == 1)
                {
                    inMetadata = Is(ref reader, "metadata"u8);
                }

                if (IsIgnored(ref reader, inMetadata))
                {
                    reader.Skip();
                    continue;
                }
            }

            content[length++] = (byte)reader.TokenType;
            reader.ValueSpan.CopyTo(content[length..]);
            length += reader.ValueSpan.Length;
        }

        return length;
    }

    private static bool IsIgnored(ref Utf8JsonReader reader, bool inMetadata) => reader.CurrentDepth switch
    {
        1 => Is(ref reader, "status"u8),
        2 => inMetadata && (Is(ref reader, "resourceVersion"u8)
            || Is(ref reader, "generation"u8)
            || Is(ref reader, "managedFields"u8)),
        _ => false,
    };

    /// <summary>By the bytes: a name with an escape that is no text would make the reader's own comparison throw.</summary>
    private static bool Is(ref Utf8JsonReader reader, ReadOnlySpan<byte> name) => reader.ValueSpan.SequenceEqual(name);
}

/// <summary>Bytes that were to be a Kubernetes object are not one; the message says what is wrong.</summary>
public sealed class KubeObjectException : Exception
{
    public KubeObjectException(string message)
        : base(message)
    {
    }

    public KubeObjectException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
