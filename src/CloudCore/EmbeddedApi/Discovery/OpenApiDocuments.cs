using System.Diagnostics.CodeAnalysis;
using EdgeSync.CloudCore.EmbeddedApi.Resources;

namespace EdgeSync.CloudCore.EmbeddedApi.Discovery;

/// <summary>
/// OpenAPI, as far as clients need it. v3 has the kinds' fields and tells kubectl that the server itself checks them
/// (fieldValidation); v2, in the binary form that older kubectl demands, says only that dry runs are possible, and
/// leaves the checking to the server.
/// </summary>
internal sealed class OpenApiDocuments
{
    // the media type that clients ask for is not a valid one ('@'), so older ones cannot read it in an answer
    private const string BinaryV2 = "application/octet-stream";

    private readonly Dictionary<string, Document> _documents = [];

    public OpenApiDocuments(ResourceTable resources)
    {
        var versions = resources.All.GroupBy(r => r.GroupVersion).ToList();
        _documents["/openapi/v2"] = new Document(OpenApiV2.Render(resources.All), BinaryV2);
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
                new Document(DiscoveryDocuments.Render(w => OpenApiV3.Write(w, [.. version])), "application/json");
        }
    }

    /// <summary>The document at a path.</summary>
    public bool TryGet(string path, [NotNullWhen(true)] out Document? document) => _documents.TryGetValue(path, out document);

    /// <summary><c>api/v1</c> or <c>apis/apps/v1</c>.</summary>
    public static string PathOf(ResourceDescriptor resource) =>
        resource.Group.Length == 0 ? $"api/{resource.Version}" : $"apis/{resource.GroupVersion}";

    /// <summary>A rendered document.</summary>
    public sealed record Document(byte[] Body, string ContentType);
}
