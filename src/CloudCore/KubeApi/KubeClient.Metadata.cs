using System.Text.Json;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.KubeApi;

/// <summary>A resource and what can be done with it.</summary>
internal sealed record DiscoveredResource(ApiResource Resource, IReadOnlyList<string> Verbs);

/// <content>What the API serves, and objects of which only the metadata is wanted.</content>
internal sealed partial class KubeClient
{
    private const string MetadataForm = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    private const string MetadataListForm = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

    /// <summary>The metadata of an object, or null where there is none of that name.</summary>
    public async Task<KubeObject?> GetMetadataAsync(ApiResource r, string ns, string name, CancellationToken ct)
    {
        var path = r.ObjectPath(ns, name, null);
        try
        {
            var answer = await SendAsync(HttpMethod.Get, path, null, s_json, (s_requestTimeout, MaxObjectBytes), ct, MetadataForm);
            return KubeObject.Parse(answer);
        }
        catch (ApiException e) when (e.IsNotFound)
        {
            return null;
        }
        catch (KubeObjectException e)
        {
            throw ApiException.Unreachable($"GET {path}", e.Message, e);
        }
    }

    /// <summary>
    /// Every resource that the API serves, each once: in its group's preferred version where that has it. A group that does not
    /// answer (an aggregated API that is away) fails the whole: what it serves would seem to be gone.
    /// </summary>
    public async Task<IReadOnlyList<DiscoveredResource>> DiscoverAsync(CancellationToken ct)
    {
        var found = new Dictionary<(string Group, string Plural), DiscoveredResource>();
        var versions = new List<(string Group, string Version)> { ("", "v1") };
        using (var groups = await GetDocumentAsync("/apis", ct))
        {
            foreach (var group in Members(groups.RootElement, "groups"))
            {
                var name = Text(group, "name");
                var preferred = group.TryGetProperty("preferredVersion", out var chosen) ? Text(chosen, "version") : "";
                versions.AddRange(Members(group, "versions").Select(v => Text(v, "version"))
                    .OrderBy(v => v == preferred ? 0 : 1).Select(v => (name, v)));
            }
        }

        foreach (var (group, version) in versions)
        {
            using var resources = await GetDocumentAsync(group.Length == 0 ? $"/api/{version}" : $"/apis/{group}/{version}", ct);
            foreach (var resource in Members(resources.RootElement, "resources"))
            {
                var plural = Text(resource, "name");
                if (!plural.Contains('/', StringComparison.Ordinal))
                {
                    var namespaced = resource.TryGetProperty("namespaced", out var flag) && flag.ValueKind == JsonValueKind.True;
                    found.TryAdd((group, plural), new DiscoveredResource(
                        new ApiResource(group, version, plural, Text(resource, "kind"), namespaced),
                        [.. Members(resource, "verbs").Select(v => v.GetString() ?? "")]));
                }
            }
        }

        return [.. found.Values];
    }

    private async Task<JsonDocument> GetDocumentAsync(string path, CancellationToken ct)
    {
        var answer = await SendAsync(HttpMethod.Get, path, null, s_json, (s_requestTimeout, MaxObjectBytes), ct);
        try
        {
            return JsonDocument.Parse(answer);
        }
        catch (JsonException e)
        {
            throw ApiException.Unreachable($"GET {path}", e.Message, e);
        }
    }

    private static JsonElement.ArrayEnumerator Members(JsonElement element, string name) =>
        element.TryGetProperty(name, out var list) && list.ValueKind == JsonValueKind.Array ? list.EnumerateArray() : default;

    private static string Text(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";
}
