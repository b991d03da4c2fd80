using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.CustomResources.Schemas;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.CustomResources.Definitions;

/// <summary>What is allowed in a definition and yet probably not meant.</summary>
internal static class DefinitionWarnings
{
    /// <summary>The warnings of a definition that its older version did not have.</summary>
    public static IEnumerable<string> Of(JsonObject definition, JsonObject? old)
    {
        var warnings = Find(definition);
        return old is null ? warnings : warnings.Except(Find(old));
    }

    private static List<string> Find(JsonObject definition)
    {
        var warnings = new List<string>();
        foreach (var version in (definition.Object("spec") ?? []).Objects("versions"))
        {
            Walk(version.Object("schema")?.Object("openAPIV3Schema"), warnings);
        }

        return [.. warnings.Distinct()];
    }

    private static void Walk(JsonNode? node, List<string> warnings)
    {
        if (node is not JsonObject schema)
        {
            return;
        }

        if (schema.Text("format") is { Length: > 0 } format && !IsKnown(schema.Text("type") ?? "", format))
        {
            warnings.Add($"unrecognized format \"{format}\"");
        }

        if (schema.Text("x-kubernetes-list-type") == "set" && schema.Object("items")?.Text("type") is "object" or "array")
        {
            warnings.Add($"x-kubernetes-list-type: set for items of type \"{schema.Object("items")!.Text("type")}\" is not supported by server-side apply or CEL validation rules");
        }

        foreach (var (_, member) in schema.Object("properties") ?? [])
        {
            Walk(member, warnings);
        }

        Walk(schema["items"], warnings);
        Walk(schema["additionalProperties"], warnings);
        Walk(schema["not"], warnings);
        foreach (var branch in ((string[])["allOf", "anyOf", "oneOf"]).SelectMany(name => schema.Objects(name)))
        {
            Walk(branch, warnings);
        }
    }

    private static bool IsKnown(string type, string format) => type switch
    {
        "" or "string" => TextFormats.IsKnown(format),
        "integer" => format is "int32" or "int64",
        "number" => format is "float" or "double",
        _ => false,
    };
}
