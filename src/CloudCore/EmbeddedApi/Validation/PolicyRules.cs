using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Validation;

/// <summary>The rules for what limits, ranks and scales workloads, in Kubernetes' order.</summary>
internal static class PolicyRules
{
    private const string SystemPrefix = "system-";
    private const long HighestUserPriority = 1_000_000_000;

    /// <summary>The two classes that the server makes at its start, and their values.</summary>
    public static readonly IReadOnlyDictionary<string, long> SystemPriorities = new Dictionary<string, long>
    {
        ["system-cluster-critical"] = 2_000_000_000,
        ["system-node-critical"] = 2_000_001_000,
    };

    private static readonly string[] s_unhealthyPolicies = ["AlwaysAllow", "IfHealthyBudget"];
    private static readonly string[] s_limitTypes = ["Container", "PersistentVolumeClaim", "Pod"];
    private static readonly string[] s_opposites = ["BestEffort", "Terminating"];

    private static readonly string[] s_scopes =
        [.. s_opposites, "NotBestEffort", "NotTerminating", "PriorityClass", "CrossNamespacePodAffinity", "VolumeAttributesClass"];

    private static readonly string[] s_preemptionPolicies = ["Never", "PreemptLowerPriority"];

    public static void CheckDisruptionBudget(JsonObject budget, JsonObject? old, FieldErrors errors)
    {
        var spec = budget.ObjectOrNew("spec");
        if (spec["minAvailable"] is not null && spec["maxUnavailable"] is not null)
        {
            errors.Invalid("spec", spec, "minAvailable and maxUnavailable cannot be both set");
        }

        foreach (var member in (string[])["minAvailable", "maxUnavailable"])
        {
            NumberRules.CheckCountOrPercent(spec[member], $"spec.{member}", errors);
            NumberRules.CheckAtMostAll(spec[member], $"spec.{member}", errors);
        }

        if (spec.Object("selector") is { } selector)
        {
            SelectorRules.Check(selector, "spec.selector", errors);
        }

        PodSpecRules.CheckOneOf(spec, "unhealthyPodEvictionPolicy", s_unhealthyPolicies, "spec", errors);
    }

    public static void CheckPriorityClass(JsonObject priority, JsonObject? old, FieldErrors errors)
    {
        var name = priority.Object("metadata")!.Text("name") ?? "";
        var value = priority.Number("value") ?? 0;
        if (name.StartsWith(SystemPrefix, StringComparison.Ordinal))
        {
            if (!SystemPriorities.TryGetValue(name, out var known))
            {
                errors.Forbidden(
                    "metadata.name", $"priority class names with '{SystemPrefix}' prefix are reserved for system use only. error: {name} is not a known system priority class");
            }
            else if (value != known)
            {
                errors.Forbidden(
                    "metadata.name", FormattableString.Invariant($"priority class names with '{SystemPrefix}' prefix are reserved for system use only. error: value of {name} PriorityClass must be {known}"));
            }
        }
        else if (value > HighestUserPriority)
        {
            errors.Forbidden("value", $"maximum allowed value of a user defined priority is {HighestUserPriority}");
        }

        PodSpecRules.CheckOneOf(priority, "preemptionPolicy", s_preemptionPolicies, "", errors);
        if (old is not null && (old.Number("value") ?? 0) != value)
        {
            errors.Forbidden("value", "may not be changed in an update.");
        }

        if (old is not null && old.Text("preemptionPolicy") != priority.Text("preemptionPolicy"))
        {
            errors.Invalid("preemptionPolicy", priority.Text("preemptionPolicy") ?? "", NumberRules.Immutable);
        }
    }

    public static void CheckAutoscaler(JsonObject autoscaler, JsonObject? old, FieldErrors errors)
    {
        var spec = autoscaler.ObjectOrNew("spec");
        if (spec.Number("minReplicas") is < 1 and var least)
        {
            errors.Invalid("spec.minReplicas", least, "must be greater than or equal to 1");
        }

        if ((spec.Number("maxReplicas") ?? 0) is < 1 and var most)
        {
            errors.Invalid("spec.maxReplicas", most, "must be greater than 0");
        }

        if (spec.Number("minReplicas") > (spec.Number("maxReplicas") ?? 0))
        {
            errors.Invalid("spec.maxReplicas", spec.Number("maxReplicas") ?? 0, "must be greater than or equal to `minReplicas`");
        }

        var target = spec.Object("scaleTargetRef") ?? [];
        foreach (var member in (string[])["kind", "name"])
        {
            if (target.Text(member) is not { Length: > 0 } text)
            {
                errors.Required($"spec.scaleTargetRef.{member}");
            }
            else if (NameRules.PathSegment(text) is { } why)
            {
                errors.Invalid($"spec.scaleTargetRef.{member}", text, why);
            }
        }

        if (spec.Number("minReplicas") == 0)
        {
            errors.Forbidden("spec.metrics", "must specify at least one Object or External metric to support scaling to zero replicas");
        }
    }

