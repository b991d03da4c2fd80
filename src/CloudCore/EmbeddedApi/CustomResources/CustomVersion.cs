using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.CustomResources.Cel;
using EdgeSync.CloudCore.EmbeddedApi.CustomResources.Schemas;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Validation;

namespace EdgeSync.CloudCore.EmbeddedApi.CustomResources;

/// <summary>
/// One version of a custom kind as its definition describes it: how its objects are brought into shape and checked. Immutable; a
/// changed definition makes another one.
/// </summary>
internal sealed class CustomVersion
{
    private readonly TypeSchema _objectMeta;
    private readonly string _kind;

    /// <param name="definition">The definition.</param>
    /// <param name="version">The version's part of it.</param>
    /// <param name="objectMeta">The type of metadata.</param>
    /// <exception cref="FormatException">The schema cannot be used; the message says why.</exception>
    public CustomVersion(JsonObject definition, JsonObject version, TypeSchema objectMeta)
    {
        _objectMeta = objectMeta;
        _kind = definition.Object("spec")?.Object("names")?.Text("kind") ?? "";
        Name = version.Text("name") ?? "";
        Raw = version;
        OpenApi = version.Object("schema")?.Object("openAPIV3Schema") ?? throw new FormatException($"version {Name} has no schema");
        Schema = CustomSchemaReader.Read(OpenApi);
        Type = CustomTypes.Of(Schema, _kind, objectMeta);
    }

    public string Name { get; }

    /// <summary>The version's part of the definition; not to be changed.</summary>
    public JsonObject Raw { get; }

    /// <summary>The schema as the definition has it; not to be changed.</summary>
    public JsonObject OpenApi { get; }

    public CustomSchema Schema { get; }

    /// <summary>The same in the form that the built-in kinds' schemas have, for patches and server-side apply.</summary>
    public TypeSchema Type { get; }

    /// <summary>
    /// Brings a body into shape: unknown fields go, defaults come.
    /// </summary>
    /// <returns>The paths of what has been removed.</returns>
    /// <exception cref="ApiException">400 where the metadata are not metadata.</exception>
    public IReadOnlyList<string> Conform(JsonObject body)
    {
        var unknown = new List<string>();
        ConformMetadata(body, "metadata", unknown);
        var fit = new SchemaFit(track: true);
        fit.Apply(body, Schema);
        unknown.AddRange(fit.Unknown);
        if (Schema.HasResources)
        {
            ConformResources(Schema, body, new ValuePath(), unknown);
        }

        unknown.Sort(StringComparer.Ordinal);
        return unknown;
    }

    /// <summary>The same for what was stored, perhaps under an older schema: it is not complained of.</summary>
    public void Upgrade(JsonObject stored) => new SchemaFit(track: false).Apply(stored, Schema);

    /// <summary>Takes out what this version does not know, of an object of another one; its defaults are not written in.</summary>
    public void Prune(JsonObject node) => new SchemaFit(track: false, fillIn: false).Apply(node, Schema);

    public void Validate(JsonObject current, JsonObject? old, FieldErrors errors)
    {
        new SchemaValidator(errors).Check(Schema, current, old, "");
        if (Schema.HasResources)
        {
            EmbeddedResources.Check(Schema, current, new ValuePath(), errors);
        }

        CheckLists(current, old, errors);
        new CelRules(errors).Check(Schema, current, old);
    }

    /// <summary>A write of the status alone: what else is there was checked when it was written.</summary>
    public void ValidateStatus(JsonObject current, JsonObject? old, FieldErrors errors)
    {
        if (current["status"] is not { } status || Schema.Member("status") is not { } schema)
        {
            return;
        }

        new SchemaValidator(errors).Check(schema, status, old?["status"], "status");
        var path = new ValuePath();
        path.Push("status");
        if (schema.HasResources)
        {
            EmbeddedResources.Check(schema, status, path, errors);
        }

        if (schema.HasKeyedLists && !HasDuplicates(schema, old?["status"]))
        {
            var wrong = false;
            ListKeys.Check(schema, status, path, errors, ref wrong);
        }

        new CelRules(errors).Check(Schema, current, old);
    }

    /// <summary>Lists that were wrong before the rule came may stay wrong.</summary>
    private void CheckLists(JsonObject current, JsonObject? old, FieldErrors errors)
    {
        if (!Schema.HasKeyedLists)
        {
            return;
        }

        var found = new FieldErrors();
        var wrong = false;
        ListKeys.Check(Schema, current, new ValuePath(), found, ref wrong);
        if (wrong && !HasDuplicates(Schema, old))
        {
            errors.Add(found);
        }
    }

    private static bool HasDuplicates(CustomSchema schema, JsonNode? value)
    {
        var wrong = false;
        ListKeys.Check(schema, value, new ValuePath(), null, ref wrong);
        return wrong;
    }

    private void ConformMetadata(JsonObject owner, string path, List<string> unknown)
    {
        if (owner["metadata"] is not JsonObject metadata)
        {
            return;
        }

        var conformance = new Conformance(_kind, Name);
        conformance.Apply(metadata, _objectMeta, path);
        unknown.AddRange(conformance.UnknownFields);
    }

    private void ConformResources(CustomSchema schema, JsonNode? value, ValuePath path, List<string> unknown)
    {
        switch (value)
        {
            case JsonObject map:
                if (schema.IsResource && path.Depth > 0)
                {
                    ConformMetadata(map, path.ToString("metadata"), unknown);
                }

                foreach (var (name, member) in map)
                {
                    if (schema.Member(name) is { HasResources: true } below)
                    {
                        path.Push(name);
                        ConformResources(below, member, path, unknown);
                        path.Pop();
                    }
                }

                break;
            case JsonArray list when schema.Items is { HasResources: true } items:
                for (var i = 0; i < list.Count; i++)
                {
                    path.Push(i);
                    ConformResources(items, list[i], path, unknown);
                    path.Pop();
                }

                break;
        }
    }
}
