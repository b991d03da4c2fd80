using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Validation;

/// <summary>The pod template of a workload.</summary>
internal static class TemplateRules
{
    private const string Field = "spec.template";

    /// <summary>
    /// A template of a workload that keeps its pods going. A selector that is missing (null) selects nothing, so the labels do
    /// not match it.
    /// </summary>
    /// <param name="spec">The workload's spec.</param>
    /// <param name="selector">A label selector.</param>
    /// <param name="kind">The kind that errors name.</param>
    /// <param name="errors">Where errors go.</param>
    public static void CheckSelected(JsonObject spec, JsonObject? selector, string kind, FieldErrors errors)
    {
        var template = spec.ObjectOrNew("template");
        CheckMatches(template, selector, errors);
        // a StatefulSet's claims are volumes of its pods
        Check(template, Field, errors, spec.Objects("volumeClaimTemplates").Select(claim => claim.Object("metadata")?.Text("name")).OfType<string>());
        var podSpec = template.ObjectOrNew("spec");
        if (podSpec.Text("restartPolicy") is { } policy && policy != "Always")
        {
            errors.NotSupported($"{Field}.spec.restartPolicy", policy, "Always");
        }

        if (podSpec["activeDeadlineSeconds"] is not null)
        {
            errors.Forbidden($"{Field}.spec.activeDeadlineSeconds", $"activeDeadlineSeconds in {kind} is not Supported");
        }
    }

    /// <summary>The labels must be such that the workload finds its own pods; an empty selector is told elsewhere.</summary>
    public static void CheckMatches(JsonObject template, JsonObject? selector, FieldErrors errors)
    {
        if (selector is not null && SelectorRules.IsEmpty(selector))
        {
            return;
        }

        var labels = template.Object("metadata")?.Object("labels");
        if (selector is null || !SelectorRules.Matches(selector, labels))
        {
            errors.Invalid($"{Field}.metadata.labels", labels, "`selector` does not match template `labels`");
        }
    }

    /// <summary>Labels, annotations and spec of a template.</summary>
    public static void Check(JsonObject template, string field, FieldErrors errors, IEnumerable<string>? volumes = null)
    {
        var metadata = template.Object("metadata") ?? [];
        ObjectMetaRules.CheckLabels(metadata.Object("labels"), $"{field}.metadata.labels", errors);
        ObjectMetaRules.CheckAnnotations(metadata.Object("annotations"), $"{field}.metadata.annotations", errors);
        PodSpecRules.Check(template.ObjectOrNew("spec"), $"{field}.spec", errors, volumes);
        if (template.Object("spec")?.List("ephemeralContainers") is { Count: > 0 })
        {
            errors.Forbidden($"{field}.spec.ephemeralContainers", "ephemeral containers not allowed in pod template");
        }
    }

    public static void CheckPodTemplate(JsonObject podTemplate, JsonObject? old, FieldErrors errors) =>
        Check(podTemplate.ObjectOrNew("template"), "template", errors);
}
