using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Validation;

/// <summary>The rules for metadata that hold for every kind.</summary>
internal static class ObjectMetaRules
{
    private const long MostAnnotationBytes = 256 * 1024;
    private static readonly string[] s_standardFinalizers = ["orphan", "foregroundDeletion", "kubernetes"];

    public static void Check(ResourceDescriptor resource, JsonObject node, JsonObject? old, FieldErrors errors)
    {
        var metadata = node.Object("metadata")!;
        if (old is null && metadata.Text("generateName") is { Length: > 0 } prefix && NameProblem(resource, MaskDash(prefix)) is { } wrong)
        {
            errors.Invalid("metadata.generateName", prefix, wrong);
        }

        CheckName(resource, metadata, errors);
        if (metadata.Number("generation") is < 0 and var generation)
        {
            errors.Invalid("metadata.generation", generation, "must be greater than or equal to 0");
        }

        CheckLabels(metadata.Object("labels"), "metadata.labels", errors);
        CheckAnnotations(metadata.Object("annotations"), "metadata.annotations", errors);
        CheckOwners(metadata, errors);
        CheckFinalizers(metadata, old?.Object("metadata"), errors);
    }

    /// <summary>Keys and values of a label map.</summary>
    public static void CheckLabels(JsonObject? labels, string field, FieldErrors errors)
    {
        foreach (var (key, value) in labels ?? [])
        {
            errors.Invalid(field, key, NameRules.QualifiedNameProblems(key));

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

        if (NameProblem(resource, name) is { } why)
        {
            errors.Invalid("metadata.name", name, why);
        }
    }

    private static string? NameProblem(ResourceDescriptor resource, string name) => resource.NameRule switch
    {
        NameRule.Label => NameRules.Label(name),
        NameRule.ServiceLabel => NameRules.ServiceLabel(name),
        NameRule.PathSegment => NameRules.PathSegment(name),
        _ => NameRules.Subdomain(name),
    };

    /// <summary>What a name begins with may end with a dash, since something follows.</summary>
    private static string MaskDash(string prefix) => prefix.Length > 1 && prefix[^1] == '-' ? prefix[..^2] + "a" : prefix;

    /// <summary>Keys of an annotation map, and the size of the whole.</summary>
    public static void CheckAnnotations(JsonObject? annotations, string field, FieldErrors errors)
    {
        var total = 0L;
        foreach (var (key, value) in annotations ?? [])
        {
            errors.Invalid(field, key, NameRules.QualifiedNameProblems(key.ToLowerInvariant()));

            total += key.Length + System.Text.Encoding.UTF8.GetByteCount(value.AsText() ?? "");
        }

        if (total > MostAnnotationBytes)
        {
            errors.TooLong(field, MostAnnotationBytes);
        }
    }

    private static void CheckOwners(JsonObject metadata, FieldErrors errors)
    {
        const string field = "metadata.ownerReferences";
        string? controller = null;
        foreach (var owner in metadata.Objects("ownerReferences"))
        {
            foreach (var member in (string[])["apiVersion", "kind", "name", "uid"])
            {
                if (owner.Text(member) is null or "" || (member == "apiVersion" && !HasVersion(owner.Text(member)!)))
                {
                    errors.Invalid($"{field}.{member}", owner.Text(member) ?? "", $"{(member == "apiVersion" ? "version" : member)} must not be empty");
                }
            }

            if (owner.Text("kind") == "Event" && owner.Text("apiVersion") is "v1" or "events.k8s.io/v1")
            {
                var version = owner.Text("apiVersion") == "v1" ? "/v1" : owner.Text("apiVersion");
                errors.Invalid(field, owner, $"{version}, Kind=Event is disallowed from being an owner");
            }

            if (!owner.IsTrue("controller"))
            {
                continue;
            }

            if (controller is not null)
            {
                errors.Invalid(
                    field, metadata["ownerReferences"],
                    $"Only one reference can have Controller set to true. Found \"true\" in references for {controller} and {owner.Text("name")}");
            }

            controller = owner.Text("name");
        }
    }

    /// <summary><c>v1</c> or <c>GROUP/v1</c>.</summary>
    private static bool HasVersion(string apiVersion) => apiVersion[^1] != '/' && apiVersion.AsSpan().Count('/') <= 1;

    /// <summary>A finalizer is one of Kubernetes' own, or has a domain.</summary>
    public static void CheckFinalizerName(string name, string field, string item, FieldErrors errors)
    {
        errors.Invalid(field, name, NameRules.QualifiedNameProblems(name));

        if (!name.Contains('/', StringComparison.Ordinal) && !s_standardFinalizers.Contains(name))
        {
            errors.Invalid(item, name, "name is neither a standard finalizer name nor is it fully qualified");
        }
    }

    private static void CheckFinalizers(JsonObject metadata, JsonObject? old, FieldErrors errors)
    {
        const string field = "metadata.finalizers";
        var names = (metadata.List("finalizers") ?? []).Select(f => f.AsText() ?? "").ToList();
        var index = 0;
        foreach (var name in names)
        {
            var at = FormattableString.Invariant($"{field}[{index++}]");
            CheckFinalizerName(name, field, at, errors);
        }

        if (names.Contains("orphan") && names.Contains("foregroundDeletion"))
        {
            errors.Invalid(field, metadata["finalizers"], "finalizer orphan and foregroundDeletion cannot be both set");
        }

        if (old?["deletionTimestamp"] is null)
        {
            return;
        }

        var before = (old.List("finalizers") ?? []).Select(f => f.AsText() ?? "").ToHashSet();
        if (names.Where(n => !before.Contains(n)).ToList() is { Count: > 0 } added)
        {
            var list = string.Join(", ", added.Select(n => $"\"{n}\""));
            errors.Forbidden(
                field, $"no new finalizers can be added if the object is being deleted, found new finalizers []string{{{list}}}");
        }
    }
}
