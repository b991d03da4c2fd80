using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Validation;

/// <summary>The rules for volumes, claims and storage classes, in Kubernetes' order.</summary>
internal static class StorageRules
{
    private static readonly string[] s_accessModes = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
    private static readonly string[] s_volumeModes = ["Block", "Filesystem"];
    private static readonly string[] s_reclaimPolicies = ["Delete", "Recycle", "Retain"];

    // members of a volume's spec that are not where it is stored
    private static readonly string[] s_notSources =
    [
        "capacity", "accessModes", "claimRef", "persistentVolumeReclaimPolicy", "storageClassName", "mountOptions", "volumeMode",
        "nodeAffinity", "volumeAttributesClassName",
    ];

    public static void CheckClaim(JsonObject claim, JsonObject? old, FieldErrors errors)
    {
        var spec = claim.ObjectOrNew("spec");
        CheckAccessModes(spec, "at least 1 access mode is required", errors);
        if (spec.Object("selector") is { } selector)
        {
            SelectorRules.Check(selector, "spec.selector", errors);
        }

        CheckStorage(spec.Object("resources")?.Object("requests"), "spec.resources", errors);
        if (spec.Text("storageClassName") is { Length: > 0 } name && NameRules.Subdomain(name) is { } why)
        {
            errors.Invalid("spec.storageClassName", name, why);
        }

        PodSpecRules.CheckOneOf(spec, "volumeMode", s_volumeModes, "spec", errors);
        if (old is not null)
        {
            CheckClaimChange(spec, old, errors);
        }
    }

    public static void CheckVolume(JsonObject volume, JsonObject? old, FieldErrors errors)
    {
        var spec = volume.ObjectOrNew("spec");
        CheckAccessModes(spec, "", errors);
        var capacity = spec.Object("capacity") ?? [];
        if (capacity.Count == 0)
        {
            errors.Required("spec.capacity");
        }

        if (capacity.Count != 1 || !capacity.ContainsKey("storage"))
        {
            errors.NotSupported("spec.capacity", capacity, "storage");
        }

        if (capacity["storage"] is not null)
        {
            CheckStorage(capacity, "spec.capacity", errors);
        }

        PodSpecRules.CheckOneOf(spec, "persistentVolumeReclaimPolicy", s_reclaimPolicies, "spec", errors);
        var sources = SourceOf(spec);
        if (sources.Count == 0)
        {
            errors.Required("spec", "must specify a volume type");
        }

        foreach (var (extra, _) in sources.Skip(1))
        {
            errors.Forbidden($"spec.{extra}", "may not specify more than 1 volume type");
        }

        if (spec.Object("hostPath") is { } host && string.IsNullOrEmpty(host.Text("path")))
        {
            errors.Required("spec.hostPath.path");
        }

        PodSpecRules.CheckOneOf(spec, "volumeMode", s_volumeModes, "spec", errors);
        if (old?.Object("spec") is not { } before)
        {
            return;
        }

        if (!JsonNode.DeepEquals(sources, SourceOf(before)))
        {
            errors.Forbidden("spec.persistentvolumesource", "spec.persistentvolumesource is immutable after creation");
        }

        if (spec.Text("volumeMode") != before.Text("volumeMode"))
        {
            errors.Invalid("volumeMode", spec.Text("volumeMode") ?? "", NumberRules.Immutable);
        }
    }

