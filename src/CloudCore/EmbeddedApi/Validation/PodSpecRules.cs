using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Validation;

/// <summary>What a pod spec must be for a node to run it, in a pod or in a template.</summary>
internal static class PodSpecRules
{
    private static readonly string[] s_restartPolicies = ["Always", "OnFailure", "Never"];
    private static readonly string[] s_dnsPolicies = ["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"];

    /// <param name="spec">The pod's spec.</param>
    /// <param name="field">Where it stands.</param>
    /// <param name="errors">Where errors go.</param>
    /// <param name="more">Volumes that the pod will have beside its own.</param>
    public static void Check(JsonObject spec, string field, FieldErrors errors, IEnumerable<string>? more = null)
    {
        var volumes = CheckVolumes(spec, $"{field}.volumes", errors);
        volumes.UnionWith(more ?? []);
        if (spec.List("containers") is not { Count: > 0 })
        {
            errors.Required($"{field}.containers");
        }

        var names = new HashSet<string>();
        ContainerRules.CheckAll(spec, "containers", field, names, volumes, errors);
        ContainerRules.CheckAll(spec, "initContainers", field, names, volumes, errors);
        CheckOneOf(spec, "restartPolicy", s_restartPolicies, field, errors);
        CheckOneOf(spec, "dnsPolicy", s_dnsPolicies, field, errors);
        if (spec.Number("activeDeadlineSeconds") is < 1 and var deadline)
        {
            errors.Invalid($"{field}.activeDeadlineSeconds", deadline, "must be between 1 and 2147483647, inclusive");
        }

        ObjectMetaRules.CheckLabels(spec.Object("nodeSelector"), $"{field}.nodeSelector", errors);
        CheckNames(spec, field, errors);
        TolerationRules.Check(spec, $"{field}.tolerations", errors);
    }

    /// <summary>An enumeration's value.</summary>
    public static void CheckOneOf(JsonObject node, string member, string[] allowed, string field, FieldErrors errors)
    {
        if (node.Text(member) is { } value && !allowed.Contains(value))
        {
            errors.NotSupported(field.Length == 0 ? member : $"{field}.{member}", value, allowed);
        }
    }

    private static void CheckNames(JsonObject spec, string field, FieldErrors errors)
    {
        foreach (var member in (string[])["nodeName", "serviceAccountName", "priorityClassName", "runtimeClassName"])
        {
            if (spec.Text(member) is { Length: > 0 } name && NameRules.Subdomain(name) is { } why)
            {
                errors.Invalid($"{field}.{member}", name, why);
            }
        }

        foreach (var member in (string[])["hostname", "subdomain"])
        {
            if (spec.Text(member) is { Length: > 0 } name && NameRules.Label(name) is { } why)
            {
                errors.Invalid($"{field}.{member}", name, why);
            }
        }
    }

    private static HashSet<string> CheckVolumes(JsonObject spec, string field, FieldErrors errors)
    {
        var names = new HashSet<string>();
        var index = 0;
        foreach (var volume in spec.Objects("volumes"))
        {
            var at = FormattableString.Invariant($"{field}[{index++}]");
            var name = volume.Text("name") ?? "";
            if (name.Length == 0)
            {
                errors.Required($"{at}.name");
            }
            else if (NameRules.Label(name) is { } why)
            {
                errors.Invalid($"{at}.name", name, why);
            }
            else if (!names.Add(name))
            {
                errors.Duplicate($"{at}.name", name);
            }

            CheckSource(volume, at, errors);
        }

        return names;
    }

    private static void CheckSource(JsonObject volume, string field, FieldErrors errors)
    {
        var sources = volume.Where(m => m.Key != "name" && m.Value is JsonObject).Select(m => m.Key).ToList();
        if (sources.Count == 0)
        {
            errors.Required(field, "must specify a volume type");
        }

        foreach (var extra in sources.Skip(1))
        {
            errors.Forbidden($"{field}.{extra}", "may not specify more than 1 volume type");
        }

        if (volume.Object("hostPath") is { } host)
        {
            var path = host.Text("path") ?? "";
            if (path.Length == 0)
            {
                errors.Required($"{field}.hostPath.path");
            }
            else if (path.Split('/').Contains(".."))
            {
                errors.Invalid($"{field}.hostPath.path", path, "must not contain '..'");
            }
        }

        RequireName(volume, "configMap", "name", field, errors);
        RequireName(volume, "secret", "secretName", field, errors);
    }

    private static void RequireName(JsonObject volume, string source, string member, string field, FieldErrors errors)
    {
        if (volume.Object(source) is { } node && string.IsNullOrEmpty(node.Text(member)))
        {
            errors.Required($"{field}.{source}.{member}");
        }
    }
}
