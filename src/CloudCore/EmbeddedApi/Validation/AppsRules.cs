using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Validation;

/// <summary>The rules for deployments, replica sets, stateful sets and replication controllers, in Kubernetes' order.</summary>
internal static class AppsRules
{
    private const string StatefulSetFixed =
        "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

    private static readonly string[] s_retentions = ["Retain", "Delete"];

    public static void CheckDeployment(JsonObject deployment, JsonObject? old, FieldErrors errors)
    {
        var spec = deployment.ObjectOrNew("spec");
        NumberRules.CheckNotNegative(spec, "spec", errors, "replicas");
        var selector = SelectorRules.CheckWanted(spec, "deployment", errors);
        TemplateRules.CheckSelected(spec, selector, "ReplicaSet", errors);
        CheckDeploymentStrategy(spec, errors);
        NumberRules.CheckNotNegative(spec, "spec", errors, "minReadySeconds", "revisionHistoryLimit");
        if (spec.Number("progressDeadlineSeconds") is { } deadline)
        {
            NumberRules.CheckNotNegative(spec, "spec", errors, "progressDeadlineSeconds");
            if (deadline <= (spec.Number("minReadySeconds") ?? 0))
            {
                errors.Invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds");
            }
        }

        SelectorRules.CheckUnchanged(spec, old, errors);
    }

    public static void CheckReplicaSet(JsonObject replicaSet, JsonObject? old, FieldErrors errors)
    {
        var spec = replicaSet.ObjectOrNew("spec");
        NumberRules.CheckNotNegative(spec, "spec", errors, "replicas", "minReadySeconds");
        var selector = SelectorRules.CheckWanted(spec, "deployment", errors);
        TemplateRules.CheckSelected(spec, selector, "ReplicaSet", errors);
        SelectorRules.CheckUnchanged(spec, old, errors);
    }

    public static void CheckReplicationController(JsonObject controller, JsonObject? old, FieldErrors errors)
    {
        var spec = controller.ObjectOrNew("spec");
        NumberRules.CheckNotNegative(spec, "spec", errors, "minReadySeconds");
        if (spec.Object("selector") is null or { Count: 0 })
        {
            errors.Required("spec.selector");
        }

        NumberRules.CheckNotNegative(spec, "spec", errors, "replicas");
        if (spec["template"] is null)
        {
            errors.Required("spec.template");
            return;
        }

        var labels = spec.Object("selector") ?? [];
        var selector = labels.Count == 0 ? null : new JsonObject { ["matchLabels"] = labels.DeepClone() };
        TemplateRules.CheckSelected(spec, selector, "ReplicationController", errors);
    }

    public static void CheckStatefulSet(JsonObject statefulSet, JsonObject? old, FieldErrors errors)
    {
        var spec = statefulSet.ObjectOrNew("spec");
        if (spec.Text("podManagementPolicy") is not ("OrderedReady" or "Parallel") and var policy)
        {
            errors.Invalid("spec.podManagementPolicy", policy ?? "", "must be 'OrderedReady' or 'Parallel'");
        }

        CheckStatefulSetStrategy(spec, errors);
        foreach (var member in (string[])["whenDeleted", "whenScaled"])
        {
            PodSpecRules.CheckOneOf(
                spec.Object("persistentVolumeClaimRetentionPolicy") ?? [], member, s_retentions, "spec.persistentVolumeClaimRetentionPolicy", errors);
        }

        NumberRules.CheckNotNegative(spec, "spec", errors, "replicas", "minReadySeconds");
        NumberRules.CheckNotNegative(spec.Object("ordinals") ?? [], "spec.ordinals", errors, "start");
        NumberRules.CheckNotNegative(spec, "spec", errors, "revisionHistoryLimit");
        var selector = SelectorRules.CheckWanted(spec, "statefulset", errors);
        TemplateRules.CheckSelected(spec, selector, "StatefulSet", errors);
        if (old is not null && !JsonNode.DeepEquals(FixedPart(spec), FixedPart(old.ObjectOrNew("spec"))))
        {
            errors.Forbidden("spec", StatefulSetFixed);
        }
    }

    private static void CheckDeploymentStrategy(JsonObject spec, FieldErrors errors)
    {
        const string field = "spec.strategy";
        var strategy = spec.ObjectOrNew("strategy");
        switch (strategy.Text("type"))
        {
            case "Recreate":
                if (strategy["rollingUpdate"] is not null)
                {
                    errors.Forbidden($"{field}.rollingUpdate", "may not be specified when strategy `type` is 'Recreate'");
                }

                break;
            case "RollingUpdate":
                var rolling = strategy.ObjectOrNew("rollingUpdate");
                NumberRules.CheckCountOrPercent(rolling["maxUnavailable"], $"{field}.rollingUpdate.maxUnavailable", errors);
                NumberRules.CheckCountOrPercent(rolling["maxSurge"], $"{field}.rollingUpdate.maxSurge", errors);
                if (NumberRules.IsNone(rolling["maxUnavailable"]) && NumberRules.IsNone(rolling["maxSurge"]))
                {
                    errors.Invalid($"{field}.rollingUpdate.maxUnavailable", rolling["maxUnavailable"], "may not be 0 when `maxSurge` is 0");
                }

                NumberRules.CheckAtMostAll(rolling["maxUnavailable"], $"{field}.rollingUpdate.maxUnavailable", errors);
                break;
            default:
                errors.NotSupported(field, strategy, "Recreate", "RollingUpdate");
                break;
        }
    }

    private static void CheckStatefulSetStrategy(JsonObject spec, FieldErrors errors)
    {
        const string field = "spec.updateStrategy";
        var strategy = spec.ObjectOrNew("updateStrategy");
        switch (strategy.Text("type"))
        {
            case null or "":
                errors.Required(field);
                break;
            case "OnDelete":
                if (strategy["rollingUpdate"] is { } given)
                {
                    errors.Invalid($"{field}.rollingUpdate", given, "only allowed for updateStrategy 'RollingUpdate'");
                }

                break;
            case "RollingUpdate":
                var rolling = strategy.Object("rollingUpdate") ?? [];
                NumberRules.CheckNotNegative(rolling, $"{field}.rollingUpdate", errors, "partition");
                NumberRules.CheckCountOrPercent(rolling["maxUnavailable"], $"{field}.rollingUpdate.maxUnavailable", errors);
                break;
            default:
                errors.Invalid(field, strategy, "must be 'RollingUpdate' or 'OnDelete'");
                break;
        }
    }

    /// <summary>What of a stateful set's spec never changes.</summary>
    private static JsonObject FixedPart(JsonObject spec)
    {
        var copy = (JsonObject)spec.DeepClone();
        foreach (var member in (string[])
            ["replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit", "persistentVolumeClaimRetentionPolicy", "minReadySeconds"])
        {
            copy.Remove(member);
        }

        return copy;
    }
}
