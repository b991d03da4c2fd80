using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Resources;

namespace EdgeSync.CloudCore.EmbeddedApi.Discovery;

/// <summary>
/// OpenAPI of one table of resources: v2 for all of them, v3 for each group version. Made from the kinds' types (or a custom
/// resource's own schema) when they are first asked for, and then kept. kubectl explains kinds by them, old ones also check
/// manifests and look for what a patch takes.
/// </summary>
internal sealed class OpenApiDocuments(ResourceTable resources)
{
    private const string V2Path = "/openapi/v2";
    private const string V3Path = "/openapi/v3";

    // the media type that clients ask for is not a valid one ('@'), so older ones cannot read it in an answer
    private const string BinaryV2 = "application/octet-stream";

    private readonly ConcurrentDictionary<string, Document> _documents = [];
    private readonly Lazy<FieldDescriptions> _descriptions = new(FieldDescriptions.LoadEmbedded);

    /// <summary>Answers a request for a document.</summary>
    /// <returns>False where there is none at the path.</returns>
    public async Task<bool> TryAnswerAsync(HttpContext context, string path)
    {
        if (Find(path, context.Request.Headers.Accept.ToString()) is not { } document)
        {
            return false;
        }

        var response = context.Response;
        response.Headers.ETag = $"\"{document.Hash}\"";
        response.Headers.Vary = "Accept";
        if (context.Request.Query["hash"].ToString() is { Length: > 0 } asked)
        {
            if (asked != document.Hash)
            {
                response.StatusCode = StatusCodes.Status301MovedPermanently;
                response.Headers.Location = $"{path}?hash={document.Hash}";
                return true;
            }

            response.Headers.CacheControl = "public, immutable";
            response.Headers.Expires = DateTime.UtcNow.AddYears(1).ToString("R", System.Globalization.CultureInfo.InvariantCulture);
        }

        if (context.Request.Headers.IfNoneMatch.ToString().Contains(document.Hash, StringComparison.Ordinal))
        {
            response.StatusCode = StatusCodes.Status304NotModified;
            return true;
        }

        await DiscoveryDocuments.WriteAsync(context, document.Body, document.ContentType);
        return true;
    }

    /// <summary>Where the documents are.</summary>
    public IEnumerable<string> Paths => resources.All.Select(r => $"{V3Path}/{OpenApiNames.PathOf(r)}").Distinct().Append(V2Path).Append(V3Path);

    /// <summary>Whether there is a document at the path.</summary>
    public bool Has(string path) => path is V2Path or V3Path || OfPath(path).Count > 0;

    private Document? Find(string path, string accept)
    {
        switch (path)
        {
            case V2Path when accept.Contains("proto-openapi", StringComparison.Ordinal):
                return _documents.GetOrAdd("v2 binary", _ => new Document(OpenApiBinary.Write(V2()), BinaryV2));
            case V2Path:
                return _documents.GetOrAdd(V2Path, _ => Json(V2()));
            case V3Path:
                return _documents.GetOrAdd(V3Path, _ => Json(Index()));
            default:
                var of = OfPath(path);
                return of.Count == 0 ? null : _documents.GetOrAdd(path, _ => Json(V3(of)));
        }
    }

    private List<ResourceDescriptor> OfPath(string path) => path.StartsWith(V3Path + "/", StringComparison.Ordinal)
        ? [.. resources.All.Where(r => path.AsSpan(V3Path.Length + 1).SequenceEqual(OpenApiNames.PathOf(r)))]
        : [];

    private JsonObject Index() => new()
    {
        ["paths"] = new JsonObject(resources.All.GroupBy(OpenApiNames.PathOf).Select(version =>
        {
            // of documents that nobody asked for only the hash is kept
            var path = $"{V3Path}/{version.Key}";
            var hash = _documents.TryGetValue(path, out var known) ? known.Hash : Json(V3([.. version])).Hash;
            return KeyValuePair.Create<string, JsonNode?>(version.Key, new JsonObject { ["serverRelativeURL"] = $"{path}?hash={hash}" });
        })),
    };

    private JsonObject V2()
    {
        var schemas = new OpenApiSchemas(OpenApiVersion.V2, _descriptions.Value);
        foreach (var resource in resources.All)
        {
            schemas.Add(resource);
        }

        return new JsonObject
        {
            ["swagger"] = "2.0",
            ["info"] = Info(),
            ["paths"] = OpenApiPaths.Write(resources.All, OpenApiVersion.V2),
            ["definitions"] = schemas.ToJson(),
        };
    }

    private JsonObject V3(IReadOnlyList<ResourceDescriptor> of)
    {
        var schemas = new OpenApiSchemas(OpenApiVersion.V3, _descriptions.Value);
        foreach (var resource in of)
        {
            schemas.Add(resource);
        }

        return new JsonObject
        {
            ["openapi"] = "3.0.0",
            ["info"] = Info(),
            ["paths"] = OpenApiPaths.Write(of, OpenApiVersion.V3),
            ["components"] = new JsonObject { ["schemas"] = schemas.ToJson() },
        };
    }

    private static JsonObject Info() => new() { ["title"] = "EdgeSync", ["version"] = "v1.32.0" };

    private static Document Json(JsonObject node)
    {
        var body = DiscoveryDocuments.Render(writer => WriteMembers(writer, node));
        return new Document(body, "application/json");
    }

    private static void WriteMembers(Utf8JsonWriter writer, JsonObject node)
    {
        foreach (var (name, value) in node)
        {
            writer.WritePropertyName(name);
            value!.WriteTo(writer);
        }
    }

    /// <summary>A rendered document.</summary>
    private sealed record Document(byte[] Body, string ContentType)
    {
        /// <summary>Changes when the document does.</summary>
        public string Hash { get; } = Convert.ToHexString(SHA512.HashData(Body));
    }
}
