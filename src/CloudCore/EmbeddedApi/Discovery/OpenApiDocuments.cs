using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json;
using EdgeSync.CloudCore.EmbeddedApi.Resources;

namespace EdgeSync.CloudCore.EmbeddedApi.Discovery;

/// <summary>
/// OpenAPI, as far as clients need it. v3 tells kubectl that the server itself checks fields (fieldValidation); v2 is an
/// empty document in the binary form that older kubectl demands, which then leaves the checking to the server.
/// </summary>
internal sealed class OpenApiDocuments
{
    // the media type that clients ask for is not a valid one ('@'), so older ones cannot read it in an answer
    private const string BinaryV2 = "application/octet-stream";

    private readonly Dictionary<string, Document> _documents = [];

    public OpenApiDocuments(ResourceTable resources)
    {
        var versions = resources.All.GroupBy(r => r.GroupVersion).ToList();
        _documents["/openapi/v2"] = new Document(EmptyV2(), BinaryV2);
        _documents["/openapi/v3"] = new Document(
            DiscoveryDocuments.Render(w =>
            {
                w.WriteStartObject("paths"u8);
                foreach (var version in versions)
                {
                    w.WriteStartObject(PathOf(version.First()));
                    w.WriteString("serverRelativeURL"u8, $"/openapi/v3/{PathOf(version.First())}");
                    w.WriteEndObject();
                }

                w.WriteEndObject();
            }),
            "application/json");
        foreach (var version in versions)
        {
            _documents[$"/openapi/v3/{PathOf(version.First())}"] =
                new Document(DiscoveryDocuments.Render(w => OpenApiVersion.Write(w, [.. version])), "application/json");
        }
    }

    /// <summary>The document at a path.</summary>
    public bool TryGet(string path, [NotNullWhen(true)] out Document? document) => _documents.TryGetValue(path, out document);

    /// <summary><c>api/v1</c> or <c>apis/apps/v1</c>.</summary>
    public static string PathOf(ResourceDescriptor resource) =>
        resource.Group.Length == 0 ? $"api/{resource.Version}" : $"apis/{resource.GroupVersion}";

    /// <summary>Document{1: swagger, 2: Info{1: title, 2: version}, 8: Paths{}} of the OpenAPI v2 protobuf.</summary>
    private static byte[] EmptyV2()
    {
        static byte[] Field(int number, byte[] value) => [(byte)((number << 3) | 2), (byte)value.Length, .. value];
        return
        [
            .. Field(1, Encoding.ASCII.GetBytes("2.0")),
            .. Field(2, [.. Field(1, Encoding.ASCII.GetBytes("EdgeSync")), .. Field(2, Encoding.ASCII.GetBytes("v1.32.0"))]),
            .. Field(8, []),
        ];
    }

    /// <summary>A rendered document.</summary>
    public sealed record Document(byte[] Body, string ContentType);
}

/// <summary>The OpenAPI v3 document of one group version.</summary>
internal static class OpenApiVersion
{
    public static void Write(Utf8JsonWriter writer, IReadOnlyList<ResourceDescriptor> resources)
    {
        writer.WriteString("openapi"u8, "3.0.0"u8);
        writer.WriteStartObject("info"u8);
        writer.WriteString("title"u8, "EdgeSync"u8);
        writer.WriteString("version"u8, "v1.32.0"u8);
        writer.WriteEndObject();
        writer.WriteStartObject("paths"u8);
        foreach (var resource in resources)
        {
            WritePath(writer, resource);
        }

        writer.WriteEndObject();
        writer.WriteStartObject("components"u8);
        writer.WriteStartObject("schemas"u8);
        foreach (var resource in resources)
        {
            WriteSchema(writer, resource);
        }

        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static void WritePath(Utf8JsonWriter writer, ResourceDescriptor resource)
    {
        var root = $"/{OpenApiDocuments.PathOf(resource)}/{(resource.Namespaced ? "namespaces/{namespace}/" : "")}{resource.Plural}/{{name}}";
        writer.WriteStartObject(root);
        writer.WriteStartObject("patch"u8);
        writer.WriteStartArray("parameters"u8);
        foreach (var parameter in (string[])["dryRun", "fieldManager", "fieldValidation", "force"])
        {
            writer.WriteStartObject();
            writer.WriteString("name"u8, parameter);
            writer.WriteString("in"u8, "query"u8);
            writer.WriteStartObject("schema"u8);
            writer.WriteString("type"u8, parameter == "force" ? "boolean" : "string");
            writer.WriteEndObject();
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteStartObject("responses"u8);
        writer.WriteEndObject();
        writer.WriteString("x-kubernetes-action"u8, "patch"u8);
        writer.WritePropertyName("x-kubernetes-group-version-kind"u8);
        WriteKind(writer, resource);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static void WriteSchema(Utf8JsonWriter writer, ResourceDescriptor resource)
    {
        writer.WriteStartObject($"{(resource.Group.Length == 0 ? "core" : resource.Group)}.{resource.Version}.{resource.Kind}");
        writer.WriteString("type"u8, "object"u8);
        writer.WriteBoolean("x-kubernetes-preserve-unknown-fields"u8, true);
        writer.WriteStartArray("x-kubernetes-group-version-kind"u8);
        WriteKind(writer, resource);
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WriteKind(Utf8JsonWriter writer, ResourceDescriptor resource)
    {
        writer.WriteStartObject();
        writer.WriteString("group"u8, resource.Group);
        writer.WriteString("version"u8, resource.Version);
        writer.WriteString("kind"u8, resource.Kind);
        writer.WriteEndObject();
    }
}
