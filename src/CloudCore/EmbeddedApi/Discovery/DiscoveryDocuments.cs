using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Discovery;

/// <summary>What clients ask to learn what there is: groups, versions, resources, OpenAPI. Rendered once per table.</summary>
internal sealed class DiscoveryDocuments
{
    // what the server answers itself, beside discovery
    private static readonly string[] s_otherPaths =
        ["/.well-known/openid-configuration", "/healthz", "/livez", "/metrics", "/openid/v1/jwks", "/readyz", "/version"];

    private readonly Dictionary<string, byte[]> _documents = [];
    private readonly AggregatedDiscovery _aggregated;
    private readonly OpenApiDocuments _openApi;
    private readonly byte[] _paths;

    public DiscoveryDocuments(ResourceTable resources)
    {
        _openApi = new OpenApiDocuments(resources);
        var all = GroupOrder.Of(resources);
        _aggregated = new AggregatedDiscovery(all);
        _documents["/api"] = [];
        _documents["/apis"] = Render(w => WriteGroupList(w, all.Where(g => g.Name.Length > 0)));
        foreach (var group in all)
        {
            if (group.Name.Length > 0)
            {
                _documents[$"/apis/{group.Name}"] = Render(w => WriteGroup(w, group, standalone: true));
            }

            foreach (var version in group.Versions)
            {
                var name = version.Resources[0].GroupVersion;
                _documents[(group.Name.Length == 0 ? "/api/" : "/apis/") + name] = Render(w => WriteResourceList(w, name, version.Resources));
            }
        }

        Version = Render(WriteVersion);
        var paths = _documents.Keys.Concat(_openApi.Paths).Concat(s_otherPaths).Order(StringComparer.Ordinal).ToList();
        _paths = Render(w => WriteList(w, "paths", paths));
    }

    /// <summary>The body of /version.</summary>
    public byte[] Version { get; }

    public static async Task WriteAsync(HttpContext context, ReadOnlyMemory<byte> json, string contentType = "application/json")
    {
        context.Response.ContentType = contentType;
        context.Response.ContentLength = json.Length;
        await context.Response.BodyWriter.WriteAsync(json, context.RequestAborted);
    }

    /// <exception cref="ApiException">404 for a path that nothing is at, 405 for a method other than GET.</exception>
    public async Task HandleAsync(HttpContext context, string path)
    {
        if (path.Length > 1)
        {
            path = path.TrimEnd('/');
        }

        var known = _documents.TryGetValue(path, out var document);
        if (!known && !_openApi.Has(path))
        {
            // below /api a client expects an object; elsewhere a person has mistyped something, and is told what there is
            if (path == "/api" || path.StartsWith("/api/", StringComparison.Ordinal) || path.StartsWith("/apis/", StringComparison.Ordinal))
            {
                throw ApiException.NoSuchResource();
            }

            context.Response.StatusCode = path == "/" ? StatusCodes.Status200OK : StatusCodes.Status404NotFound;
            await WriteAsync(context, _paths);
            return;
        }

        if (context.Request.Method is not ("GET" or "HEAD"))
        {
            throw ApiException.MethodNotAllowed();
        }

        if (await _aggregated.TryAnswerAsync(context, path))
        {
            return;
        }

        if (known)
        {
            if (path == "/api")
            {
                document = Render(w => WriteCoreVersions(w, AddressOf(context)));
            }

            if (ResponseForm.WantsYaml(context.Request))
            {
                await WriteAsync(context, YamlAnswer.Of(document), "application/yaml");
            }
            else
            {
                await WriteAsync(context, document);
            }

            return;
        }

        await _openApi.TryAnswerAsync(context, path);
    }

