using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using EdgeSync.CloudCore.EmbeddedApi.CustomResources.Schemas;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Validation;

namespace EdgeSync.CloudCore.EmbeddedApi.CustomResources.Definitions;

/// <summary>
/// The rules for a CustomResourceDefinition. Kubernetes keeps what all versions have in common in one place of its internal form, and
/// names that place in its errors (<c>spec.validation</c> for the schemas); so do these.
/// </summary>
internal static partial class DefinitionRules
{
    private const int MostSelectableFields = 8;
    private const int LongestWarning = 256;

    private static readonly string[] s_columnTypes = ["boolean", "date", "integer", "number", "string"];
    private static readonly string[] s_columnFormats = ["byte", "date", "date-time", "double", "float", "int32", "int64", "password"];

    public static void Check(JsonObject definition, JsonObject? old, FieldErrors errors)
    {
        var spec = definition.ObjectOrNew("spec");
        var names = spec.ObjectOrNew("names");
        var name = definition.Object("metadata")?.Text("name") ?? "";
        if (old is null && name != $"{names.Text("plural")}.{spec.Text("group")}")
        {
            errors.Invalid("metadata.name", name, "must be spec.names.plural+\".\"+spec.group");
        }

        CheckGroup(spec.Text("group") ?? "", errors);
        CheckScope(spec.Text("scope") ?? "", errors);
        CheckVersions(spec, errors);
        CheckNames(names, errors);
        CheckConversion(spec.Object("conversion"), errors);
        if (old is not null)
        {
            CheckImmutable(spec, old, errors);
        }

        CheckStoredVersions(definition, spec, errors);
        CheckApproval(definition, old, spec.Text("group") ?? "", errors);
        if (spec.IsTrue("preserveUnknownFields"))
        {
            errors.Invalid("spec.preserveUnknownFields", JsonValue.Create(true), "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead");
        }
    }

    private static void CheckGroup(string group, FieldErrors errors)
    {
        if (group.Length == 0)
        {
            errors.Required("spec.group");
        }
        else if (NameRules.Subdomain(group) is { } why)
        {
            errors.Invalid("spec.group", group, why);
        }
        else if (!group.Contains('.', StringComparison.Ordinal))
        {
            errors.Invalid("spec.group", group, "should be a domain with at least one dot");
        }
    }

    private static void CheckScope(string scope, FieldErrors errors)
    {
        if (scope.Length == 0)
        {
            errors.Required("spec.scope");
        }
        else if (scope is not ("Cluster" or "Namespaced"))
        {
            errors.NotSupported("spec.scope", scope, "Cluster", "Namespaced");
        }
    }

    private static void CheckVersions(JsonObject spec, FieldErrors errors)
    {
        var versions = spec.Objects("versions").ToList();
        var shared = Shared.Of(versions);
        for (var i = 0; i < versions.Count; i++)
        {
            if (versions[i].Object("schema")?.Object("openAPIV3Schema") is null)
            {
                errors.Required(FormattableString.Invariant($"spec.versions[{i}].schema.openAPIV3Schema"));
            }
        }

        for (var i = 0; i < versions.Count; i++)
        {
            CheckVersion(versions[i], FormattableString.Invariant($"spec.versions[{i}]"), shared, errors);
        }

        if (versions.Select(v => v.Text("name")).Distinct().Count() != versions.Count)
        {
            errors.Invalid("spec.versions", spec["versions"], "must contain unique version names");
        }

        if (versions.Count(v => v.IsTrue("storage")) != 1)
        {
            errors.Invalid("spec.versions", spec["versions"], "must have exactly one version marked as storage version");
        }

        if (versions.Count > 0)
        {
            CheckShared(versions, shared, errors);
        }
    }

    private static void CheckVersion(JsonObject version, string path, Shared shared, FieldErrors errors)
    {
        if (Label1035(version.Text("name") ?? "") is { } why)
        {
            errors.Invalid($"{path}.name", version.Text("name") ?? "", why);
        }

        CheckDeprecation(version, path, errors);
        if (!shared.Schema)
        {
            CheckSchema(version, $"{path}.schema", HasStatus(version), errors);
        }

        if (!shared.Subresources)
        {
            CheckSubresources(version.Object("subresources"), $"{path}.subresources", errors);
        }

        if (!shared.Columns)
        {
            CheckColumns(version, $"{path}.additionalPrinterColumns", errors);
        }

        if (!shared.SelectableFields)
        {
            CheckSelectableFields(version, $"{path}.selectableFields", errors);
        }
    }

