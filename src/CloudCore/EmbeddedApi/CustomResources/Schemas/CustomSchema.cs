using System.Collections.Frozen;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using EdgeSync.CloudCore.EmbeddedApi.CustomResources.Cel;

namespace EdgeSync.CloudCore.EmbeddedApi.CustomResources.Schemas;

/// <summary>
/// One node of a custom resource definition's openAPIV3Schema, read once and shared by all requests. Immutable after
/// <see cref="CustomSchemaReader"/> has made it.
/// </summary>
internal sealed record CustomSchema
{
    /// <summary><c>object</c>, <c>array</c>, <c>string</c>, <c>integer</c>, <c>number</c>, <c>boolean</c>; empty where any is taken.</summary>
    public string Type { get; init; } = "";

    public string Description { get; init; } = "";

    public bool Nullable { get; init; }

    /// <summary>x-kubernetes-preserve-unknown-fields.</summary>
    public bool PreservesUnknown { get; init; }

    /// <summary>x-kubernetes-embedded-resource: the value is an object with apiVersion, kind and metadata of its own.</summary>
    public bool IsResource { get; init; }

    /// <summary>x-kubernetes-int-or-string.</summary>
    public bool IsIntOrString { get; init; }

    /// <summary>x-kubernetes-list-type: <c>atomic</c>, <c>set</c>, <c>map</c>; empty where it is not said.</summary>
    public string ListType { get; init; } = "";

    public IReadOnlyList<string> ListMapKeys { get; init; } = [];

    /// <summary>x-kubernetes-map-type: <c>atomic</c>, <c>granular</c>; empty where it is not said.</summary>
    public string MapType { get; init; } = "";

    public FrozenDictionary<string, CustomSchema> Properties { get; init; } = FrozenDictionary<string, CustomSchema>.Empty;

    public CustomSchema? Items { get; init; }

    /// <summary>The members that have no name of their own in <see cref="Properties"/>.</summary>
    public CustomSchema? AdditionalProperties { get; init; }

    /// <summary>additionalProperties: true, or a schema.</summary>
    public bool AllowsAdditional { get; init; }

    /// <summary>additionalProperties: false.</summary>
    public bool ForbidsAdditional { get; init; }

    public JsonNode? Default { get; init; }

    public IReadOnlyList<string> Required { get; init; } = [];

    public IReadOnlyList<JsonNode?> Enum { get; init; } = [];

    /// <summary>As the definition has it; empty where there is none.</summary>
    public string Format { get; init; } = "";

    public string Pattern { get; init; } = "";

    public Regex? PatternRegex { get; init; }

    public long? MaxLength { get; init; }

    public long? MinLength { get; init; }

    public double? Maximum { get; init; }

    public bool ExclusiveMaximum { get; init; }

    public double? Minimum { get; init; }

    public bool ExclusiveMinimum { get; init; }

    public double? MultipleOf { get; init; }

    public long? MaxItems { get; init; }

    public long? MinItems { get; init; }

    public long? MaxProperties { get; init; }

    public long? MinProperties { get; init; }

    public IReadOnlyList<CustomSchema> AllOf { get; init; } = [];

    public IReadOnlyList<CustomSchema> AnyOf { get; init; } = [];

    public IReadOnlyList<CustomSchema> OneOf { get; init; } = [];

    public CustomSchema? Not { get; init; }

    /// <summary>x-kubernetes-validations.</summary>
    public IReadOnlyList<CelRule> Rules { get; init; } = [];

    /// <summary>Whether this node or one below it has rules.</summary>
    public bool HasRules { get; init; }

    /// <summary>Whether this node or one below it has a default, so that a walk that finds none can be left out.</summary>
    public bool HasDefaults { get; init; }

    /// <summary>Whether this node or one below it is a list whose members must differ.</summary>
    public bool HasKeyedLists { get; init; }

    /// <summary>Whether this node or one below it is an embedded resource.</summary>
    public bool HasResources { get; init; }

    /// <summary>The schema of a member; null where it has none.</summary>
    public CustomSchema? Member(string name) => Properties.GetValueOrDefault(name) ?? AdditionalProperties;

    /// <summary>A null that means "nothing given".</summary>
    public static bool IsNothing(JsonNode? value, CustomSchema schema) => value is null && !schema.Nullable;
}
