using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.CustomResources.Definitions;

/// <summary>What the server itself writes into a CustomResourceDefinition.</summary>
internal static class DefinitionDefaults
{
    /// <summary>Holds a definition back until its objects are gone.</summary>
    public const string CleanupFinalizer = "customresourcecleanup.apiextensions.k8s.io";

    public static void Apply(JsonObject definition)
    {
        var spec = definition.ObjectOrNew("spec");
        var names = spec.ObjectOrNew("names");
        var kind = names.Text("kind") ?? "";
        if (names.Text("singular") is null or "" && kind.Length > 0)
        {
            names["singular"] = kind.ToLowerInvariant();
        }

        if (names.Text("listKind") is null or "" && kind.Length > 0)
        {
            names["listKind"] = kind + "List";
        }

        if (spec["conversion"] is null)
        {
            spec["conversion"] = new JsonObject { ["strategy"] = "None" };
        }
    }

    /// <summary>A new definition has no accepted names yet; its storage version is one that objects may be stored in.</summary>
    public static void PrepareCreate(JsonObject definition) => definition["status"] = new JsonObject
    {
        ["acceptedNames"] = new JsonObject { ["plural"] = "", ["kind"] = "" },
        ["storedVersions"] = StorageVersion(definition) is { } version ? new JsonArray(version) : new JsonArray(),
    };

    public static void PrepareUpdate(JsonObject definition, JsonObject old)
    {
        var status = definition.ObjectOrNew("status");
        var stored = status.List("storedVersions");
        if (StorageVersion(definition) is not { } version || stored?.Any(v => v.AsText() == version) == true)
        {
            return;
        }

        if (stored is null)
        {
            status["storedVersions"] = stored = [];
        }

        stored.Add((JsonNode)version);
    }

    /// <summary>Whether something beside finalizers holds the definition: the first delete only marks it.</summary>
    public static bool IsHeld(JsonObject definition) => definition.Object("metadata")?["deletionTimestamp"] is null;

    /// <summary>
    /// As Kubernetes' registry of definitions does it by itself: a deletion has its time only, no grace and no new generation, and what is to
    /// become of dependents does not matter, since the definition's objects go first in any case.
    /// </summary>
    public static void DeletionBegins(JsonObject definition, string now)
    {
        var metadata = definition.ObjectOrNew("metadata");
        DefinitionConditions.Set(
            definition, DefinitionConditions.Terminating, true, "InstanceDeletionPending",
            "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon", now);
        if (metadata.List("finalizers") is not { } finalizers)
        {
            metadata["finalizers"] = finalizers = [];
        }

        if (finalizers.All(f => f.AsText() != CleanupFinalizer))
        {
            finalizers.Add((JsonNode)CleanupFinalizer);
        }
    }

    private static string? StorageVersion(JsonObject definition) =>
        definition.ObjectOrNew("spec").Objects("versions").FirstOrDefault(v => v.IsTrue("storage"))?.Text("name");
}
