using System.Buffers;
using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Discovery;

/// <summary>
/// The OpenAPI v2 document in the protobuf form that kubectl before 1.27 demands.
/// <code>
/// Document  { 1 swagger, 2 Info { 1 title, 2 version }, 8 Paths { 2 { 1 name, 2 PathItem } }, 9 { 1 { 1 name, 2 Schema } } }
/// PathItem  { 2 get, 3 put, 4 post, 5 delete, 8 patch: Operation { 8 parameters, 9 responses, 13 { 1 name, 2 Any } } }
/// Schema    { 1 $ref, 2 format, 4 description, 5 default, 19 required, 21 additionalProperties { 1 Schema }, 22 { 1 type },
///             23 items { 1 Schema }, 24 allOf, 25 properties { 1 { 1 name, 2 Schema } }, 31 extensions { 1 name, 2 Any } }
/// Any       { 2 yaml }
/// </code>
/// </summary>
internal static class OpenApiBinary
{
    public static byte[] Write(JsonObject document)
    {
        var output = new ArrayBufferWriter<byte>(256 * 1024);
        Text(output, 1, document.Text("swagger"));
        Message(output, 2, info =>
        {
            Text(info, 1, document.Object("info")!.Text("title"));
            Text(info, 2, document.Object("info")!.Text("version"));
        });
        Message(output, 8, paths => Named(paths, 2, document.Object("paths")!, PathItem));
        Message(output, 9, definitions => Named(definitions, 1, document.Object("definitions")!, Schema));
        return output.WrittenSpan.ToArray();
    }

    private static void PathItem(ArrayBufferWriter<byte> output, JsonObject item)
    {
        foreach (var (method, operation) in item)
        {
            var number = method switch { "get" => 2, "put" => 3, "post" => 4, "delete" => 5, "patch" => 8, _ => 0 };
            if (number > 0)
            {
                Message(output, number, o => Operation(o, (JsonObject)operation!));
            }
        }
    }

    private static void Operation(ArrayBufferWriter<byte> output, JsonObject operation)
    {
        foreach (var parameter in operation.Objects("parameters"))
        {
            // item { 1 parameter { 2 non-body { 3 query { 2 in, 4 name, 6 type } } } }
            Message(output, 8, item => Message(item, 1, p => Message(p, 2, n => Message(n, 3, q =>
            {
                Text(q, 2, parameter.Text("in"));
                Text(q, 4, parameter.Text("name"));
                Text(q, 6, parameter.Text("type"));
            }))));
        }

        // responses { 1 { 1 code, 2 value { 1 response { 1 description } } } }
        Message(output, 9, all => Named(
            all, 1, operation.Object("responses")!, (value, response) => Message(value, 1, r => Text(r, 1, response.Text("description")))));
        Extensions(output, 13, operation);
    }

    private static void Schema(ArrayBufferWriter<byte> output, JsonObject schema)
    {
        Text(output, 1, schema.Text("$ref"));
        Text(output, 2, schema.Text("format"));
        Text(output, 4, schema.Text("description"));
        if (schema["default"] is { } given)
        {
            Message(output, 5, any => Text(any, 2, given.ToJsonString()));
        }

        foreach (var name in schema.List("required") ?? [])
        {
            Text(output, 19, name.AsText());
        }

        if (schema["additionalProperties"] is JsonObject values)
        {
            Message(output, 21, item => Message(item, 1, s => Schema(s, values)));
        }

        if (schema.Text("type") is { } type)
        {
            Message(output, 22, item => Text(item, 1, type));
        }

        if (schema["items"] is JsonObject items)
        {
            Message(output, 23, item => Message(item, 1, s => Schema(s, items)));
        }

        foreach (var part in schema.Objects("allOf"))
        {
            Message(output, 24, s => Schema(s, part));
        }

        if (schema["properties"] is JsonObject properties)
        {
            Message(output, 25, all => Named(all, 1, properties, Schema));
        }

        Extensions(output, 31, schema);
    }

    private static void Extensions(ArrayBufferWriter<byte> output, int number, JsonObject node)
    {
        foreach (var (name, value) in node)
        {
            if (name.StartsWith("x-", StringComparison.Ordinal) && value is not null)
            {
                Message(output, number, named =>
                {
                    Text(named, 1, name);
                    Message(named, 2, any => Text(any, 2, value.ToJsonString()));
                });
            }
        }
    }

    private static void Named(ArrayBufferWriter<byte> output, int number, JsonObject members, Action<ArrayBufferWriter<byte>, JsonObject> write)
    {
        foreach (var (name, value) in members)
        {
            Message(output, number, named =>
            {
                Text(named, 1, name);
                Message(named, 2, inner => write(inner, value as JsonObject ?? []));
            });
        }
    }

    private static void Text(ArrayBufferWriter<byte> output, int number, string? text)
    {
        if (text is { Length: > 0 })
        {
            Bytes(output, number, Encoding.UTF8.GetBytes(text));
        }
    }

    private static void Message(ArrayBufferWriter<byte> output, int number, Action<ArrayBufferWriter<byte>> write)
    {
        var inner = new ArrayBufferWriter<byte>(64);
        write(inner);
        Bytes(output, number, inner.WrittenSpan);
    }

    private static void Bytes(ArrayBufferWriter<byte> output, int number, ReadOnlySpan<byte> bytes)
    {
        Varint(output, (uint)((number << 3) | 2));
        Varint(output, (uint)bytes.Length);
        output.Write(bytes);
    }

    private static void Varint(ArrayBufferWriter<byte> output, uint value)
    {
        var span = output.GetSpan(5);
        var length = 0;
        for (; value >= 0x80; value >>= 7)
        {
            span[length++] = (byte)(value | 0x80);
        }

        span[length++] = (byte)value;
        output.Advance(length);
    }
}
