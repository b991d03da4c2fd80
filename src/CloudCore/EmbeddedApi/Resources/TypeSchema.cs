namespace EdgeSync.CloudCore.EmbeddedApi.Resources;

/// <summary>What a field's value is.</summary>
internal enum FieldKind
{
    String,
    Integer,
    Number,
    Boolean,

    /// <summary>metav1.Time, to the second.</summary>
    Time,

    /// <summary>metav1.MicroTime, six digits of a second.</summary>
    MicroTime,

    /// <summary>resource.Quantity: a string; a number is taken and becomes one.</summary>
    Quantity,

    /// <summary>A whole number or a string.</summary>
    IntOrString,

    /// <summary>Bytes: base64 in JSON.</summary>
    Bytes,

    /// <summary>Anything; kept as it is.</summary>
    Any,

    Object,
    List,
    Map,

    /// <summary>metav1.Duration, as Go writes it: <c>1m30s</c>.</summary>
    Duration,

    /// <summary>A JSON schema, or true or false.</summary>
    ObjectOrBoolean,

    /// <summary>A JSON schema, or a list of them.</summary>
    ObjectOrList,

    /// <summary>A JSON schema, or a list of strings.</summary>
    ObjectOrStrings,
}

/// <summary>What server-side apply takes a list for.</summary>
internal enum ListType
{
    /// <summary>One value, which has one owner.</summary>
    Atomic,

    /// <summary>Plain values, each with its owners.</summary>
    Set,

    /// <summary>Objects that keys tell apart.</summary>
    Map,
}

/// <summary>The shape of a value.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Type">The fields, for <see cref="FieldKind.Object"/>.</param>
/// <param name="Element">The members' shape, for lists and maps.</param>
internal sealed record FieldShape(FieldKind Kind, TypeSchema? Type = null, FieldShape? Element = null)
{
    /// <summary>Whether the owners of a value of any kind are known by its members; otherwise it is one value.</summary>
    public bool IsGranular { get; init; }

    /// <summary>Whether a whole number must fit into 32 bits.</summary>
    public bool Is32Bit { get; init; }

    /// <summary>How a Go client would name the type, for error messages.</summary>
    public string GoName => Kind switch
    {
        FieldKind.String => "string",
        FieldKind.Integer => Is32Bit ? "int32" : "int64",
        FieldKind.Number => "float64",
        FieldKind.Boolean => "bool",
        FieldKind.Time or FieldKind.MicroTime => "time",
        FieldKind.Bytes => "[]uint8",
        FieldKind.Quantity => "quantity",
        FieldKind.IntOrString => "intstr",
        FieldKind.Duration => "string",
        FieldKind.Object or FieldKind.ObjectOrBoolean or FieldKind.ObjectOrList or FieldKind.ObjectOrStrings => "v1." + Type!.Name,
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
internal sealed record FieldSchema(string Name, FieldShape Shape, bool Merge, bool RetainKeys, string? MergeKey)
{
    /// <summary>The field as a step of a path in managedFields.</summary>
    public string Element { get; } = "f:" + Name;

    /// <summary>The field's number in the protobuf form; 0 where it has none.</summary>
    public int Number { get; init; }

    /// <summary>Whether an empty or zero value says something; otherwise it is the same as none.</summary>
    public bool Optional { get; init; }

    /// <summary>Whether Kubernetes writes it although it is empty or zero.</summary>
    public bool Always { get; init; }

    /// <summary>Whether a strategic merge patch replaces an object instead of merging it.</summary>
    public bool Replace { get; init; }

    /// <summary>As <see cref="Always"/>, and objects, times and quantities, which a Go client has no way to leave out unless they are optional.</summary>
    public bool IsAlwaysWritten =>
        Number > 0 && (Always || (Shape.Kind is FieldKind.Object or FieldKind.Time or FieldKind.MicroTime or FieldKind.Quantity && !Optional));

    /// <summary>Whether clients must give it.</summary>
    public bool Required { get; init; }

    /// <summary>How server-side apply treats a list.</summary>
    public ListType ListType { get; init; }

    /// <summary>For <see cref="ListType.Map"/>: the members' fields that tell them apart.</summary>
    public IReadOnlyList<string> Keys
    {
        get;
        init
        {
            field = value;
            SortedKeys = [.. value.Order(StringComparer.Ordinal)];
        }
    } = [];

    /// <summary>The same, as paths have them.</summary>
    public IReadOnlyList<string> SortedKeys { get; private init; } = [];

    /// <summary>Whether server-side apply takes a map or an object as one value.</summary>
    public bool Atomic { get; init; }

    /// <summary>What stands for the field where it is missing, as JSON; null where nothing does.</summary>
    public string? DefaultText { get; init; }
}

/// <summary>A type with named fields, such as PodSpec.</summary>
internal sealed class TypeSchema(string name)
{
    private readonly Dictionary<string, FieldSchema> _fields = [];
    private readonly Dictionary<int, FieldSchema> _byNumber = [];
    private readonly Dictionary<int, TypeSchema> _embedded = [];

    public string Name => name;

    /// <summary>Of which package of Kubernetes it is, as in OpenAPI: <c>io.k8s.api.core.v1</c>; empty for others.</summary>
    public string Package { get; init; } = "";

    /// <summary>Whether server-side apply takes the whole as one value.</summary>
    public bool Atomic { get; init; }

    public IReadOnlyDictionary<string, FieldSchema> Fields => _fields;

    /// <summary>The fields that a Go client writes also where they are empty.</summary>
    public IReadOnlyList<FieldSchema> AlwaysWritten => field ??= [.. _fields.Values.Where(f => f.IsAlwaysWritten)];

    public FieldSchema? Field(string field) => _fields.GetValueOrDefault(field);

    /// <summary>By the number in the protobuf form.</summary>
    public FieldSchema? Field(int number) => _byNumber.GetValueOrDefault(number);

    /// <summary>The type whose fields are members of this one in JSON, but a message of their own in protobuf.</summary>
    public TypeSchema? Embedded(int number) => _embedded.GetValueOrDefault(number);

    /// <summary>Used while the schema is read.</summary>
    public void Add(FieldSchema field)
    {
        _fields.Add(field.Name, field);
        if (field.Number > 0)
        {
            _byNumber.Add(field.Number, field);
        }
    }

    /// <summary>Used while the schema is read.</summary>
    public void Embed(int number, TypeSchema type) => _embedded.Add(number, type);

    /// <summary>Takes the embedded types' fields in, once all types are read.</summary>
    public void TakeEmbedded()
    {
        foreach (var type in _embedded.Values)
        {
            type.TakeEmbedded();
            foreach (var field in type._fields)
            {
                _fields.TryAdd(field.Key, field.Value);
            }
        }
    }
}
