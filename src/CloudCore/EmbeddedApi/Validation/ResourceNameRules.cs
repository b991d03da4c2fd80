using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Validation;

/// <summary>What a container may ask for: processor, memory, disk, huge pages, and devices under names with a domain.</summary>
internal static class ResourceNameRules
{
    private const string HugePages = "hugepages-";

    private static readonly string[] s_ofContainers = ["cpu", "memory", "ephemeral-storage"];

    private static readonly string[] s_standard =
    [
        .. s_ofContainers, "storage", "requests.cpu", "requests.memory", "requests.storage", "requests.ephemeral-storage",
        "limits.cpu", "limits.memory", "limits.ephemeral-storage", "pods", "services", "replicationcontrollers", "resourcequotas",
        "secrets", "configmaps", "persistentvolumeclaims", "services.nodeports", "services.loadbalancers",
    ];

    /// <summary>Whether it is one that Kubernetes itself knows.</summary>
    public static bool IsStandard(string name) => s_standard.Contains(name) || IsHugePages(name)
        || name.StartsWith("requests." + HugePages, StringComparison.Ordinal);

    /// <summary>A name of a resource anywhere: a standard one, or one with a domain.</summary>
    public static void Check(string name, string field, FieldErrors errors)
    {
        if (s_standard.Contains(name))
        {
            return;
        }

        errors.Invalid(field, name, NameRules.QualifiedNameProblems(name));

        if (!name.Contains('/', StringComparison.Ordinal) && !IsStandard(name))
        {
            errors.Invalid(field, name, "must be a standard resource type or fully qualified");
        }
    }

    /// <summary>A name that a quota counts, and how many.</summary>
    public static void CheckQuota(string name, string amount, string field, FieldErrors errors)
    {
        Check(name, field, errors);
        if (!name.Contains('/', StringComparison.Ordinal) && (name == "storage" || !IsStandard(name)))
        {
            errors.Invalid(field, name, "must be a standard resource for quota");
        }

        if (IsCount(name) && QuantityRules.Parse(amount) is { } number && number != decimal.Truncate(number))
        {
            errors.Invalid(field, amount, "must be an integer");
        }
    }

    /// <summary>Names of a container's limits and requests, and what goes with them.</summary>
    public static void CheckContainer(JsonObject? resources, string field, FieldErrors errors)
    {
        if (resources is null or { Count: 0 })
        {
            return;
        }

        JsonObject limits = resources.Object("limits") ?? [], requests = resources.Object("requests") ?? [];
        CheckNames(limits, $"{field}.limits", errors);
        CheckNames(requests, $"{field}.requests", errors);
        foreach (var (name, request) in requests.Where(r => IsFixed(r.Key)))
        {
            if (limits[name] is not { } limit)
            {
                errors.Required($"{field}.limits", "Limit must be set for non overcommitable resources");
            }
            else if (QuantityRules.Parse(request.AsText() ?? "") < QuantityRules.Parse(limit.AsText() ?? ""))
            {
                errors.Invalid($"{field}.requests", request.AsText() ?? "", $"must be equal to {name} limit of {limit.AsText()}");
            }
        }

        var names = limits.Concat(requests).Select(r => r.Key).ToHashSet();
        if (names.Any(IsHugePages) && !names.Contains("cpu") && !names.Contains("memory"))
        {
            errors.Forbidden(field, "HugePages require cpu or memory");
        }
    }

    private static void CheckNames(JsonObject amounts, string field, FieldErrors errors)
    {
        foreach (var (name, amount) in amounts)
        {
            var at = $"{field}[{name}]";
            Check(name, at, errors);
            if (!name.Contains('/', StringComparison.Ordinal))
            {
                if (!s_ofContainers.Contains(name) && !IsHugePages(name))
                {
                    errors.Invalid(at, name, "must be a standard resource for containers");
                }
            }
            else if (IsFixed(name) && QuantityRules.Parse(amount.AsText() ?? "") is { } number && number != decimal.Truncate(number))
            {
                errors.Invalid(at, amount.AsText() ?? "", "must be an integer");
            }
        }
    }

    /// <summary>Devices are given whole, and nobody gets more of them than was asked for.</summary>
    private static bool IsFixed(string name) => IsHugePages(name)
        || (name.Contains('/', StringComparison.Ordinal) && !name.Contains("kubernetes.io/", StringComparison.Ordinal));

    /// <summary>Whether a quota of it is a number of objects.</summary>
    private static bool IsCount(string name) =>
        (s_standard.Contains(name) && !name.Contains('.', StringComparison.Ordinal) && !s_ofContainers.Contains(name) && name != "storage")
        || name.StartsWith("services.", StringComparison.Ordinal) || name.StartsWith("count/", StringComparison.Ordinal);

    private static bool IsHugePages(string name) => name.StartsWith(HugePages, StringComparison.Ordinal);
}
