using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.CustomResources.Definitions;
using EdgeSync.CloudCore.EmbeddedApi.CustomResources.Schemas;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Validation;

namespace EdgeSync.CloudCore.EmbeddedApi.CustomResources;

/// <summary>The rules for objects within objects (x-kubernetes-embedded-resource): they have a kind, a version and valid metadata.</summary>
internal static class EmbeddedResources
{
    public static void Check(CustomSchema schema, JsonNode? value, ValuePath path, FieldErrors errors)
    {
        switch (value)
        {
            case JsonObject map:
                if (schema.IsResource && path.Depth > 0)
                {
                    CheckResource(map, path, errors);
                }

                foreach (var (name, member) in map)
                {
                    if (schema.Member(name) is { HasResources: true } below)
                    {
                        path.Push(name);
                        Check(below, member, path, errors);
                        path.Pop();
                    }
                }

                break;
            case JsonArray list when schema.Items is { HasResources: true } items:
                for (var i = 0; i < list.Count; i++)
                {
                    path.Push(i);
                    Check(items, list[i], path, errors);
                    path.Pop();
                }

                break;
        }
    }

    private static void CheckResource(JsonObject resource, ValuePath path, FieldErrors errors)
    {
        CheckText(resource, "apiVersion", path, text => text.Count(c => c == '/') > 1 ? $"unexpected GroupVersion string: {text}" : null, errors);
        CheckText(
            resource, "kind", path,
            text => DefinitionRules.Label1035(text.ToLowerInvariant()) is { } why ? "may have mixed case, but should otherwise match: " + why : null, errors);
        if (resource.Object("metadata") is not { } metadata)
        {
            return;
        }

        ObjectMetaRules.CheckLabels(metadata.Object("labels"), path.ToString("metadata.labels"), errors);
        if (metadata.Text("name") is { Length: > 0 } name && NameRules.PathSegment(name) is { } wrong)
        {
            errors.Invalid(path.ToString("metadata.name"), name, wrong);
        }
    }

    private static void CheckText(JsonObject resource, string member, ValuePath path, Func<string, string?> rule, FieldErrors errors)
    {
        var field = path.ToString(member);
        if (!resource.ContainsKey(member))
        {
            errors.Required(field);
        }
        else if (resource.Text(member) is not { } text)
        {
            errors.Invalid(field, resource[member], "must be a string");
        }
        else if (text.Length == 0)
        {
            errors.Invalid(field, text, "must not be empty");
        }
        else if (rule(text) is { } why)
        {
            errors.Invalid(field, text, why);
        }
    }
}