    private static void CheckShared(List<JsonObject> versions, Shared shared, FieldErrors errors)
    {
        if (shared.Schema)
        {
            CheckSchema(versions[0], "spec.validation", versions.Any(HasStatus), errors);
        }

        if (shared.Subresources)
        {
            CheckSubresources(versions[0].Object("subresources"), "spec.subresources", errors);
        }

        if (shared.Columns)
        {
            CheckColumns(versions[0], "spec.additionalPrinterColumns", errors);
        }

        if (shared.SelectableFields)
        {
            CheckSelectableFields(versions[0], "spec.selectableFields", errors);
        }
    }

    private static bool HasStatus(JsonObject version) => version.Object("subresources")?.Object("status") is not null;

    private static void CheckSchema(JsonObject version, string path, bool hasStatus, FieldErrors errors)
    {
        if (version.Object("schema")?.Object("openAPIV3Schema") is { } schema)
        {
            SchemaRules.Check(schema, $"{path}.openAPIV3Schema", hasStatus, errors);
        }
    }

    private static void CheckDeprecation(JsonObject version, string path, FieldErrors errors)
    {
        if (version.Text("deprecationWarning") is not { } warning)
        {
            return;
        }

        var field = $"{path}.deprecationWarning";
        if (!version.IsTrue("deprecated"))
        {
            errors.Invalid(field, warning, "can only be set for deprecated versions");
        }

        if (warning.Length > LongestWarning)
        {
            errors.Invalid(field, warning, "must be <= 256 characters long");
        }

        if (warning.Length == 0)
        {
            errors.Invalid(field, warning, "must not be an empty string");
        }

        if (warning.AsSpan().IndexOfAnyInRange('\0', '\x1f') is >= 0 and var at)
        {
            errors.Invalid(field, warning, FormattableString.Invariant($"must only contain printable UTF-8 characters; non-printable character found at index {at}"));
        }
    }

    private static void CheckNames(JsonObject names, FieldErrors errors)
    {
        foreach (var member in (string[])["plural", "singular", "kind", "listKind"])
        {
            if (names.Text(member) is null or "")
            {
                errors.Required($"spec.names.{member}");
            }
        }

        foreach (var member in (string[])["plural", "singular"])
        {
            if (names.Text(member) is { Length: > 0 } name && Label1035(name) is { } why)
            {
                errors.Invalid($"spec.names.{member}", name, why);
            }
        }

        foreach (var member in (string[])["kind", "listKind"])
        {
            if (names.Text(member) is { Length: > 0 } name && Label1035(name.ToLowerInvariant()) is { } why)
            {
                errors.Invalid($"spec.names.{member}", name, "may have mixed case, but should otherwise match: " + why);
            }
        }

        CheckLabels(names, "shortNames", errors);
        if (names.Text("kind") is { Length: > 0 } kind && kind == names.Text("listKind"))
        {
            errors.Invalid("spec.names.listKind", kind, "kind and listKind may not be the same");
        }

        CheckLabels(names, "categories", errors);
    }

    private static void CheckLabels(JsonObject names, string member, FieldErrors errors)
    {
        var index = 0;
        foreach (var name in (names.List(member) ?? []).Select(n => n.AsText() ?? ""))
        {
            if (Label1035(name) is { } why)
            {
                errors.Invalid(FormattableString.Invariant($"spec.names.{member}[{index}]"), name, why);
            }

            index++;
        }
    }

    private static void CheckConversion(JsonObject? conversion, FieldErrors errors)
    {
        if (conversion is null)
        {
            return;
        }

        switch (conversion.Text("strategy") ?? "")
        {
            case "":
                errors.Required("spec.conversion.strategy");
                break;
            case "None" when conversion["webhook"] is not null:
                errors.Forbidden("spec.conversion.webhookClientConfig", "should not be set when strategy is not set to Webhook");
                break;
            case "None":
                break;
            case "Webhook":
                // everything else about the webhook is beside the point here
                errors.Forbidden("spec.conversion.strategy", "this server calls no conversion webhooks: its versions may differ by their schemas alone (strategy None)");
                break;
            case var strategy:
                errors.NotSupported("spec.conversion.strategy", strategy, "None", "Webhook");
                break;
        }
    }

