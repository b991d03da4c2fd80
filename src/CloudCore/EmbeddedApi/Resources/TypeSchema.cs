namespace EdgeSync.CloudCore.EmbeddedApi.Resources;

/// <summary>What a field's value is.</summary>
internal enum FieldKind
{
    String,
    Integer,
    Number,
    Boolean,

    /// <summary>metav1.Time or MicroTime: a string, or null.</summary>
    Time,

    /// <summary>resource.Quantity: a string; a number is taken and becomes one.</summary>
    Quantity,

    /// <summary>A whole number or a string.</summary>
    IntOrString,

    /// <summary>Anything; kept as it is.</summary>
    Any,

    Object,
    List,
    Map,
}

/// <summary>The shape of a value.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Type">The fields, for <see cref="FieldKind.Object"/>.</param>
/// <param name="Element">The members' shape, for lists and maps.</param>
internal sealed record FieldShape(FieldKind Kind, TypeSchema? Type = null, FieldShape? Element = null)
{
    /// <summary>How a Go client would name the type, for error messages.</summary>
    public string GoName => Kind switch
    {
        FieldKind.String => "string",
        FieldKind.Integer => "int64",
        FieldKind.Number => "float64",
        FieldKind.Boolean => "bool",
        FieldKind.Time => "time",
        FieldKind.Quantity => "quantity",
        FieldKind.IntOrString => "intstr",
        FieldKind.Object => Type!.Name,
        FieldKind.List => "[]" + Element!.GoName,
        FieldKind.Map => "map[string]" + Element!.GoName,
        _ => "any",
    };
}

/// <summary>One field of a type.</summary>
/// <param name="Name">Its JSON name.</param>
/// <param name="Shape">Its value.</param>
/// <param name="Merge">Whether a strategic merge patch merges the list's members; otherwise it replaces the list.</param>
/// <param name="RetainKeys">Whether patches of the members name the fields to keep (<c>$retainKeys</c>).</param>
/// <param name="MergeKey">The field that tells the members of a merged list apart; null for lists of plain values.</param>
internal sealed record FieldSchema(string Name, FieldShape Shape, bool Merge, bool RetainKeys, string? MergeKey);

/// <summary>A type with named fields, such as PodSpec.</summary>
internal sealed class TypeSchema(string name)
{
    private readonly Dictionary<string, FieldSchema> _fields = [];

    public string Name => name;

    public IReadOnlyDictionary<string, FieldSchema> Fields => _fields;

    public FieldSchema? Field(string field) => _fields.GetValueOrDefault(field);

    /// <summary>Used while the schema is read.</summary>
    public void Add(FieldSchema field) => _fields.Add(field.Name, field);
}
