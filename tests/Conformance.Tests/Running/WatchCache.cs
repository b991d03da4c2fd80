using System.Text.Json.Nodes;

namespace EdgeSync.Conformance.Tests.Running;

/// <summary>
/// kube-apiserver 1.20 answers a read that names a version, and begins a watch, from a cache that trails etcd by some
/// milliseconds: of what was just written it may not know yet, and Kubernetes allows that ("not older than"). EdgeSync
/// has no such gap. A case compares what there is to know, so a read from the cache waits until it has all of etcd.
/// </summary>
internal static class WatchCache
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(10);

    /// <summary>Returns when the cache has what etcd has, if the read is answered from the cache; else at once.</summary>
    /// <param name="administrator">Sees all objects.</param>
    /// <param name="path">The path of the read with its query.</param>
    /// <exception cref="TimeoutException">It still differs after ten seconds.</exception>
    public static async Task CaughtUpAsync(HttpClient administrator, string path)
    {
        if (CollectionReadFromCache(path) is not { } collection)
        {
            return;
        }

        var deadline = DateTime.UtcNow + s_limit;
        while (await VersionsAsync(administrator, collection) is { } stored)
        {
            // no version asks etcd, version 1 the cache as soon as it is filled; version 0 asks etcd where it is not
            var cached = await VersionsAsync(administrator, $"{collection}?resourceVersion=1");
            if (cached is not null && cached.SetEquals(stored))
            {
                return;
            }

            if (DateTime.UtcNow > deadline)
            {
                throw new TimeoutException($"kube-apiserver's cache of {collection} still differs from etcd after {s_limit.TotalSeconds} s");
            }

            await Task.Delay(5);
        }
    }

    /// <summary>The collection of a read that is answered from the cache; null for other reads.</summary>
    private static string? CollectionReadFromCache(string path)
    {
        var query = path.IndexOf('?', StringComparison.Ordinal);
        var words = (query < 0 ? path : path[..query]).Split('/', StringSplitOptions.RemoveEmptyEntries).ToList();
        var start = words is ["api", ..] ? 2 : 3;
        var isOldWatch = words.Count > start && words[start] == "watch";
        if (isOldWatch)
        {
            words.RemoveAt(start);
        }
        else if (query < 0 || !(path.Contains("watch=", StringComparison.Ordinal) || path.Contains("resourceVersion=", StringComparison.Ordinal)))
        {
            return null;
        }

        var isNamespaced = words.Count > start + 2 && words[start] == "namespaces";
        return words.Count <= start ? null : $"/{string.Join('/', words.Take(isNamespaced ? start + 3 : start + 1))}";
    }

    /// <summary>Uid and version of each object; null where there is no such list.</summary>
    private static async Task<HashSet<string>?> VersionsAsync(HttpClient administrator, string list)
    {
        using var response = await administrator.GetAsync(new Uri(list, UriKind.Relative));
        if (!response.IsSuccessStatusCode)
        {
            return null;
        }

        var items = JsonNode.Parse(await response.Content.ReadAsStringAsync())?["items"] as JsonArray ?? [];
        return [.. items.Select(i => $"{i?["metadata"]?["uid"]} {i?["metadata"]?["resourceVersion"]}")];
    }
}
