using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Validation;

/// <summary>The rules for metadata that hold for every kind.</summary>
internal static class ObjectMetaRules
{
    private const long MostAnnotationBytes = 256 * 1024;

    public static void Check(ResourceDescriptor resource, JsonObject node, JsonObject? old, FieldErrors errors)
    {
        var metadata = node.Object("metadata")!;
        CheckName(resource, metadata, errors);
        CheckLabels(metadata.Object("labels"), "metadata.labels", errors);
        CheckAnnotations(metadata.Object("annotations"), errors);
        CheckOwners(metadata, errors);
        CheckFinalizers(metadata, old?.Object("metadata"), errors);
    }

    /// <summary>Keys and values of a label map.</summary>
    public static void CheckLabels(JsonObject? labels, string field, FieldErrors errors)
    {
        foreach (var (key, value) in labels ?? [])
        {
            if (NameRules.QualifiedName(key) is { } why)
            {
                errors.Invalid(field, key, why);
            }

            if (NameRules.LabelValue(value.AsText() ?? "") is { } wrong)
            {
                errors.Invalid(field, value.AsText() ?? "", wrong);
            }
        }
    }

    private static void CheckName(ResourceDescriptor resource, JsonObject metadata, FieldErrors errors)
    {
        var name = metadata.Text("name") ?? "";
        if (name.Length == 0)
        {
            errors.Required("metadata.name", "name or generateName is required");
            return;
        }

        var why = resource.NameRule switch
        {
            NameRule.Label => NameRules.Label(name),
            NameRule.PathSegment => NameRules.PathSegment(name),
            _ => NameRules.Subdomain(name),
        };
        if (why is not null)
        {
            errors.Invalid("metadata.name", name, why);
        }
    }

    private static void CheckAnnotations(JsonObject? annotations, FieldErrors errors)
    {
        var total = 0L;
        foreach (var (key, value) in annotations ?? [])
        {
            if (NameRules.QualifiedName(key.ToLowerInvariant()) is { } why)
            {
                errors.Invalid("metadata.annotations", key, why);
            }

            total += key.Length + System.Text.Encoding.UTF8.GetByteCount(value.AsText() ?? "");
        }

        if (total > MostAnnotationBytes)
        {
            errors.TooLong("metadata.annotations", MostAnnotationBytes);
        }
    }

    private static void CheckOwners(JsonObject metadata, FieldErrors errors)
    {
        var index = 0;
        var controllers = 0;
        foreach (var owner in metadata.Objects("ownerReferences"))
        {
            var field = FormattableString.Invariant($"metadata.ownerReferences[{index++}]");
            foreach (var member in (string[])["apiVersion", "kind", "name", "uid"])
            {
                if (owner.Text(member) is null or "")
                {
                    errors.Invalid($"{field}.{member}", "", $"{(member == "apiVersion" ? "version" : member)} must not be empty");
                }
            }

            controllers += owner.IsTrue("controller") ? 1 : 0;
        }

        if (controllers > 1)
        {
            errors.Invalid("metadata.ownerReferences", "", "Only one reference can have Controller set to true");
        }
    }

    private static void CheckFinalizers(JsonObject metadata, JsonObject? old, FieldErrors errors)
    {
        var names = (metadata.List("finalizers") ?? []).Select(f => f.AsText() ?? "").ToList();
        foreach (var name in names)
        {
            if (NameRules.QualifiedName(name) is { } why)
            {
                errors.Invalid("metadata.finalizers", name, why);
            }
        }

        if (old?["deletionTimestamp"] is null)
        {
            return;
        }

        var before = (old.List("finalizers") ?? []).Select(f => f.AsText() ?? "").ToHashSet();
        if (names.Any(n => !before.Contains(n)))
        {
            errors.Forbidden(
                "metadata.finalizers", "no new finalizers can be added if the object is being deleted");
        }
    }
}
