using System.Text;
using EdgeSync.CloudCore.EmbeddedApi.Resources;

namespace EdgeSync.CloudCore.EmbeddedApi.Discovery;

/// <summary>
/// The OpenAPI v2 document in protobuf, which kubectl before 1.27 asks whether a kind's patch takes <c>dryRun</c>. It has
/// no definitions: such a kubectl then checks nothing itself.
/// <code>
/// Document     { 1 swagger, 2 Info { 1 title, 2 version }, 8 Paths { 2 NamedPathItem { 1 name, 2 PathItem } } }
/// PathItem     { 8 patch Operation { 8 parameters, 13 extensions NamedAny { 1 name, 2 Any { 2 yaml } } } }
/// parameters   { 1 Parameter { 2 NonBodyParameter { 3 Query { 2 in, 4 name, 6 type } } } }
/// </code>
/// </summary>
internal static class OpenApiV2
{
    public static byte[] Render(IEnumerable<ResourceDescriptor> resources) =>
    [
        .. Text(1, "2.0"),
        .. Field(2, [.. Text(1, "EdgeSync"), .. Text(2, "v1.32.0")]),
        .. Field(8, [.. resources.SelectMany(r => Field(2, [.. Text(1, Path(r)), .. Field(2, Field(8, Patch(r)))]))]),
    ];

    private static string Path(ResourceDescriptor resource) =>
        $"/{OpenApiDocuments.PathOf(resource)}/{(resource.Namespaced ? "namespaces/{namespace}/" : "")}{resource.Plural}/{{name}}";

    private static byte[] Patch(ResourceDescriptor resource)
    {
        var kind = $"{{group: \"{resource.Group}\", version: \"{resource.Version}\", kind: \"{resource.Kind}\"}}";
        return
        [
            .. QueryParameter("dryRun"),
            .. QueryParameter("fieldValidation"),
            .. Field(13, [.. Text(1, "x-kubernetes-group-version-kind"), .. Field(2, Text(2, kind))]),
        ];
    }

    private static byte[] QueryParameter(string name) =>
        Field(8, Field(1, Field(2, Field(3, [.. Text(2, "query"), .. Text(4, name), .. Text(6, "string")]))));

    private static byte[] Text(int number, string text) => Field(number, Encoding.UTF8.GetBytes(text));

    private static byte[] Field(int number, byte[] value) => [(byte)((number << 3) | 2), .. Varint(value.Length), .. value];

    private static List<byte> Varint(int value)
    {
        var bytes = new List<byte>();
        for (; value >= 0x80; value >>= 7)
        {
            bytes.Add((byte)(value | 0x80));
        }

        bytes.Add((byte)value);
        return bytes;
    }
}
