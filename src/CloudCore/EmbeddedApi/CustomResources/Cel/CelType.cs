using EdgeSync.CloudCore.EmbeddedApi.CustomResources.Schemas;

namespace EdgeSync.CloudCore.EmbeddedApi.CustomResources.Cel;

/// <summary>What a value of a rule is.</summary>
internal enum CelKind
{
    /// <summary>Known at run time only: int-or-string, and what comes of it.</summary>
    Dyn,
    Null,
    Bool,
    Int,
    Double,
    String,
    Timestamp,
    Duration,
    List,
    Map,

    /// <summary>An object with fields of its own.</summary>
    Object,
}

/// <summary>The type of a part of a rule.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Element">Of a list its members', of a map its values' type.</param>
/// <param name="Schema">Of an object, a list or a map that comes from the object that is checked.</param>
/// <param name="IsResource">Whether an object has kind, apiVersion and metadata beside its own fields.</param>
internal sealed record CelType(CelKind Kind, CelType? Element = null, CustomSchema? Schema = null, bool IsResource = false)
{
    public static readonly CelType Dyn = new(CelKind.Dyn);
    public static readonly CelType Null = new(CelKind.Null);
    public static readonly CelType Bool = new(CelKind.Bool);
    public static readonly CelType Int = new(CelKind.Int);
    public static readonly CelType Double = new(CelKind.Double);
    public static readonly CelType String = new(CelKind.String);
    public static readonly CelType Timestamp = new(CelKind.Timestamp);
    public static readonly CelType Duration = new(CelKind.Duration);

    public static CelType ListOf(CelType element) => new(CelKind.List, element);

    /// <summary>The type of a value with this schema; null where rules cannot look into it.</summary>
    public static CelType? Of(CustomSchema schema, bool isResource = false)
    {
        if (schema.IsIntOrString)
        {
            return Dyn;
        }

        switch (schema.Type)
        {
            case "object" when isResource || schema.IsResource:
                return new CelType(CelKind.Object, null, schema, true);
            case "object" when schema.AdditionalProperties is { } values && schema.Properties.Count == 0:
                return Of(values) is { } value ? new CelType(CelKind.Map, value, schema) : null;
            case "object" when schema.Properties.Count > 0 || schema.PreservesUnknown:
                return new CelType(CelKind.Object, null, schema);
            case "object":
                return new CelType(CelKind.Object, null, schema);
            case "array":
                return schema.Items is { } items && Of(items) is { } item ? new CelType(CelKind.List, item, schema) : null;
            case "string":
                return schema.Format switch
                {
                    "date-time" or "date" => Timestamp,
                    "duration" => Duration,
                    "byte" => null,
                    _ => String,
                };
            case "integer":
                return Int;
            case "number":
                return Double;
            case "boolean":
                return Bool;
            default:
                return null;
        }
    }

    /// <summary>As error messages name it.</summary>
    public override string ToString() => Kind switch
    {
        CelKind.Dyn => "dyn",
        CelKind.Null => "null",
        CelKind.Bool => "bool",
        CelKind.Int => "int",
        CelKind.Double => "double",
        CelKind.String => "string",
        CelKind.Timestamp => "timestamp",
        CelKind.Duration => "duration",
        CelKind.List => $"list({Element})",
        CelKind.Map => $"map(string, {Element})",
        _ => "object",
    };

    /// <summary>Whether values of both types may be compared.</summary>
    public bool Fits(CelType other) =>
        Kind == CelKind.Dyn || other.Kind == CelKind.Dyn || Kind == CelKind.Null || other.Kind == CelKind.Null
        || (Kind == other.Kind && (Kind is not (CelKind.List or CelKind.Map) || Element is null || other.Element is null || Element.Fits(other.Element)));
}