    public static void CheckClass(JsonObject storageClass, JsonObject? old, FieldErrors errors)
    {
        if (storageClass.Text("provisioner") is not { Length: > 0 } provisioner)
        {
            errors.Required("provisioner");
        }
        else if (NameRules.QualifiedName(provisioner.ToLowerInvariant()) is { } why)
        {
            errors.Invalid("provisioner", provisioner, why);
        }

        if (storageClass.Text("reclaimPolicy") is { } policy && policy is not ("Delete" or "Retain"))
        {
            errors.NotSupported("reclaimPolicy", policy, "Delete", "Retain");
        }

        if (storageClass.Text("volumeBindingMode") is { } mode && mode is not ("Immediate" or "WaitForFirstConsumer"))
        {
            errors.NotSupported("volumeBindingMode", mode, "Immediate", "WaitForFirstConsumer");
        }

        if (old is null)
        {
            return;
        }

        foreach (var member in (string[])["parameters", "provisioner", "reclaimPolicy"])
        {
            if (!JsonNode.DeepEquals(storageClass[member], old[member]))
            {
                errors.Forbidden(member, $"updates to {member} are forbidden.");
            }
        }

        if (storageClass.Text("volumeBindingMode") != old.Text("volumeBindingMode"))
        {
            errors.Invalid("volumeBindingMode", storageClass.Text("volumeBindingMode") ?? "", NumberRules.Immutable);
        }
    }

    private static void CheckAccessModes(JsonObject spec, string required, FieldErrors errors)
    {
        var modes = (spec.List("accessModes") ?? []).Select(m => m.AsText() ?? "").ToList();
        if (modes.Count == 0)
        {
            errors.Required("spec.accessModes", required);
        }

        foreach (var mode in modes.Where(m => !s_accessModes.Contains(m)))
        {
            errors.NotSupported("spec.accessModes", mode, s_accessModes);
        }

        if (modes.Contains("ReadWriteOncePod") && modes.Count > 1)
        {
            errors.Forbidden("spec.accessModes", "may not use ReadWriteOncePod with other access modes");
        }
    }

    private static void CheckStorage(JsonObject? amounts, string field, FieldErrors errors)
    {
        field = $"{field}[storage]";
        if (amounts?.Text("storage") is not { } text)
        {
            errors.Required(field);
        }
        else if (QuantityRules.Parse(text) is not > 0)
        {
            errors.Invalid(field, text, "must be greater than zero");
        }
    }

    /// <summary>A bound claim may ask for more room; everything else stays, but what the binder fills in once.</summary>
    private static void CheckClaimChange(JsonObject spec, JsonObject old, FieldErrors errors)
    {
        var before = old.ObjectOrNew("spec");
        var wanted = (JsonObject)spec.DeepClone();
        var had = (JsonObject)before.DeepClone();
        if (string.IsNullOrEmpty(had.Text("volumeName")))
        {
            wanted.Remove("volumeName");
            had.Remove("volumeName");
        }

        if (had["storageClassName"] is null)
        {
            wanted.Remove("storageClassName");
        }

        var isBound = old.Object("status")?.Text("phase") == "Bound";
        if (isBound)
        {
            wanted.Object("resources")?.Object("requests")?.Remove("storage");
            had.Object("resources")?.Object("requests")?.Remove("storage");
            wanted.Remove("volumeAttributesClassName");
            had.Remove("volumeAttributesClassName");
        }

        if (!JsonNode.DeepEquals(wanted, had))
        {
            errors.Forbidden("spec", "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims");
            return;
        }

        var size = spec.Object("resources")?.Object("requests")?.Text("storage");
        var granted = old.Object("status")?.Object("capacity")?.Text("storage");
        var asked = before.Object("resources")?.Object("requests")?.Text("storage");
        if (isBound && QuantityRules.Parse(size ?? "") < QuantityRules.Parse(asked ?? "")
            && QuantityRules.Parse(size ?? "") <= QuantityRules.Parse(granted ?? ""))
        {
            errors.Forbidden("spec.resources.requests.storage", "field can not be less than status.capacity");
        }
    }

    private static JsonObject SourceOf(JsonObject spec)
    {
        var sources = new JsonObject();
        foreach (var (name, value) in spec)
        {
            if (!s_notSources.Contains(name) && value is JsonObject)
            {
                sources[name] = value.DeepClone();
            }
        }

        return sources;
    }
}
