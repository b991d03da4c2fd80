using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.EmbeddedApi.Serving;

/// <summary>
/// Kubernetes' protobuf bodies, which kubectl's create commands send, turned into the JSON tree of the same object by
/// the numbers in the schema.
/// <code>
/// "k8s" 0x00, then runtime.Unknown { 1 TypeMeta { 1 apiVersion, 2 kind }, 2 raw (the object), 3 encoding, 4 type }
/// </code>
/// </summary>
internal static class ProtobufBody
{
    private const int Varint = 0;
    private const int Fixed64 = 1;
    private const int Delimited = 2;
    private const int Fixed32 = 5;

    /// <exception cref="ApiException">400 where the bytes are no such message.</exception>
    public static JsonObject Parse(ReadOnlySpan<byte> body, TypeSchema type)
    {
        if (!body.StartsWith("k8s\0"u8))
        {
            throw Malformed("the prefix is missing");
        }

        var apiVersion = "";
        var kind = "";
        ReadOnlySpan<byte> raw = [];
        var envelope = new Reader(body[4..]);
        while (envelope.Next(out var number))
        {
            switch (number)
            {
                case 1:
                    (apiVersion, kind) = ReadTypeMeta(envelope.Bytes);
                    break;
                case 2:
                    raw = envelope.Bytes;
                    break;
            }
        }

        var node = ReadMessage(raw, type, 0);
        node["apiVersion"] = apiVersion;
        node["kind"] = kind;
        return node;
    }

    private static (string ApiVersion, string Kind) ReadTypeMeta(ReadOnlySpan<byte> bytes)
    {
        var apiVersion = "";
        var kind = "";
        var reader = new Reader(bytes);
        while (reader.Next(out var number))
        {
            if (number == 1)
            {
                apiVersion = Text(reader.Bytes);
            }
            else if (number == 2)
            {
                kind = Text(reader.Bytes);
            }
        }

        return (apiVersion, kind);
    }

    private static JsonObject ReadMessage(ReadOnlySpan<byte> bytes, TypeSchema type, int depth)
    {
        var node = new JsonObject();
        ReadInto(node, bytes, type, depth);
        return node;
    }

    private static void ReadInto(JsonObject node, ReadOnlySpan<byte> bytes, TypeSchema type, int depth)
    {
        if (depth > JsonFormat.MaxDepth)
        {
            throw Malformed("nested too deep");
        }

        var reader = new Reader(bytes);
        while (reader.Next(out var number))
        {
            if (type.Embedded(number) is { } embedded)
            {
                ReadInto(node, reader.Bytes, embedded, depth + 1);
            }
            else if (type.Field(number) is { } field)
            {
                ReadField(node, ref reader, field, depth + 1);
            }
        }
    }

    private static void ReadField(JsonObject node, ref Reader reader, FieldSchema field, int depth)
    {
        switch (field.Shape.Kind)
        {
            case FieldKind.List:
                if (node[field.Name] is not JsonArray list)
                {
                    node[field.Name] = list = [];
                }

                list.Add(ReadValue(ref reader, field.Shape.Element!, depth));
                break;
            case FieldKind.Map:
                var (key, value) = ReadEntry(reader.Bytes, field.Shape.Element!, depth);
                node.ObjectOrNew(field.Name)[key] = value;
                break;
            default:
                var read = ReadValue(ref reader, field.Shape, depth);
                if (read is not null && (field.Optional || !IsZero(read)))
                {
                    node[field.Name] = read;
                }

                break;
        }
    }

    private static (string Key, JsonNode? Value) ReadEntry(ReadOnlySpan<byte> bytes, FieldShape shape, int depth)
    {
        var key = "";
        JsonNode? value = shape.Kind is FieldKind.String or FieldKind.Bytes ? "" : null;
        var reader = new Reader(bytes);
        while (reader.Next(out var number))
        {
            if (number == 1)
            {
                key = Text(reader.Bytes);
            }
            else if (number == 2)
            {
                value = ReadValue(ref reader, shape, depth);
            }
        }

        return (key, value);
    }

    private static JsonNode? ReadValue(ref Reader reader, FieldShape shape, int depth) => shape.Kind switch
    {
        FieldKind.Integer => JsonValue.Create((long)reader.Number),
        FieldKind.Boolean => JsonValue.Create(reader.Number != 0),
        FieldKind.Number => JsonValue.Create(BitConverter.UInt64BitsToDouble(reader.Number)),
        FieldKind.String => JsonValue.Create(Text(reader.Bytes)),
        FieldKind.Bytes => JsonValue.Create(Convert.ToBase64String(reader.Bytes)),
        FieldKind.Quantity => JsonValue.Create(Text(Member(reader.Bytes, 1))),
        FieldKind.Time or FieldKind.MicroTime => ReadTime(reader.Bytes, shape.Kind),
        FieldKind.IntOrString => ReadIntOrString(reader.Bytes),
        FieldKind.Object => ReadMessage(reader.Bytes, shape.Type!, depth),
        FieldKind.Any => ReadRaw(Member(reader.Bytes, 1)),
        _ => throw Malformed("a list within a list"),
    };

