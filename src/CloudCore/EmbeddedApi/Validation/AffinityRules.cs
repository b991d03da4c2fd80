using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Validation;

/// <summary>Which nodes a pod wants: affinity to nodes and pods, and how pods are spread.</summary>
internal static class AffinityRules
{
    private const string Required = "requiredDuringSchedulingIgnoredDuringExecution";
    private const string Preferred = "preferredDuringSchedulingIgnoredDuringExecution";
    private const string WeightRange = "must be in the range 1-100";
    private const string NoOperator = "not a valid selector operator";
    private static readonly string[] s_unsatisfiable = ["DoNotSchedule", "ScheduleAnyway"];
    private static readonly string[] s_inclusion = ["Honor", "Ignore"];

    /// <summary>Member <c>affinity</c> of a pod spec.</summary>
    public static void Check(JsonObject? affinity, string field, FieldErrors errors)
    {
        if (affinity?.Object("nodeAffinity") is { } nodes)
        {
            CheckNodes(nodes, $"{field}.nodeAffinity", errors);
        }

        foreach (var member in (string[])["podAffinity", "podAntiAffinity"])
        {
            if (affinity?.Object(member) is { } pods)
            {
                CheckPods(pods, $"{field}.{member}", errors);
            }
        }
    }

    /// <summary>Member <c>topologySpreadConstraints</c> of a pod spec.</summary>
    public static void CheckSpread(JsonObject spec, string field, FieldErrors errors)
    {
        var all = spec.Objects("topologySpreadConstraints").ToList();
        for (var i = 0; i < all.Count; i++)
        {
            var constraint = all[i];
            var at = FormattableString.Invariant($"{field}[{i}]");
            if ((constraint.Number("maxSkew") ?? 0) is <= 0 and var skew)
            {
                errors.Invalid($"{at}.maxSkew", skew, "must be greater than zero");
            }

            var key = constraint.Text("topologyKey") ?? "";
            if (key.Length == 0)
            {
                errors.Required($"{at}.topologyKey", "can not be empty");
            }

            PodSpecRules.CheckOneOf(constraint, "whenUnsatisfiable", s_unsatisfiable, at, errors);
            if (constraint.Number("minDomains") is <= 0 and var domains)
            {
                errors.Invalid($"{at}.minDomains", domains, "must be greater than zero");
            }

            // the first of two that are alike is told
            var when = constraint.Text("whenUnsatisfiable");
            if (all.Skip(i + 1).Any(other => other.Text("topologyKey") == key && other.Text("whenUnsatisfiable") == when))
            {
                errors.Duplicate($"{at}.{{topologyKey, whenUnsatisfiable}}", $"{{{key}, {when}}}");
            }

            PodSpecRules.CheckOneOf(constraint, "nodeAffinityPolicy", s_inclusion, at, errors);
            PodSpecRules.CheckOneOf(constraint, "nodeTaintsPolicy", s_inclusion, at, errors);
            if (constraint.Object("labelSelector") is { } selector)
            {
                SelectorRules.Check(selector, $"{at}.labelSelector", errors);
            }
        }
    }

    private static void CheckNodes(JsonObject nodes, string field, FieldErrors errors)
    {
        if (nodes.Object(Required) is { } required)
        {
            var at = $"{field}.{Required}.nodeSelectorTerms";
            if (required.List("nodeSelectorTerms") is null or { Count: 0 })
            {
                errors.Required(at, "must have at least one node selector term");
            }

            var index = 0;
            foreach (var term in required.Objects("nodeSelectorTerms"))
            {
                CheckTerm(term, FormattableString.Invariant($"{at}[{index++}]"), isRequired: true, errors);
            }
        }

        var number = 0;
        foreach (var term in nodes.Objects(Preferred))
        {
            var at = FormattableString.Invariant($"{field}.{Preferred}[{number++}]");
            CheckWeight(term, at, errors);
            CheckTerm(term.Object("preference") ?? [], $"{at}.preference", isRequired: false, errors);
        }
    }

    private static void CheckTerm(JsonObject term, string field, bool isRequired, FieldErrors errors)
    {
        var index = 0;
        foreach (var requirement in term.Objects("matchExpressions"))
        {
            CheckLabel(requirement, FormattableString.Invariant($"{field}.matchExpressions[{index++}]"), isRequired, errors);
        }

        index = 0;
        foreach (var requirement in term.Objects("matchFields"))
        {
            CheckField(requirement, FormattableString.Invariant($"{field}.matchFields[{index++}]"), errors);
        }
    }

