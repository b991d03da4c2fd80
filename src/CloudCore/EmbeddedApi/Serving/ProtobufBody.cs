using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.Protocol.Configuration;
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
    /// <exception cref="ApiException">400 where the bytes are no such message.</exception>
    public static JsonObject Parse(ReadOnlySpan<byte> body, TypeSchema type)
    {
        if (!body.StartsWith("k8s\0"u8))
        {
            throw ProtobufReader.Malformed("the prefix is missing");
        }

        var apiVersion = "";
        var kind = "";
        ReadOnlySpan<byte> raw = [];
        var envelope = new ProtobufReader(body[4..]);
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
        var reader = new ProtobufReader(bytes);
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
            throw ProtobufReader.Malformed("nested too deep");
        }

        var reader = new ProtobufReader(bytes);
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

    private static void ReadField(JsonObject node, ref ProtobufReader reader, FieldSchema field, int depth)
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
        var reader = new ProtobufReader(bytes);
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

    private static JsonNode? ReadValue(ref ProtobufReader reader, FieldShape shape, int depth) => shape.Kind switch
    {
        FieldKind.Integer => JsonValue.Create((long)reader.Number),
        FieldKind.Duration => JsonValue.Create(GoDuration.Format(TimeSpan.FromTicks((long)Varint(reader.Bytes, 1) / 100))),
        FieldKind.ObjectOrBoolean or FieldKind.ObjectOrList or FieldKind.ObjectOrStrings =>
            ReadAlternative(reader.Bytes, shape, depth),
        FieldKind.Boolean => JsonValue.Create(reader.Number != 0),
        FieldKind.Number => JsonValue.Create(BitConverter.UInt64BitsToDouble(reader.Number)),
        FieldKind.String => JsonValue.Create(Text(reader.Bytes)),
        FieldKind.Bytes => JsonValue.Create(Convert.ToBase64String(reader.Bytes)),
        FieldKind.Quantity => JsonValue.Create(Text(Member(reader.Bytes, 1))),
        FieldKind.Time or FieldKind.MicroTime => ReadTime(reader.Bytes, shape.Kind),
        FieldKind.IntOrString => ReadIntOrString(reader.Bytes),
        FieldKind.Object => ReadMessage(reader.Bytes, shape.Type!, depth),
        FieldKind.Any => ReadRaw(Member(reader.Bytes, 1)),
        FieldKind.List => ReadItems(reader.Bytes, shape.Element!, depth),
        _ => throw ProtobufReader.Malformed("a map within a list"),
    };

    /// <summary>A list where protobuf needs a message of its own, as for the values of a map: { 1 items }.</summary>
    private static JsonArray ReadItems(ReadOnlySpan<byte> bytes, FieldShape element, int depth)
    {
        var list = new JsonArray();
        var reader = new ProtobufReader(bytes);
        while (reader.Next(out var number))
        {
            if (number == 1)
            {
                list.Add(ReadValue(ref reader, element, depth + 1));
            }
        }

        return list;
    }

    /// <summary>
    /// What a JSON schema has where a schema or something else may stand.
    /// <code>
    /// JSONSchemaPropsOrBool { 1 allows, 2 schema }   …OrArray { 1 schema, 2 schemas }   …OrStringArray { 1 schema, 2 strings }
    /// </code>
    /// </summary>
    private static JsonNode? ReadAlternative(ReadOnlySpan<byte> bytes, FieldShape shape, int depth)
    {
        JsonNode? read = shape.Kind == FieldKind.ObjectOrBoolean ? JsonValue.Create(Varint(bytes, 1) != 0) : null;
        var schemaNumber = shape.Kind == FieldKind.ObjectOrBoolean ? 2 : 1;
        var reader = new ProtobufReader(bytes);
        while (reader.Next(out var number))
        {
            if (number == schemaNumber)
            {
                read = ReadMessage(reader.Bytes, shape.Type!, depth + 1);
            }
            else if (number == 2)
            {
                var list = read as JsonArray ?? [];
                list.Add(shape.Kind == FieldKind.ObjectOrList
                    ? ReadMessage(reader.Bytes, shape.Type!, depth + 1)
                    : JsonValue.Create(Text(reader.Bytes)));
                read = list;
            }
        }

        return read;
    }

    private static ulong Varint(ReadOnlySpan<byte> bytes, int wanted)
    {
        ulong value = 0;
        var reader = new ProtobufReader(bytes);
        while (reader.Next(out var number))
        {
            if (number == wanted)
            {
                value = reader.Number;
            }
        }

        return value;
    }

    private static JsonValue? ReadTime(ReadOnlySpan<byte> bytes, FieldKind kind)
    {
        long seconds = 0;
        long nanoseconds = 0;
        var reader = new ProtobufReader(bytes);
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
        var reader = new ProtobufReader(bytes);
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
            throw ProtobufReader.Malformed(e.Message);
        }
    }

    private static ReadOnlySpan<byte> Member(ReadOnlySpan<byte> bytes, int wanted)
    {
        var reader = new ProtobufReader(bytes);
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
}
