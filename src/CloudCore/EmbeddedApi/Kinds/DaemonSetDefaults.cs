using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Kinds;

/// <summary>The defaults that Kubernetes writes into apps/v1 DaemonSets.</summary>
internal static class DaemonSetDefaults
{
    private const string TemplateGeneration = "deprecated.daemonset.template.generation";
    private const string Unknown = "0";

    public static void Apply(JsonObject daemonSet)
    {
        var spec = daemonSet.ObjectOrNew("spec");
        spec.SetDefault("revisionHistoryLimit", 10);
        var strategy = spec.ObjectOrNew("updateStrategy");
        strategy.SetDefault("type", "RollingUpdate");
        if (strategy.Text("type") == "RollingUpdate")
        {
            var rolling = strategy.ObjectOrNew("rollingUpdate");
            rolling.SetDefault("maxUnavailable", 1);
            rolling.SetDefault("maxSurge", 0);
        }

        // set before the fields' owners are told, since Kubernetes counts it as its writer's; the true number follows after that
        daemonSet.ObjectOrNew("metadata").ObjectOrNew("annotations").SetDefault(TemplateGeneration, Unknown);

        var template = spec.ObjectOrNew("template");

        // Go's encoder writes the zero time of a template as null; clients compare against that
        template.ObjectOrNew("metadata")["creationTimestamp"] = null;
        PodDefaults.ApplyToSpec(template.ObjectOrNew("spec"));
    }

    /// <summary>Clients read the counters without asking whether they are there.</summary>
    public static void PrepareCreate(JsonObject daemonSet)
    {
        var annotations = daemonSet.ObjectOrNew("metadata").ObjectOrNew("annotations");
        if (annotations.Text(TemplateGeneration) == Unknown)
        {
            annotations[TemplateGeneration] = "1";
        }

        daemonSet["status"] = new JsonObject
        {
            ["currentNumberScheduled"] = 0,
            ["numberMisscheduled"] = 0,
            ["desiredNumberScheduled"] = 0,
            ["numberReady"] = 0,
        };
    }

    /// <summary>Old clients count the template's versions by this annotation.</summary>
    public static void PrepareUpdate(JsonObject daemonSet, JsonObject old)
    {
        var present = old.ObjectOrNew("metadata").Object("annotations")?.Text(TemplateGeneration);
        if (!long.TryParse(present, out var generation))
        {
            generation = 1;
        }

        if (!JsonNode.DeepEquals(daemonSet.ObjectOrNew("spec")["template"], old.ObjectOrNew("spec")["template"]))
        {
            generation++;
        }

        daemonSet.ObjectOrNew("metadata").ObjectOrNew("annotations")[TemplateGeneration] =
            generation.ToString(System.Globalization.CultureInfo.InvariantCulture);
    }
}