    public static void CheckRuntimeClass(JsonObject runtimeClass, JsonObject? old, FieldErrors errors)
    {
        var handler = runtimeClass.Text("handler") ?? "";
        if (NameRules.Label(handler) is { } why)
        {
            errors.Invalid("handler", handler, why);
        }

        if (old is not null && old.Text("handler") != handler)
        {
            errors.Invalid("handler", handler, NumberRules.Immutable);
        }
    }

    public static void CheckLease(JsonObject lease, JsonObject? old, FieldErrors errors)
    {
        var spec = lease.Object("spec") ?? [];
        if (spec.Number("leaseDurationSeconds") is <= 0 and var seconds)
        {
            errors.Invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0");
        }

        if (spec.Number("leaseTransitions") is < 0 and var count)
        {
            errors.Invalid("spec.leaseTransitions", count, NumberRules.NotNegative);
        }
    }

    public static void CheckResourceQuota(JsonObject quota, JsonObject? old, FieldErrors errors)
    {
        foreach (var (name, value) in quota.ObjectOrNew("spec").Object("hard") ?? [])
        {
            var field = $"spec.hard[{name}]";
            ResourceNameRules.CheckQuota(name, value.AsText() ?? "", field, errors);
            switch (QuantityRules.Parse(value.AsText() ?? ""))
            {
                case null:
                    errors.Invalid(field, value.AsText() ?? "", QuantityRules.Format);
                    break;
                case < 0:
                    errors.Invalid(field, value.AsText() ?? "", NumberRules.NotNegative);
                    break;
            }
        }

        CheckScopes(quota.ObjectOrNew("spec"), errors);
        if (old is not null && !JsonNode.DeepEquals(old.ObjectOrNew("spec")["scopes"], quota.ObjectOrNew("spec")["scopes"]))
        {
            errors.Invalid("spec.scopes", quota.ObjectOrNew("spec")["scopes"], NumberRules.Immutable);
        }
    }

    public static void CheckLimitRange(JsonObject range, JsonObject? old, FieldErrors errors)
    {
        var types = new HashSet<string>();
        var index = 0;
        foreach (var limit in range.ObjectOrNew("spec").Objects("limits"))
        {
            var field = FormattableString.Invariant($"spec.limits[{index++}]");
            var type = limit.Text("type") ?? "";
            if (!type.Contains('/', StringComparison.Ordinal) && !s_limitTypes.Contains(type))
            {
                errors.Invalid($"{field}.type", type, "must be a standard limit type or fully qualified");
            }

            if (!types.Add(type))
            {
                errors.Duplicate($"{field}.type", type);
            }

            if (type == "Pod")
            {
                foreach (var member in (string[])["default", "defaultRequest"])
                {
                    if (limit.Object(member) is { Count: > 0 })
                    {
                        errors.Forbidden($"{field}.{member}", "may not be specified when `type` is 'Pod'");
                    }
                }
            }

            CheckAmounts(limit, field, errors);
        }
    }

    /// <summary>Scopes that there are, and that can hold together.</summary>
    private static void CheckScopes(JsonObject spec, FieldErrors errors)
    {
        var scopes = (spec.List("scopes") ?? []).Select(s => s.AsText() ?? "").ToList();
        foreach (var _ in scopes.Where(s => !s_scopes.Contains(s)))
        {
            errors.Invalid("spec.scopes", spec["scopes"], "unsupported scope");
        }

        if (s_opposites.Any(o => scopes.Contains(o) && scopes.Contains($"Not{o}")))
        {
            errors.Invalid("spec.scopes", spec["scopes"], "conflicting scopes");
        }
    }

    private static void CheckAmounts(JsonObject limit, string field, FieldErrors errors)
    {
        foreach (var name in (string[])[.. Names(limit)])
        {
            var least = Amount(limit, "min", name);
            var most = Amount(limit, "max", name);
            if (least > most)
            {
                errors.Invalid(
                    $"{field}.min[{name}]", limit.Object("min")!.Text(name) ?? "",
                    $"min value {limit.Object("min")!.Text(name)} is greater than max value {limit.Object("max")!.Text(name)}");
            }

            foreach (var (member, words) in ((string, string)[])[("defaultRequest", "default request"), ("default", "default")])
            {
                if (least > Amount(limit, member, name))
                {
                    errors.Invalid(
                        $"{field}.{member}[{name}]", limit.Object(member)!.Text(name) ?? "",
                        $"min value {limit.Object("min")!.Text(name)} is greater than {words} value {limit.Object(member)!.Text(name)}");
                }

                if (Amount(limit, member, name) > most)
                {
                    errors.Invalid(
                        $"{field}.{member}[{name}]", limit.Object(member)!.Text(name) ?? "",
                        $"{words} value {limit.Object(member)!.Text(name)} is greater than max value {limit.Object("max")!.Text(name)}");
                }
            }
        }
    }

    private static SortedSet<string> Names(JsonObject limit) => new(
        ((string[])["min", "max", "default", "defaultRequest"]).SelectMany(m => (limit.Object(m) ?? []).Select(a => a.Key)), StringComparer.Ordinal);

    private static decimal? Amount(JsonObject limit, string member, string name) =>
        limit.Object(member)?.Text(name) is { } text ? QuantityRules.Parse(text) : null;
}
