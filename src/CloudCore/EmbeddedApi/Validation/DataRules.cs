using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Validation;

/// <summary>The rules for config maps and secrets.</summary>
internal static class DataRules
{
    private const long MostBytes = 1024 * 1024;

    public static void CheckConfigMap(JsonObject map, JsonObject? old, FieldErrors errors)
    {
        var total = 0L;
        foreach (var (key, value) in map.Object("data") ?? [])
        {
            CheckKey(key, "data", errors);
            total += Encoding.UTF8.GetByteCount(value.AsText() ?? "");
        }

        foreach (var (key, value) in map.Object("binaryData") ?? [])
        {
            CheckKey(key, "binaryData", errors);
            if (map.Object("data")?.ContainsKey(key) == true)
            {
                errors.Invalid($"data[{key}]", key, "duplicate of key present in binaryData");
            }

            total += DecodedLength(value.AsText() ?? "");
        }

        if (total > MostBytes)
        {
            errors.TooLong("", MostBytes);
        }

        CheckImmutable(map, old, ["data", "binaryData"], errors);
    }

    public static void CheckSecret(JsonObject secret, JsonObject? old, FieldErrors errors)
    {
        var total = 0L;
        foreach (var (key, value) in secret.Object("data") ?? [])
        {
            CheckKey(key, "data", errors);
            total += DecodedLength(value.AsText() ?? "");
        }

        if (total > MostBytes)
        {
            errors.TooLong("data", MostBytes);
        }

        foreach (var key in RequiredKeys(secret.Text("type") ?? ""))
        {
            if (secret.Object("data")?.ContainsKey(key) != true)
            {
                errors.Required($"data[{key}]");
            }
        }

        CheckType(secret, errors);
        if (old is not null && old.Text("type") != secret.Text("type"))
        {
            errors.Invalid("type", secret.Text("type") ?? "", "field is immutable");
        }

        CheckImmutable(secret, old, ["data"], errors);
    }

    /// <summary>What some types of secret must hold beyond their keys.</summary>
    private static void CheckType(JsonObject secret, FieldErrors errors)
    {
        var data = secret.Object("data") ?? [];
        switch (secret.Text("type"))
        {
            case "kubernetes.io/service-account-token"
                when secret.ObjectOrNew("metadata").Object("annotations")?.Text("kubernetes.io/service-account.name") is null or "":
                errors.Required("metadata.annotations[kubernetes.io/service-account.name]");
                break;
            case "kubernetes.io/dockerconfigjson":
                CheckJson(data, ".dockerconfigjson", errors);
                break;
            case "kubernetes.io/dockercfg":
                CheckJson(data, ".dockercfg", errors);
                break;
            case "kubernetes.io/basic-auth" when !data.ContainsKey("username") && !data.ContainsKey("password"):
                errors.Required("data[username]");
                errors.Required("data[password]");
                break;
        }
    }

    private static void CheckJson(JsonObject data, string key, FieldErrors errors)
    {
        if (data.Text(key) is not { } text)
        {
            return;
        }

        try
        {
            JsonNode.Parse(Convert.FromBase64String(text), null, JsonFormat.Reader);
        }
        catch (Exception e) when (e is System.Text.Json.JsonException or FormatException)
        {
            errors.Invalid($"data[{key}]", "<secret contents redacted>", "must be JSON");
        }
    }

    /// <summary>What may hold a namespace back, beside the server itself.</summary>
    public static void CheckNamespace(JsonObject ns, JsonObject? old, FieldErrors errors)
    {
        foreach (var name in (ns.Object("spec")?.List("finalizers") ?? []).Select(f => f.AsText() ?? ""))
        {
            ObjectMetaRules.CheckFinalizerName(name, "spec.finalizers", "spec.finalizers", errors);
        }
    }

    /// <summary>An event lies beside the object that it is about; those of cluster-wide objects lie in the namespace default.</summary>
    public static void CheckEvent(JsonObject item, JsonObject? old, FieldErrors errors)
    {
        var ns = item.ObjectOrNew("metadata").Text("namespace") ?? "";
        var about = item.Object("involvedObject")?.Text("namespace") ?? "";
        if (about.Length == 0 ? ns is not ("default" or "kube-system") : about != ns)
        {
            errors.Invalid("involvedObject.namespace", about, "does not match event.namespace");
        }
    }

    private static void CheckKey(string key, string field, FieldErrors errors)
    {
        if (NameRules.ConfigKey(key) is { } why)
        {
            errors.Invalid($"{field}[{key}]", key, why);
        }
    }

    private static void CheckImmutable(JsonObject node, JsonObject? old, string[] members, FieldErrors errors)
    {
        if (old?.IsTrue("immutable") != true)
        {
            return;
        }

        if (!node.IsTrue("immutable"))
        {
            errors.Forbidden("immutable", "field is immutable when `immutable` is set");
        }

        foreach (var member in members)
        {
            if (!JsonNode.DeepEquals(old[member] ?? new JsonObject(), node[member] ?? new JsonObject()))
            {
                errors.Forbidden(member, "field is immutable when `immutable` is set");
            }
        }
    }

    private static string[] RequiredKeys(string type) => type switch
    {
        "kubernetes.io/tls" => ["tls.crt", "tls.key"],
        "kubernetes.io/dockerconfigjson" => [".dockerconfigjson"],
        "kubernetes.io/dockercfg" => [".dockercfg"],
        "kubernetes.io/ssh-auth" => ["ssh-privatekey"],
        _ => [],
    };

    private static long DecodedLength(string base64) => (base64.Length / 4 * 3L) - (base64.EndsWith("==", StringComparison.Ordinal) ? 2 : base64.EndsWith('=') ? 1 : 0);
}
