using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Validation;

/// <summary>The rules for pods, daemon sets and nodes.</summary>
internal static class WorkloadRules
{
    private const string PodImmutable =
        "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

    public static void CheckPod(JsonObject pod, JsonObject? old, FieldErrors errors)
    {
        var spec = pod.ObjectOrNew("spec");
        var before = old?.ObjectOrNew("spec");
        // a pod that was let in before a rule was there can still be written, as long as its spec stays
        if (before is not null && JsonNode.DeepEquals(spec, before))
        {
            return;
        }

        PodSpecRules.Check(spec, "spec", errors);
        if (before is not null)
        {
            CheckPodChange(spec, before, errors);
        }
        else if (spec.List("ephemeralContainers") is { Count: > 0 })
        {
            errors.Forbidden("spec.ephemeralContainers", "cannot be set on create");
        }
    }

    private static void CheckPodChange(JsonObject spec, JsonObject before, FieldErrors errors)
    {
        const string deadline = "spec.activeDeadlineSeconds";
        if (before.Number("activeDeadlineSeconds") is { } had)
        {
            if (spec.Number("activeDeadlineSeconds") is not { } wanted)
            {
                errors.Invalid(deadline, (JsonNode?)null, "must not update from a positive integer to nil value");
                return;
            }

            if (wanted > had)
            {
                errors.Invalid(deadline, wanted, "must be less than or equal to previous value");
                return;
            }
        }

        if (!JsonNode.DeepEquals(Fixed(spec, before), Fixed(before, before)))
        {
            errors.Forbidden("spec", PodImmutable);
        }

        if (LostToleration(before, spec))
        {
            errors.Forbidden("spec.tolerations", "existing toleration can not be modified except its tolerationSeconds");
        }
    }

    public static void CheckDaemonSet(JsonObject daemonSet, JsonObject? old, FieldErrors errors)
    {
        var spec = daemonSet.ObjectOrNew("spec");
        var selector = spec.Object("selector");
        SelectorRules.Check(selector ?? [], "spec.selector", errors);
        TemplateRules.CheckMatches(spec.ObjectOrNew("template"), selector, errors);
        if (selector is not null && SelectorRules.IsEmpty(selector))
        {
            errors.Invalid("spec.selector", selector, "empty selector is invalid for daemonset");
        }

        TemplateRules.Check(spec.ObjectOrNew("template"), "spec.template", errors);
        var podSpec = spec.ObjectOrNew("template").ObjectOrNew("spec");
        if (podSpec.Text("restartPolicy") is { } policy && policy != "Always")
        {
            errors.NotSupported("spec.template.spec.restartPolicy", policy, "Always");
        }

        if (podSpec["activeDeadlineSeconds"] is not null)
        {
            errors.Forbidden("spec.template.spec.activeDeadlineSeconds", "activeDeadlineSeconds in DaemonSet is not Supported");
        }

        NumberRules.CheckNotNegative(spec, "spec", errors, "minReadySeconds");
        CheckStrategy(spec.ObjectOrNew("updateStrategy"), errors);
        NumberRules.CheckNotNegative(spec, "spec", errors, "revisionHistoryLimit");
        SelectorRules.CheckUnchanged(spec, old, errors);
    }

    public static void CheckNode(JsonObject node, JsonObject? old, FieldErrors errors)
    {
        TolerationRules.CheckTaints(node.ObjectOrNew("spec"), errors);
        var spec = node.ObjectOrNew("spec");
        if (old?.ObjectOrNew("spec").Text("providerID") is { Length: > 0 } provider && spec.Text("providerID") != provider)
        {
            errors.Forbidden("spec.providerID", "node updates may not change providerID except from \"\" to valid");
        }

        if (old?.ObjectOrNew("spec").Text("podCIDR") is { Length: > 0 } range && spec.Text("podCIDR") != range)
        {
            errors.Forbidden("spec.podCIDR", "node updates may not change podCIDR except from \"\" to valid");
        }
    }

    private static void CheckStrategy(JsonObject strategy, FieldErrors errors)
    {
        const string field = "spec.updateStrategy";
        if (strategy.Text("type") is not ("RollingUpdate" or "OnDelete"))
        {
            errors.NotSupported(field, strategy, "OnDelete", "RollingUpdate");
            return;
        }

        if (strategy.Text("type") != "RollingUpdate")
        {
            return;
        }

        if (strategy.Object("rollingUpdate") is not { } rolling)
        {
            errors.Required($"{field}.rollingUpdate");
            return;
        }

        string unavailable = $"{field}.rollingUpdate.maxUnavailable", surge = $"{field}.rollingUpdate.maxSurge";
        NumberRules.CheckCountOrPercent(rolling["maxUnavailable"], unavailable, errors);
        NumberRules.CheckCountOrPercent(rolling["maxSurge"], surge, errors);
        NumberRules.CheckAtMostAll(rolling["maxUnavailable"], unavailable, errors);
        NumberRules.CheckAtMostAll(rolling["maxSurge"], surge, errors);
        switch (NumberRules.IsNone(rolling["maxUnavailable"]), NumberRules.IsNone(rolling["maxSurge"]))
        {
            case (false, false):
                errors.Invalid(surge, rolling["maxSurge"], "may not be set when maxUnavailable is non-zero");
                break;
            case (true, true):
                errors.Required(unavailable, "cannot be 0 when maxSurge is 0");
                break;
        }
    }

    /// <summary>A pod's spec without what may change; how it was before says whether the grace and the gates may.</summary>
    private static JsonObject Fixed(JsonObject spec, JsonObject before)
    {
        var copy = (JsonObject)spec.DeepClone();
        foreach (var container in copy.Objects("containers").Concat(copy.Objects("initContainers")))
        {
            container.Remove("image");
        }

        copy.Remove("activeDeadlineSeconds");
        copy.Remove("tolerations");
        if (before.Number("terminationGracePeriodSeconds") is < 0 && copy.Number("terminationGracePeriodSeconds") is 1 or < 0)
        {
            copy.Remove("terminationGracePeriodSeconds");
        }

        // gates are opened one by one; a pod without any does not get new ones
        if (before.List("schedulingGates") is { Count: > 0 } gates
            && (copy.List("schedulingGates") ?? []).All(g => gates.Any(h => JsonNode.DeepEquals(g, h))))
        {
            copy.Remove("schedulingGates");
            if (string.IsNullOrEmpty(before.Text("nodeName")))
            {
                copy.Remove("nodeSelector");
            }
        }

        return copy;
    }

    private static bool LostToleration(JsonObject old, JsonObject next)
    {
        static string Key(JsonObject t) => $"{t.Text("key")}\n{t.Text("operator")}\n{t.Text("value")}\n{t.Text("effect")}";
        var present = next.Objects("tolerations").Select(Key).ToHashSet();
        return old.Objects("tolerations").Any(t => !present.Contains(Key(t)));
    }
}
