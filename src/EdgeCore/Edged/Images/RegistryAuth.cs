using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSync.EdgeCore.Edged.Cri;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.EdgeCore.Edged.Images;

/// <summary>
/// Credentials for an image from a pod's imagePullSecrets. A secret holds <c>.dockerconfigjson</c>,
/// <c>{"auths":{"HOST[:PORT][/PATH]":{"auth":"base64(user:password)"}}}</c>, or the older <c>.dockercfg</c>, which is
/// the inner object alone.
/// </summary>
internal sealed class RegistryAuth(MetaManager.MetaManager objects)
{
    private const string DockerHub = "docker.io";

    /// <summary>The credentials whose registry fits best; null pulls without any.</summary>
    public AuthConfig? Find(string ns, IEnumerable<string> secretNames, string image)
    {
        var repository = Repository(image);
        return secretNames
            .Select(name => objects.Get(new ObjectKey(ns, ResourceTypes.Secret, name)))
            .SelectMany(secret => secret is null ? [] : Entries(secret))
            .Where(entry => Fits(entry.Registry, repository))
            .OrderByDescending(entry => entry.Registry.Length)
            .Select(entry => entry.Auth)
            .FirstOrDefault();
    }

    /// <summary><c>busybox:1</c> is <c>docker.io/library/busybox</c>: a first segment without a dot or a port is no host.</summary>
    internal static string Repository(string image)
    {
        var name = image.Split('@')[0];
        var lastSlash = name.LastIndexOf('/');
        var colon = name.IndexOf(':', lastSlash + 1);
        name = colon > 0 ? name[..colon] : name;
        var slash = name.IndexOf('/', StringComparison.Ordinal);
        var host = slash > 0 ? name[..slash] : "";
        return host.Contains('.', StringComparison.Ordinal) || host.Contains(':', StringComparison.Ordinal) || host == "localhost"
            ? name
            : slash > 0 ? $"{DockerHub}/{name}" : $"{DockerHub}/library/{name}";
    }

    private static bool Fits(string registry, string repository) =>
        repository == registry || repository.StartsWith(registry + "/", StringComparison.Ordinal);

    private static (string Registry, AuthConfig Auth)[] Entries(KubeObject secret)
    {
        try
        {
            var data = secret.View(KubernetesJson.Default.Secret).Data ?? new Dictionary<string, string>();
            var auths = data.TryGetValue(".dockerconfigjson", out var json)
                ? JsonNode.Parse(Convert.FromBase64String(json))?["auths"]
                : data.TryGetValue(".dockercfg", out json) ? JsonNode.Parse(Convert.FromBase64String(json)) : null;
            return (auths as JsonObject ?? []).Select(e => (Normalize(e.Key), Read(e.Value))).ToArray();
        }
        catch (Exception e) when (e is FormatException or JsonException or KubeObjectException or InvalidOperationException)
        {
            return []; // a secret that cannot be read gives no credentials; the pull then says what it lacks
        }
    }

    private static string Normalize(string registry)
    {
        var name = registry;
        foreach (var scheme in (string[])["https://", "http://"])
        {
            name = name.StartsWith(scheme, StringComparison.Ordinal) ? name[scheme.Length..] : name;
        }

        name = name.TrimEnd('/');
        // Docker Hub's entry is written with the address of its old index
        return name is "index.docker.io/v1" or "index.docker.io" ? DockerHub : name;
    }

    private static AuthConfig Read(JsonNode? entry)
    {
        var auth = new AuthConfig
        {
            Username = entry?["username"]?.GetValue<string>() ?? "",
            Password = entry?["password"]?.GetValue<string>() ?? "",
            IdentityToken = entry?["identitytoken"]?.GetValue<string>() ?? "",
        };
        if (entry?["auth"]?.GetValue<string>() is { Length: > 0 } encoded)
        {
            var pair = Encoding.UTF8.GetString(Convert.FromBase64String(encoded)).Split(':', 2);
            (auth.Username, auth.Password) = (pair[0], pair.Length > 1 ? pair[1].TrimEnd('\0') : "");
        }

        return auth;
    }
}