    private static void CheckLabel(JsonObject requirement, string field, bool isRequired, FieldErrors errors)
    {
        var values = (requirement.List("values") ?? []).Select(v => v.AsText() ?? "").ToList();
        switch (requirement.Text("operator"))
        {
            case "In" or "NotIn" when values.Count == 0:
                errors.Required($"{field}.values", "must be specified when `operator` is 'In' or 'NotIn'");
                break;
            case "Exists" or "DoesNotExist" when values.Count > 0:
                errors.Forbidden($"{field}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
                break;
            case "Gt" or "Lt" when values.Count != 1:
                errors.Required($"{field}.values", "must be specified single value when `operator` is 'Lt' or 'Gt'");
                break;
            case "In" or "NotIn" or "Exists" or "DoesNotExist" or "Gt" or "Lt":
                break;
            default:
                errors.Invalid($"{field}.operator", requirement.Text("operator") ?? "", NoOperator);
                break;
        }

        CheckLabelName(requirement.Text("key") ?? "", $"{field}.key", errors);
        // what is only preferred may name labels that no node can have
        for (var i = 0; isRequired && i < values.Count; i++)
        {
            if (NameRules.LabelValue(values[i]) is { } why)
            {
                errors.Invalid(FormattableString.Invariant($"{field}.values[{i}]"), values[i], why);
            }
        }
    }

    private static void CheckField(JsonObject requirement, string field, FieldErrors errors)
    {
        var values = (requirement.List("values") ?? []).Select(v => v.AsText() ?? "").ToList();
        if (requirement.Text("operator") is not ("In" or "NotIn"))
        {
            errors.Invalid($"{field}.operator", requirement.Text("operator") ?? "", NoOperator);
        }
        else if (values.Count != 1)
        {
            errors.Required($"{field}.values", "must be only one value when `operator` is 'In' or 'NotIn' for node field selector");
        }

        if (requirement.Text("key") is not "metadata.name")
        {
            errors.Invalid($"{field}.key", requirement.Text("key") ?? "", "not a valid field selector key");
            return;
        }

        for (var i = 0; i < values.Count; i++)
        {
            if (NameRules.Subdomain(values[i]) is { } why)
            {
                errors.Invalid(FormattableString.Invariant($"{field}.values[{i}]"), values[i], why);
            }
        }
    }

    private static void CheckPods(JsonObject pods, string field, FieldErrors errors)
    {
        var index = 0;
        foreach (var term in pods.Objects(Required))
        {
            CheckPodTerm(term, FormattableString.Invariant($"{field}.{Required}[{index++}]"), errors);
        }

        index = 0;
        foreach (var term in pods.Objects(Preferred))
        {
            var at = FormattableString.Invariant($"{field}.{Preferred}[{index++}]");
            CheckWeight(term, at, errors);
            CheckPodTerm(term.Object("podAffinityTerm") ?? [], $"{at}.podAffinityTerm", errors);
        }
    }

    private static void CheckPodTerm(JsonObject term, string field, FieldErrors errors)
    {
        foreach (var member in (string[])["labelSelector", "namespaceSelector"])
        {
            if (term.Object(member) is { } selector)
            {
                SelectorRules.Check(selector, $"{field}.{member}", errors);
            }
        }

        foreach (var name in (term.List("namespaces") ?? []).Select(n => n.AsText() ?? ""))
        {
            if (NameRules.Label(name) is { } why)
            {
                errors.Invalid($"{field}.namespace", name, why);
            }
        }

        var key = term.Text("topologyKey") ?? "";
        if (key.Length == 0)
        {
            errors.Required($"{field}.topologyKey", "can not be empty");
        }

        CheckLabelName(key, $"{field}.topologyKey", errors);
    }

    private static void CheckWeight(JsonObject term, string field, FieldErrors errors)
    {
        if ((term.Number("weight") ?? 0) is < 1 or > 100)
        {
            errors.Invalid($"{field}.weight", term.Number("weight") ?? 0, WeightRange);
        }
    }

    private static void CheckLabelName(string key, string field, FieldErrors errors)
    {
        errors.Invalid(field, key, NameRules.QualifiedNameProblems(key));
    }
}
