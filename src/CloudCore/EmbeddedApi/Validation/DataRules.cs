using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Validation;

/// <summary>The rules for config maps, secrets and devices.</summary>
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

        if (old is not null && old.Text("type") != secret.Text("type"))
        {
            errors.Invalid("type", secret.Text("type") ?? "", "field is immutable");
        }

        CheckImmutable(secret, old, ["data"], errors);
    }

    /// <summary>KubeEdge's cloudcore ends with a panic where a device has no model; here that is refused at the door.</summary>
    public static void CheckDevice(JsonObject device, JsonObject? old, FieldErrors errors)
    {
        var spec = device.ObjectOrNew("spec");
        if (spec.Object("deviceModelRef")?.Text("name") is not { Length: > 0 } model)
        {
            errors.Required("spec.deviceModelRef.name", "a device needs a device model of the same namespace");
        }
        else if (NameRules.Subdomain(model) is { } why)
        {
            errors.Invalid("spec.deviceModelRef.name", model, why);
        }

        if (spec.Text("nodeName") is { Length: > 0 } node && NameRules.Subdomain(node) is { } wrong)
        {
            errors.Invalid("spec.nodeName", node, wrong);
        }

        CheckProperties(spec, errors);
    }

    public static void CheckDeviceModel(JsonObject model, JsonObject? old, FieldErrors errors)
    {
        var spec = model.ObjectOrNew("spec");
        CheckProperties(spec, errors);
        var index = 0;
        foreach (var property in spec.Objects("properties"))
        {
            var field = FormattableString.Invariant($"spec.properties[{index++}]");
            PodSpecRules.CheckOneOf(property, "type", ["INT", "FLOAT", "DOUBLE", "STRING", "BOOLEAN", "BYTES", "STREAM"], field, errors);
            PodSpecRules.CheckOneOf(property, "accessMode", ["ReadWrite", "ReadOnly"], field, errors);
        }
    }

    private static void CheckProperties(JsonObject spec, FieldErrors errors)
    {
        var names = new HashSet<string>();
        var index = 0;
        foreach (var property in spec.Objects("properties"))
        {
            var field = FormattableString.Invariant($"spec.properties[{index++}].name");
            if (property.Text("name") is not { Length: > 0 } name)
            {
                errors.Required(field);
            }
            else if (!names.Add(name))
            {
                errors.Duplicate(field, name);
            }
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