    /// <summary>Writes one document.</summary>
    public static byte[] Render(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>(4096);
        using var writer = new Utf8JsonWriter(buffer, JsonFormat.Writer);
        writer.WriteStartObject();
        write(writer);
        writer.WriteEndObject();
        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    /// <param name="writer">Where to.</param>
    /// <param name="address">Where the server is reached; null where the caller needs no address.</param>
    private static void WriteCoreVersions(Utf8JsonWriter writer, string? address)
    {
        writer.WriteString("kind"u8, "APIVersions"u8);
        writer.WriteStartArray("versions"u8);
        writer.WriteStringValue("v1"u8);
        writer.WriteEndArray();
        writer.WriteStartArray("serverAddressByClientCIDRs"u8);
        if (address is not null)
        {
            writer.WriteStartObject();
            writer.WriteString("clientCIDR"u8, "0.0.0.0/0"u8);
            writer.WriteString("serverAddress"u8, address);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    /// <summary>The address that the caller has reached the server at; a caller in this process needs none.</summary>
    private static string? AddressOf(HttpContext context) =>
        context.Connection.LocalIpAddress is { } address ? new System.Net.IPEndPoint(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address, context.Connection.LocalPort).ToString() : null;

    private static void WriteGroupList(Utf8JsonWriter writer, IEnumerable<ApiGroup> groups)
    {
        writer.WriteString("kind"u8, "APIGroupList"u8);
        writer.WriteString("apiVersion"u8, "v1"u8);
        writer.WriteStartArray("groups"u8);
        foreach (var group in groups)
        {
            writer.WriteStartObject();
            WriteGroup(writer, group, standalone: false);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void WriteGroup(Utf8JsonWriter writer, ApiGroup group, bool standalone)
    {
        if (standalone)
        {
            writer.WriteString("kind"u8, "APIGroup"u8);
            writer.WriteString("apiVersion"u8, "v1"u8);
        }

        writer.WriteString("name"u8, group.Name);
        writer.WriteStartArray("versions"u8);
        foreach (var version in group.Versions)
        {
            writer.WriteStartObject();
            WriteVersion(writer, group.Name, version.Name);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteStartObject("preferredVersion"u8);
        WriteVersion(writer, group.Name, group.Versions[0].Name);
        writer.WriteEndObject();
    }

    private static void WriteVersion(Utf8JsonWriter writer, string group, string version)
    {
        writer.WriteString("groupVersion"u8, $"{group}/{version}");
        writer.WriteString("version"u8, version);
    }

    private static void WriteResourceList(Utf8JsonWriter writer, string groupVersion, IEnumerable<ResourceDescriptor> resources)
    {
        writer.WriteString("kind"u8, "APIResourceList"u8);
        writer.WriteString("apiVersion"u8, "v1"u8);
        writer.WriteString("groupVersion"u8, groupVersion);
        writer.WriteStartArray("resources"u8);
        foreach (var resource in resources)
        {
            WriteResource(writer, resource, resource.Plural, resource.Singular, new(resource.Kind, null, null, resource.Verbs));
            foreach (var subresource in resource.Subresources)
            {
                WriteResource(writer, resource, $"{resource.Plural}/{subresource}", "", SubresourceForm.Of(resource, subresource));
            }
        }

        writer.WriteEndArray();
    }

    private static void WriteResource(
        Utf8JsonWriter writer, ResourceDescriptor resource, string name, string singular, SubresourceForm form)
    {
        writer.WriteStartObject();
        writer.WriteString("name"u8, name);
        writer.WriteString("singularName"u8, singular);
        writer.WriteBoolean("namespaced"u8, resource.Namespaced);
        if (form.Group is { } group)
        {
            writer.WriteString("group"u8, group);
            writer.WriteString("version"u8, form.Version);
        }

        writer.WriteString("kind"u8, form.Kind);
        WriteList(writer, "verbs", form.Verbs);
        if (singular.Length > 0)
        {
            WriteList(writer, "shortNames", resource.ShortNames);
            WriteList(writer, "categories", resource.Categories);
            if (resource.IsStored)
            {
                writer.WriteString("storageVersionHash"u8, StorageVersionHash(resource));
            }
        }

        writer.WriteEndObject();
    }

    /// <summary>Tells clients when objects came to be stored in another version; made as Kubernetes makes it.</summary>
    private static string StorageVersionHash(ResourceDescriptor resource) =>
        Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes($"{resource.Group}/{resource.StorageVersion}/{resource.Kind}")).AsSpan(0, 8));

    /// <summary>A list of texts; nothing where it is empty.</summary>
    public static void WriteList(Utf8JsonWriter writer, string name, IReadOnlyList<string> values)
    {
        if (values.Count == 0)
        {
            return;
        }

        writer.WriteStartArray(name);
        foreach (var value in values)
        {
            writer.WriteStringValue(value);
        }

        writer.WriteEndArray();
    }

    /// <summary>The Kubernetes version whose documented behaviour is followed, and our own as its build.</summary>
    private static void WriteVersion(Utf8JsonWriter writer)
    {
        var own = typeof(DiscoveryDocuments).Assembly.GetName().Version?.ToString(3) ?? "0.0.0";
        writer.WriteString("major"u8, "1"u8);
        writer.WriteString("minor"u8, "32"u8);
        writer.WriteString("gitVersion"u8, $"v1.32.0+edgesync.{own}");
        writer.WriteString("gitCommit"u8, ""u8);
        writer.WriteString("gitTreeState"u8, "clean"u8);
        writer.WriteString("buildDate"u8, "1970-01-01T00:00:00Z"u8);
        writer.WriteString("goVersion"u8, ""u8);
        writer.WriteString("compiler"u8, "dotnet"u8);
        writer.WriteString("platform"u8, System.Runtime.InteropServices.RuntimeInformation.RuntimeIdentifier.Replace('-', '/'));
    }
}
