using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Kinds;

/// <summary>
/// Versions that Kubernetes has left and that clients of its 1.20 still ask for: its scheduler does not begin before it has listed the
/// disruption budgets of policy/v1beta1, its controller manager and kubectl know cron jobs of batch/v1beta1 only. They show the
/// same objects as v1 and warn, as the servers did that had both.
/// </summary>
internal static class EarlierVersions
{
    // how Kubernetes says in the one version what an empty selector means in the other: none in v1beta1, all in v1
    private const string EmptySelector = "pdb.kubernetes.io/deprecated-v1beta1-empty-selector-match";

    /// <summary>policy/v1beta1, from 1.5 to 1.24.</summary>
    public static ResourceDescriptor OfBudgets(ResourceDescriptor v1) => Of(v1) with
    {
        FromStorage = budget =>
        {
            budget["apiVersion"] = "policy/v1beta1";
            TurnSelector(budget, plain: "DoesNotExist", marked: "Exists");
        },
        ToStorage = budget =>
        {
            budget["apiVersion"] = "policy/v1";
            TurnSelector(budget, plain: "Exists", marked: "DoesNotExist");
        },
    };

    /// <summary>batch/v1beta1, from 1.8 to 1.24.</summary>
    public static ResourceDescriptor OfCronJobs(ResourceDescriptor v1) => Of(v1) with
    {
        // its deletion left the jobs where it did not say otherwise
        DefaultPropagation = "Orphan",
        FromStorage = job => job["apiVersion"] = "batch/v1beta1",
        ToStorage = job => job["apiVersion"] = "batch/v1",
    };

    private static ResourceDescriptor Of(ResourceDescriptor v1) => v1 with
    {
        Version = "v1beta1",
        StorageVersion = "v1",
        DeprecationWarning = $"{v1.Group}/v1beta1 {v1.Kind} is deprecated in v1.21+, unavailable in v1.25+; use {v1.Group}/v1 {v1.Kind}",
    };

    /// <param name="budget">Changed.</param>
    /// <param name="plain">What an empty selector becomes: an expression with this operator.</param>
    /// <param name="marked">The operator of the expression that becomes an empty selector.</param>
    private static void TurnSelector(JsonObject budget, string plain, string marked)
    {
        if (budget.Object("spec") is not { } spec || spec["selector"] is not JsonObject selector)
        {
            return;
        }

        if (!HasAny(selector, "matchLabels") && !HasAny(selector, "matchExpressions"))
        {
            spec["selector"] = new JsonObject { ["matchExpressions"] = new JsonArray(new JsonObject { ["key"] = EmptySelector, ["operator"] = plain }) };
        }
        else if (!HasAny(selector, "matchLabels") && selector["matchExpressions"] is JsonArray { Count: 1 } only
            && (string?)only[0]?["key"] == EmptySelector && (string?)only[0]?["operator"] == marked)
        {
            spec["selector"] = new JsonObject();
        }
    }

    private static bool HasAny(JsonObject selector, string member) => selector[member] switch
    {
        JsonObject { Count: > 0 } or JsonArray { Count: > 0 } => true,
        _ => false,
    };
}
