using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Validation;

/// <summary>What a pod may tell its containers of itself, in the environment and in volumes (the downward API).</summary>
internal static partial class DownwardRules
{
    private const string Annotations = "metadata.annotations";
    private const string Labels = "metadata.labels";
    private const string Units = "only divisor's values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are supported with the";

    // every field that a pod has by a path; an environment and a volume allow some of them each
    private static readonly string[] s_known =
    [
        Annotations, Labels, "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.restartPolicy",
        "spec.serviceAccountName", "spec.schedulerName", "status.phase", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs",
    ];

    private static readonly string[] s_resources =
    [
        "limits.cpu", "limits.memory", "limits.ephemeral-storage", "requests.cpu", "requests.memory", "requests.ephemeral-storage",
    ];

    private static readonly string[] s_divisors = ["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"];

    /// <summary>A field of the pod: one of <paramref name="allowed"/>, or one label or annotation.</summary>
    public static void CheckField(JsonObject reference, string[] allowed, string field, FieldErrors errors)
    {
        var at = $"{field}.fieldPath";
        var path = reference.Text("fieldPath") ?? "";
        if (path.Length == 0)
        {
            errors.Required(at);
            return;
        }

        if (Subscript().Match(path) is not { Success: true } match)
        {
            if (!s_known.Contains(path))
            {
                errors.Invalid(at, path, $"error converting fieldPath: field label not supported: {path}");
            }
            else if (!allowed.Contains(path))
            {
                errors.NotSupported(at, path, allowed);
            }

            return;
        }

        var (of, key) = (match.Groups[1].Value, match.Groups[2].Value);
        if (of is not (Annotations or Labels))
        {
            errors.Invalid(at, path, $"error converting fieldPath: field label does not support subscript: {path}");
            return;
        }

        key = of == Annotations ? key.ToLowerInvariant() : key;
        errors.Invalid(field, key, NameRules.QualifiedNameProblems(key));
    }

    /// <summary>What a container asks for or is limited to; in a volume the container must be named.</summary>
    public static void CheckResource(JsonObject reference, bool isVolume, string field, FieldErrors errors)
    {
        var resource = reference.Text("resource") ?? "";
        var isHugePages = resource.StartsWith("limits.hugepages-", StringComparison.Ordinal)
            || resource.StartsWith("requests.hugepages-", StringComparison.Ordinal);
        if (isVolume && string.IsNullOrEmpty(reference.Text("containerName")))
        {
            errors.Required($"{field}.containerName");
        }
        else if (resource.Length == 0)
        {
            errors.Required($"{field}.resource");
        }
        else if (!isHugePages && !s_resources.Contains(resource))
        {
            errors.NotSupported($"{field}.resource", resource, s_resources);
        }

        var divisor = reference["divisor"].AsText() ?? (reference["divisor"] as JsonValue)?.ToJsonString();
        if (divisor is null or "" || QuantityRules.Parse(divisor) == 0)
        {
            return;
        }

        var isProcessor = resource.EndsWith(".cpu", StringComparison.Ordinal);
        if (!(isProcessor ? divisor is "1" or "1m" : s_divisors.Contains(divisor)))
        {
            var why = resource[(resource.IndexOf('.', StringComparison.Ordinal) + 1)..] switch
            {
                "cpu" => "only divisor's values 1m and 1 are supported with the cpu resource",
                "memory" => $"{Units} memory resource",
                "ephemeral-storage" => $"{Units} local ephemeral storage resource",
                _ when isHugePages => $"{Units} hugepages resource",
                _ => null,
            };
            if (why is not null)
            {
                errors.Invalid($"{field}.divisor", resource, why);
            }
        }
    }

    [GeneratedRegex(@"^([^\[]+)\['(.*)'\]\z", RegexOptions.CultureInvariant)]
    private static partial Regex Subscript();
}
