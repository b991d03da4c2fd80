using System.Security.Cryptography;
using System.Text.Json;
using EdgeSync.CloudCore.EmbeddedApi.Resources;

namespace EdgeSync.CloudCore.EmbeddedApi.Discovery;

/// <summary>
/// apidiscovery.k8s.io: everything that discovery says in one document, which kubectl from 1.27 on asks for in the place of one document
/// for each group version. It has an ETag, so that asking again costs a few bytes.
/// </summary>
internal sealed class AggregatedDiscovery
{
    private static readonly string[] s_versions = ["v2", "v2beta1"];

    private readonly Dictionary<(string Path, string Version), (byte[] Body, string Tag)> _documents = [];

    public AggregatedDiscovery(IReadOnlyList<ApiGroup> groups)
    {
        foreach (var version in s_versions)
        {
            Add("/api", version, groups.Where(g => g.Name.Length == 0));
            Add("/apis", version, groups.Where(g => g.Name.Length > 0));
        }
    }

    /// <summary>Answers where the caller would rather have this form; false where the plain one is wanted.</summary>
    public async Task<bool> TryAnswerAsync(HttpContext context, string path)
    {
        if (path is not ("/api" or "/apis"))
        {
            return false;
        }

        // what is kept along the way must not give one caller the other form
        context.Response.Headers.Vary = "Accept";
        if (Asked(context.Request.Headers.Accept.ToString()) is not { } version)
        {
            return false;
        }

        var (body, tag) = _documents[(path, version)];
        context.Response.Headers.ETag = tag;
        if (context.Request.Headers.IfNoneMatch.ToString().Contains(tag, StringComparison.Ordinal))
        {
            context.Response.StatusCode = StatusCodes.Status304NotModified;
            return true;
        }

        await DiscoveryDocuments.WriteAsync(context, body, $"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList");
        return true;
    }

    /// <summary>The version of the first form in an Accept header that can be had, where that is this form; else null.</summary>
    private static string? Asked(string accept)
    {
        foreach (var clause in accept.Split(','))
        {
            var parts = clause.Split(';', StringSplitOptions.TrimEntries);
            if (parts[0] is not ("application/json" or "application/*" or "*/*"))
            {
                continue;
            }

            if (!parts.Any(p => p.StartsWith("as=", StringComparison.Ordinal)))
            {
                return null;
            }

            if (parts.Contains("as=APIGroupDiscoveryList") && parts.Contains("g=apidiscovery.k8s.io")
                && Array.Find(s_versions, v => parts.Contains($"v={v}")) is { } version)
            {
                return version;
            }
        }

        return null;
    }

    private void Add(string path, string version, IEnumerable<ApiGroup> groups)
    {
        var body = DiscoveryDocuments.Render(writer =>
        {
            writer.WriteString("kind"u8, "APIGroupDiscoveryList"u8);
            writer.WriteString("apiVersion"u8, $"apidiscovery.k8s.io/{version}");
            writer.WriteStartObject("metadata"u8);
            writer.WriteEndObject();
            writer.WriteStartArray("items"u8);
            foreach (var group in groups)
            {
                WriteGroup(writer, group);
            }

            writer.WriteEndArray();
        });
        _documents[(path, version)] = (body, $"\"{Convert.ToHexString(SHA256.HashData(body))}\"");
    }

    private static void WriteGroup(Utf8JsonWriter writer, ApiGroup group)
    {
        writer.WriteStartObject();
        writer.WriteStartObject("metadata"u8);
        if (group.Name.Length > 0)
        {
            writer.WriteString("name"u8, group.Name);
        }

        writer.WriteNull("creationTimestamp"u8);
        writer.WriteEndObject();
        writer.WriteStartArray("versions"u8);
        foreach (var version in group.Versions)
        {
            writer.WriteStartObject();
            writer.WriteString("version"u8, version.Name);
            writer.WriteStartArray("resources"u8);
            foreach (var resource in version.Resources)
            {
                WriteResource(writer, resource);
            }

            writer.WriteEndArray();
            writer.WriteString("freshness"u8, "Current"u8);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WriteResource(Utf8JsonWriter writer, ResourceDescriptor resource)
    {
        writer.WriteStartObject();
        writer.WriteString("resource"u8, resource.Plural);
        WriteKind(writer, resource.Group, resource.Version, resource.Kind);
        writer.WriteString("scope"u8, resource.Namespaced ? "Namespaced"u8 : "Cluster"u8);
        writer.WriteString("singularResource"u8, resource.Singular);
        DiscoveryDocuments.WriteList(writer, "verbs", resource.Verbs);
        DiscoveryDocuments.WriteList(writer, "shortNames", resource.ShortNames);
        DiscoveryDocuments.WriteList(writer, "categories", resource.Categories);
        if (resource.Subresources.Count > 0)
        {
            writer.WriteStartArray("subresources"u8);
            foreach (var subresource in resource.Subresources)
            {
                var form = SubresourceForm.Of(resource, subresource);
                writer.WriteStartObject();
                writer.WriteString("subresource"u8, subresource);
                WriteKind(writer, form.Group ?? resource.Group, form.Version ?? resource.Version, form.Kind);
                DiscoveryDocuments.WriteList(writer, "verbs", form.Verbs);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        }

        writer.WriteEndObject();
    }

    private static void WriteKind(Utf8JsonWriter writer, string group, string version, string kind)
    {
        writer.WriteStartObject("responseKind"u8);
        writer.WriteString("group"u8, group);
        writer.WriteString("version"u8, version);
        writer.WriteString("kind"u8, kind);
        writer.WriteEndObject();
    }
}
