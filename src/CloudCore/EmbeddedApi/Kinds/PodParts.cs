using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Validation;

namespace EdgeSync.CloudCore.EmbeddedApi.Kinds;

/// <summary>The parts of a pod's spec that have subresources of their own, since a running pod's spec is else fixed.</summary>
internal static class PodParts
{
    private const string Ephemeral = "ephemeralContainers";

    public static readonly IReadOnlyDictionary<string, SubresourceWrite> Writes = new Dictionary<string, SubresourceWrite>
    {
        ["ephemeralcontainers"] = new(TakeEphemeral, CheckEphemeral, ResourceVerbNames.Write),
        ["resize"] = new(TakeResources, CheckResources, ResourceVerbNames.Write),
    };

    private static void TakeEphemeral(JsonObject pod, JsonObject wanted) =>
        pod.ObjectOrNew("spec").SetOrRemove(Ephemeral, wanted.Object("spec")?[Ephemeral]?.DeepClone());

    /// <summary>They can be added and nothing else: what has been started in a pod stays known.</summary>
    private static void CheckEphemeral(JsonObject pod, JsonObject? old, FieldErrors errors)
    {
        var spec = pod.ObjectOrNew("spec");
        PodSpecRules.Check(spec, "spec", errors);
        var present = spec.Objects(Ephemeral).DistinctBy(c => c.Text("name")).ToDictionary(c => c.Text("name") ?? "");
        var index = 0;
        foreach (var before in old!.ObjectOrNew("spec").Objects(Ephemeral))
        {
            var name = before.Text("name") ?? "";
            if (!present.TryGetValue(name, out var now))
            {
                errors.Forbidden($"spec.{Ephemeral}", $"existing ephemeral containers \"{name}\" may not be removed\n");
            }
            else if (!JsonNode.DeepEquals(now, before))
            {
                errors.Forbidden(
                    FormattableString.Invariant($"spec.{Ephemeral}[{index}]"), $"existing ephemeral containers \"{name}\" may not be changed\n");
            }

            index++;
        }
    }

    private static void TakeResources(JsonObject pod, JsonObject wanted)
    {
        foreach (var list in (string[])["containers", "initContainers"])
        {
            foreach (var container in pod.ObjectOrNew("spec").Objects(list))
            {
                var other = wanted.Object("spec")?.Objects(list).FirstOrDefault(c => c.Text("name") == container.Text("name"));
                if (other is null)
                {
                    continue;
                }

                container.SetOrRemove("resources", other["resources"]?.DeepClone());
                container.SetOrRemove("resizePolicy", other["resizePolicy"]?.DeepClone());
            }
        }
    }

    /// <summary>Processor and memory may be given and taken while a pod runs; its class of service may not change by it.</summary>
    private static void CheckResources(JsonObject pod, JsonObject? old, FieldErrors errors)
    {
        var spec = pod.ObjectOrNew("spec");
        var before = old!.ObjectOrNew("spec");
        PodSpecRules.Check(spec, "spec", errors);
        if (QualityOfService.Of(spec) != QualityOfService.Of(before))
        {
            errors.Invalid("spec", QualityOfService.Of(spec), "Pod QOS Class may not change as a result of resizing");
        }

        foreach (var (container, had) in spec.Objects("containers").Zip(before.Objects("containers")))
        {
            if (!JsonNode.DeepEquals(OtherThanComputing(container), OtherThanComputing(had)))
            {
                errors.Forbidden("spec", "only cpu and memory resources are mutable");
                return;
            }
        }
    }

    private static JsonObject OtherThanComputing(JsonObject container)
    {
        var rest = (JsonObject)(container.Object("resources")?.DeepClone() ?? new JsonObject());
        foreach (var list in (string[])["limits", "requests"])
        {
            rest.Object(list)?.Remove("cpu");
            rest.Object(list)?.Remove("memory");
            if (rest.Object(list) is { Count: 0 })
            {
                rest.Remove(list);
            }
        }

        return rest;
    }
}