    private static JsonValue? ReadTime(ReadOnlySpan<byte> bytes, FieldKind kind)
    {
        long seconds = 0;
        long nanoseconds = 0;
        var reader = new Reader(bytes);
        while (reader.Next(out var number))
        {
            if (number == 1)
            {
                seconds = (long)reader.Number;
            }
            else if (number == 2)
            {
                nanoseconds = (int)reader.Number;
            }
        }

        if (bytes.IsEmpty || seconds is < -62135596800 or > 253402300799)
        {
            return null;
        }

        var time = DateTimeOffset.FromUnixTimeSeconds(seconds).AddTicks(nanoseconds / 100);
        return JsonValue.Create(kind == FieldKind.Time ? KubeTime.Format(time) : KubeTime.FormatMicro(time));
    }

    private static JsonValue ReadIntOrString(ReadOnlySpan<byte> bytes)
    {
        ulong type = 0;
        ulong whole = 0;
        var text = "";
        var reader = new Reader(bytes);
        while (reader.Next(out var number))
        {
            switch (number)
            {
                case 1:
                    type = reader.Number;
                    break;
                case 2:
                    whole = reader.Number;
                    break;
                case 3:
                    text = Text(reader.Bytes);
                    break;
            }
        }

        return type == 0 ? JsonValue.Create((long)(int)whole) : JsonValue.Create(text);
    }

    private static JsonNode? ReadRaw(ReadOnlySpan<byte> json)
    {
        try
        {
            return json.IsEmpty ? null : JsonNode.Parse(json, null, JsonFormat.Reader);
        }
        catch (System.Text.Json.JsonException e)
        {
            throw Malformed(e.Message);
        }
    }

    private static ReadOnlySpan<byte> Member(ReadOnlySpan<byte> bytes, int wanted)
    {
        var reader = new Reader(bytes);
        while (reader.Next(out var number))
        {
            if (number == wanted)
            {
                return reader.Bytes;
            }
        }

        return [];
    }

    /// <summary>Go writes fields that are not set as empty or zero; in JSON they are left out.</summary>
    private static bool IsZero(JsonNode value) => value switch
    {
        JsonObject { Count: 0 } => true,
        JsonValue scalar => scalar.GetValueKind() switch
        {
            System.Text.Json.JsonValueKind.False => true,
            System.Text.Json.JsonValueKind.String => scalar.AsText() is "",
            System.Text.Json.JsonValueKind.Number => scalar.ToString() == "0",
            _ => false,
        },
        _ => false,
    };

    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes);

    private static ApiException Malformed(string why) => ApiException.BadRequest($"the body is not valid protobuf: {why}");

    /// <summary>Goes over the fields of one message.</summary>
    private ref struct Reader(ReadOnlySpan<byte> bytes)
    {
        private ReadOnlySpan<byte> _rest = bytes;

        /// <summary>The value of a number.</summary>
        public ulong Number { get; private set; }

        /// <summary>The value of a string, bytes or message.</summary>
        public ReadOnlySpan<byte> Bytes { get; private set; }

        public bool Next(out int number)
        {
            number = 0;
            if (_rest.IsEmpty)
            {
                return false;
            }

            var tag = ReadVarint();
            number = (int)(tag >> 3);
            Bytes = [];
            Number = 0;
            switch ((int)(tag & 7))
            {
                case Varint:
                    Number = ReadVarint();
                    break;
                case Fixed64:
                    Number = BinaryPrimitives.ReadUInt64LittleEndian(Take(8));
                    break;
                case Delimited:
                    Bytes = Take(ReadVarint());
                    break;
                case Fixed32:
                    Number = BinaryPrimitives.ReadUInt32LittleEndian(Take(4));
                    break;
                default:
                    throw Malformed(string.Create(CultureInfo.InvariantCulture, $"wire type {tag & 7}"));
            }

            return true;
        }

        private ulong ReadVarint()
        {
            ulong value = 0;
            for (var shift = 0; shift < 64; shift += 7)
            {
                if (_rest.IsEmpty)
                {
                    break;
                }

                var next = _rest[0];
                _rest = _rest[1..];
                value |= (ulong)(next & 0x7f) << shift;
                if (next < 0x80)
                {
                    return value;
                }
            }

            throw Malformed("it ends within a number");
        }

        private ReadOnlySpan<byte> Take(ulong length)
        {
            if (length > (ulong)_rest.Length)
            {
                throw Malformed("it ends within a field");
            }

            var taken = _rest[..(int)length];
            _rest = _rest[(int)length..];
            return taken;
        }
    }
}
