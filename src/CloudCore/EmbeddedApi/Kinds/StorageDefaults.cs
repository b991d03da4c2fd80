using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Kinds;

/// <summary>The defaults of volumes, claims and what describes storage.</summary>
internal static class StorageDefaults
{
    private const string DefaultClass = "storageclass.kubernetes.io/is-default-class";
    private const string ClassesResource = "storageclasses.storage.k8s.io";

    public static void Claim(JsonObject claim)
    {
        claim.ObjectOrNew("spec").SetDefault("volumeMode", "Filesystem");
        claim.ObjectOrNew("status").SetDefault("phase", "Pending");
    }

    public static void Volume(JsonObject volume)
    {
        var spec = volume.ObjectOrNew("spec");
        spec.SetDefault("persistentVolumeReclaimPolicy", "Retain");
        spec.SetDefault("volumeMode", "Filesystem");
        spec.Object("hostPath")?.SetDefault("type", "");
        volume.ObjectOrNew("status").SetDefault("phase", "Pending");
    }

    /// <summary>A claim that names no class gets the default one; an empty name asks for none.</summary>
    public static void ClassOfClaim(JsonObject claim, JsonObject? old, AdmissionView request)
    {
        var spec = claim.ObjectOrNew("spec");
        if (old is not null || spec["storageClassName"] is not null
            || claim.ObjectOrNew("metadata").Object("annotations")?.ContainsKey("volume.beta.kubernetes.io/storage-class") == true)
        {
            return;
        }

        // the newest one, where several say that they are it
        var chosen = request.State.Of(ClassesResource).Values.Select(stored => stored.Parse().Object("metadata")!)
            .Where(metadata => metadata.Object("annotations")?.Text(DefaultClass) == "true")
            .OrderByDescending(metadata => metadata.Text("creationTimestamp"), StringComparer.Ordinal)
            .ThenBy(metadata => metadata.Text("name"), StringComparer.Ordinal)
            .FirstOrDefault();
        if (chosen is not null)
        {
            spec["storageClassName"] = chosen.Text("name");
        }
    }

    public static void Class(JsonObject storageClass)
    {
        storageClass.SetDefault("reclaimPolicy", "Delete");
        storageClass.SetDefault("volumeBindingMode", "Immediate");
    }

    public static void Driver(JsonObject driver)
    {
        var spec = driver.ObjectOrNew("spec");
        if (spec["attachRequired"] is null)
        {
            spec["attachRequired"] = true;
        }

        foreach (var member in (string[])["podInfoOnMount", "storageCapacity", "requiresRepublish", "seLinuxMount"])
        {
            spec[member] ??= false;
        }

        spec.SetDefault("fsGroupPolicy", "ReadWriteOnceWithFSType");
        if (spec.List("volumeLifecycleModes") is null or { Count: 0 })
        {
            spec["volumeLifecycleModes"] = new JsonArray("Persistent");
        }
    }
}
