using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Kinds;

/// <summary>The defaults that Kubernetes writes into the workloads that keep a number of pods.</summary>
internal static class AppsDefaults
{
    public static void Deployment(JsonObject deployment)
    {
        var spec = deployment.ObjectOrNew("spec");
        spec.SetDefault("replicas", 1);
        var strategy = spec.ObjectOrNew("strategy");
        strategy.SetDefault("type", "RollingUpdate");
        if (strategy.Text("type") == "RollingUpdate")
        {
            var rolling = strategy.ObjectOrNew("rollingUpdate");
            rolling.SetDefault("maxUnavailable", "25%");
            rolling.SetDefault("maxSurge", "25%");
        }

        spec.SetDefault("revisionHistoryLimit", 10);
        spec.SetDefault("progressDeadlineSeconds", 600);
        PodTemplate(spec);
    }

    public static void ReplicaSet(JsonObject replicaSet)
    {
        var spec = replicaSet.ObjectOrNew("spec");
        spec.SetDefault("replicas", 1);
        PodTemplate(spec);
    }

    /// <summary>Where the selector and the labels are missing they are the template's.</summary>
    public static void ReplicationController(JsonObject controller)
    {
        var spec = controller.ObjectOrNew("spec");
        spec.SetDefault("replicas", 1);
        if (spec["template"] is not JsonObject)
        {
            return;
        }

        PodTemplate(spec);
        if (spec.Object("template")!.Object("metadata")?.Object("labels") is not { Count: > 0 } labels)
        {
            return;
        }

        if (spec.Object("selector") is null or { Count: 0 })
        {
            spec["selector"] = labels.DeepClone();
        }

        var metadata = controller.ObjectOrNew("metadata");
        if (metadata.Object("labels") is null or { Count: 0 })
        {
            metadata["labels"] = labels.DeepClone();
        }
    }

    public static void StatefulSet(JsonObject statefulSet)
    {
        var spec = statefulSet.ObjectOrNew("spec");
        spec.SetDefault("replicas", 1);
        spec.SetDefault("podManagementPolicy", "OrderedReady");
        var strategy = spec.ObjectOrNew("updateStrategy");
        strategy.SetDefault("type", "RollingUpdate");
        if (strategy.Text("type") == "RollingUpdate")
        {
            strategy.ObjectOrNew("rollingUpdate").SetDefault("partition", 0);
        }

        spec.SetDefault("revisionHistoryLimit", 10);
        var retention = spec.ObjectOrNew("persistentVolumeClaimRetentionPolicy");
        retention.SetDefault("whenDeleted", "Retain");
        retention.SetDefault("whenScaled", "Retain");
        PodTemplate(spec);
        foreach (var claim in spec.Objects("volumeClaimTemplates"))
        {
            claim["kind"] = "PersistentVolumeClaim";
            claim["apiVersion"] = "v1";
            claim.ObjectOrNew("metadata")["creationTimestamp"] = null;
            StorageDefaults.Claim(claim);
        }
    }

    public static void PodTemplateObject(JsonObject template) => PodTemplate(template);

    /// <summary>The member <c>template</c> of a workload's spec.</summary>
    public static void PodTemplate(JsonObject owner)
    {
        var template = owner.ObjectOrNew("template");

        // Go's encoder writes the zero time of a template as null; clients compare against that
        template.ObjectOrNew("metadata")["creationTimestamp"] = null;
        PodDefaults.ApplyToSpec(template.ObjectOrNew("spec"));
    }

    /// <summary>Readers count on the number, though no controller has looked yet.</summary>
    public static void NoReplicas(JsonObject workload) => workload["status"] = new JsonObject { ["replicas"] = 0 };

    public static void NewStatefulSet(JsonObject statefulSet) =>
        statefulSet["status"] = new JsonObject { ["replicas"] = 0, ["availableReplicas"] = 0 };

    public static void EmptyStatus(JsonObject workload) => workload["status"] = new JsonObject();
}