    private static void CheckImmutable(JsonObject spec, JsonObject old, FieldErrors errors)
    {
        var oldSpec = old.Object("spec") ?? [];
        var oldNames = oldSpec.Object("names") ?? [];
        var names = spec.ObjectOrNew("names");
        if (DefinitionConditions.IsTrue(old, DefinitionConditions.Established))
        {
            CheckSame(spec, oldSpec, "scope", "spec.scope", errors);
            CheckSame(names, oldNames, "kind", "spec.names.kind", errors);
        }

        CheckSame(spec, oldSpec, "group", "spec.group", errors);
        CheckSame(names, oldNames, "plural", "spec.names.plural", errors);
    }

    private static void CheckSame(JsonObject node, JsonObject old, string member, string field, FieldErrors errors)
    {
        if (node.Text(member) != old.Text(member))
        {
            errors.Invalid(field, node.Text(member) ?? "", "field is immutable");
        }
    }

    private static void CheckStoredVersions(JsonObject definition, JsonObject spec, FieldErrors errors)
    {
        const string field = "status.storedVersions";
        var list = definition.Object("status")?.List("storedVersions");
        var stored = (list ?? []).Select(v => v.AsText() ?? "").ToList();
        if (stored.Count == 0)
        {
            errors.Invalid(field, list ?? [], "must have at least one stored version");
            return;
        }

        var versions = spec.Objects("versions").Select(v => v.Text("name") ?? "").ToHashSet();
        for (var i = 0; i < stored.Count; i++)
        {
            if (!versions.Contains(stored[i]))
            {
                errors.Invalid(
                    FormattableString.Invariant($"{field}[{i}]"),
                    stored[i],
                    $"missing from spec.versions; {stored[i]} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in {stored[i]} and removes {stored[i]} from status.storedVersions");
            }
        }
    }

    /// <summary>Kubernetes' own groups want to be told that somebody has thought about it.</summary>
    private static void CheckApproval(JsonObject definition, JsonObject? old, string group, FieldErrors errors)
    {
        const string annotation = "api-approved.kubernetes.io";
        const string see = "see https://github.com/kubernetes/enhancements/pull/1111";
        if (!(group is "k8s.io" or "kubernetes.io"
            || group.EndsWith(".k8s.io", StringComparison.Ordinal) || group.EndsWith(".kubernetes.io", StringComparison.Ordinal)))
        {
            return;
        }

        var value = definition.Object("metadata")?.Object("annotations")?.Text(annotation) ?? "";
        if (old is not null && (old.Object("metadata")?.Object("annotations")?.Text(annotation) ?? "") == value)
        {
            return;
        }

        if (value.Length == 0)
        {
            errors.Required($"metadata.annotations[{annotation}]", $"protected groups must have approval annotation \"{annotation}\", {see}");
        }
        else if (!value.StartsWith("unapproved", StringComparison.Ordinal)
            && !(Uri.TryCreate(value, UriKind.Absolute, out var url) && url.Host.Length > 0))
        {
            errors.Invalid(
                $"metadata.annotations[{annotation}]", value,
                $"protected groups must have approval annotation \"{annotation}\" with either a URL or a reason starting with \"unapproved\", {see}");
        }
    }

    private static void CheckSubresources(JsonObject? subresources, string path, FieldErrors errors)
    {
        if (subresources?.Object("scale") is not { } scale)
        {
            return;
        }

        CheckScalePath(scale, "specReplicasPath", path, ".spec.", "should be a json path under .spec", errors);
        CheckScalePath(scale, "statusReplicasPath", path, ".status.", "should be a json path under .status", errors);
        if (scale.Text("labelSelectorPath") is { Length: > 0 } selector)
        {
            var field = $"{path}.scale.labelSelectorPath";
            if (CheckPath(selector, field, errors)
                && !selector.StartsWith(".spec.", StringComparison.Ordinal) && !selector.StartsWith(".status.", StringComparison.Ordinal))
            {
                errors.Invalid(field, selector, "should be a json path under either .spec or .status");
            }
        }
    }

    private static void CheckScalePath(JsonObject scale, string member, string path, string root, string rule, FieldErrors errors)
    {
        var field = $"{path}.scale.{member}";
        var value = scale.Text(member) ?? "";
        if (value.Length == 0)
        {
            errors.Required(field);
        }
        else if (CheckPath(value, field, errors) && !value.StartsWith(root, StringComparison.Ordinal))
        {
            errors.Invalid(field, value, rule);
        }
    }

