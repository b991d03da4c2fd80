using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Validation;

/// <summary>What a pod spec must be for a node to run it, in a pod or in a template.</summary>
internal static class PodSpecRules
{
    private static readonly string[] s_restartPolicies = ["Always", "OnFailure", "Never"];
    private static readonly string[] s_dnsPolicies = ["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"];
    private static readonly string[] s_preemptionPolicies = ["Never", "PreemptLowerPriority"];

    /// <param name="spec">The pod's spec.</param>
    /// <param name="field">Where it stands.</param>
    /// <param name="errors">Where errors go.</param>
    /// <param name="more">Volumes that the pod will have beside its own.</param>
    public static void Check(JsonObject spec, string field, FieldErrors errors, IEnumerable<string>? more = null)
    {
        var volumes = VolumeRules.Check(spec, $"{field}.volumes", errors);
        volumes.UnionWith(more ?? []);
        if (spec.List("containers") is not { Count: > 0 })
        {
            errors.Required($"{field}.containers");
        }

        var names = new HashSet<string>();
        ContainerRules.CheckAll(spec, "containers", field, names, volumes, errors);
        ContainerRules.CheckHostPorts(spec, field, errors);
        ContainerRules.CheckAll(spec, "initContainers", field, names, volumes, errors);
        ContainerRules.CheckAll(spec, "ephemeralContainers", field, names, volumes, errors);
        CheckOneOf(spec, "restartPolicy", s_restartPolicies, field, errors);
        CheckOneOf(spec, "dnsPolicy", s_dnsPolicies, field, errors);
        ObjectMetaRules.CheckLabels(spec.Object("nodeSelector"), $"{field}.nodeSelector", errors);
        SecurityRules.CheckPod(spec, field, errors);
        AffinityRules.Check(spec.Object("affinity"), $"{field}.affinity", errors);
        ResolverRules.CheckConfig(spec, $"{field}.dnsConfig", errors);
        CheckGates(spec, field, errors);
        AffinityRules.CheckSpread(spec, $"{field}.topologySpreadConstraints", errors);
        CheckNames(spec, field, errors);
        if (spec.Number("activeDeadlineSeconds") is < 1 and var deadline)
        {
            errors.Invalid($"{field}.activeDeadlineSeconds", deadline, "must be between 1 and 2147483647, inclusive");
        }

        TolerationRules.Check(spec, $"{field}.tolerations", errors);
        ResolverRules.CheckHostAliases(spec, $"{field}.hostAliases", errors);
        CheckOneOf(spec, "preemptionPolicy", s_preemptionPolicies, field, errors);
    }

    /// <summary>An enumeration's value.</summary>
    public static void CheckOneOf(JsonObject node, string member, string[] allowed, string field, FieldErrors errors)
    {
        if (node.Text(member) is { } value && !allowed.Contains(value))
        {
            errors.NotSupported(field.Length == 0 ? member : $"{field}.{member}", value, allowed);
        }
    }

    private static void CheckGates(JsonObject spec, string field, FieldErrors errors)
    {
        var index = 0;
        foreach (var name in spec.Objects("readinessGates").Select(g => g.Text("conditionType") ?? ""))
        {
            var at = FormattableString.Invariant($"{field}.readinessGates[{index++}].conditionType");
            errors.Invalid(at, name, NameRules.QualifiedNameProblems(name));
        }

        index = 0;
        var seen = new HashSet<string>();
        foreach (var name in spec.Objects("schedulingGates").Select(g => g.Text("name") ?? ""))
        {
            var at = FormattableString.Invariant($"{field}.schedulingGates[{index++}]");
            errors.Invalid(at, name, NameRules.QualifiedNameProblems(name));
            if (!seen.Add(name))
            {
                errors.Duplicate(at, name);
            }
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
}