    private static bool CheckPath(string path, string field, FieldErrors errors)
    {
        if (path[0] == '.')
        {
            return true;
        }

        errors.Invalid(field, path, "must be a simple json path starting with .");
        return false;
    }

    private static void CheckColumns(JsonObject version, string path, FieldErrors errors)
    {
        var index = 0;
        foreach (var column in version.Objects("additionalPrinterColumns"))
        {
            var field = FormattableString.Invariant($"{path}[{index++}]");
            if (column.Text("name") is null or "")
            {
                errors.Required($"{field}.name");
            }

            var types = $"must be one of {string.Join(",", s_columnTypes)}";
            if (column.Text("type") is not { Length: > 0 } type)
            {
                errors.Required($"{field}.type", types);
            }
            else if (!s_columnTypes.Contains(type))
            {
                errors.Invalid($"{field}.type", type, types);
            }

            if (column.Text("format") is { Length: > 0 } format && !s_columnFormats.Contains(format))
            {
                errors.Invalid($"{field}.format", format, $"must be one of {string.Join(",", s_columnFormats)}");
            }

            CheckColumnPath(column.Text("jsonPath") ?? "", $"{field}.JSONPath", errors);
        }
    }

    private static void CheckColumnPath(string path, string field, FieldErrors errors)
    {
        if (path.Length == 0)
        {
            errors.Required(field);
        }
        else if (CheckPath(path, field, errors) && !JsonPath.TryParse(path, out _, out var why))
        {
            // Kubernetes finds this out when the column is shown, and then shows none
            errors.Invalid(field, path, $"is an invalid JSONPath: {why}");
        }
    }

    private static void CheckSelectableFields(JsonObject version, string path, FieldErrors errors)
    {
        var schema = version.Object("schema")?.Object("openAPIV3Schema") ?? [];
        var seen = new HashSet<string>();
        var index = 0;
        foreach (var selectable in version.Objects("selectableFields"))
        {
            var field = FormattableString.Invariant($"{path}[{index++}].jsonPath");
            var text = selectable.Text("jsonPath") ?? "";
            if (text.Length == 0)
            {
                errors.Required(field);
                continue;
            }

            if (FindField(schema, text) is not { } found)
            {
                errors.Invalid(field, text, "is an invalid path: does not refer to a valid field");
                continue;
            }

            if (text.StartsWith(".metadata", StringComparison.Ordinal))
            {
                errors.Invalid(field, text, "must not point to fields in metadata");
            }

            if (found.Text("type") is not ("string" or "boolean" or "integer"))
            {
                errors.Invalid(field, text, "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.");
            }

            if (!seen.Add(text))
            {
                errors.Duplicate(field, text);
            }
        }

        if (seen.Count > MostSelectableFields)
        {
            errors.Add(FieldProblem.TooMany(path, seen.Count, MostSelectableFields));
        }
    }

    /// <summary>The schema at a path of fields; null where there is none.</summary>
    public static JsonObject? FindField(JsonObject schema, string path)
    {
        if (!path.StartsWith('.') || path.Contains('[', StringComparison.Ordinal))
        {
            return null;
        }

        var current = schema;
        foreach (var part in path[1..].Split('.'))
        {
            if (current.Object("properties")?.Object(part) is not { } next)
            {
                return null;
            }

            current = next;
        }

        return current;
    }

    /// <summary>An RFC 1035 label; what is wrong, or null.</summary>
    public static string? Label1035(string name) => name.Length > 63
        ? "must be no more than 63 characters"
        : Label1035Pattern().IsMatch(name)
            ? null
            : "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";

    [GeneratedRegex("^[a-z]([-a-z0-9]*[a-z0-9])?\\z", RegexOptions.CultureInvariant)]
    private static partial Regex Label1035Pattern();

    /// <summary>Which parts are the same in all versions.</summary>
    private sealed record Shared(bool Schema, bool Subresources, bool Columns, bool SelectableFields)
    {
        public static Shared Of(List<JsonObject> versions) => new(
            Same(versions, "schema"), Same(versions, "subresources"), Same(versions, "additionalPrinterColumns"), Same(versions, "selectableFields"));

        private static bool Same(List<JsonObject> versions, string member) =>
            versions.TrueForAll(v => JsonNode.DeepEquals(v[member], versions[0][member]));
    }
}
