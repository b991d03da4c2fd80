using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Resources;

namespace EdgeSync.CloudCore.EmbeddedApi.ManagedFields;

/// <summary>What ownership takes a value for.</summary>
internal enum FieldStructure
{
    /// <summary>One value with one owner.</summary>
    Leaf,

    /// <summary>Named fields, or keys with values.</summary>
    Map,

    /// <summary>Plain values, each with owners.</summary>
    Set,

    /// <summary>Objects, told apart by keys.</summary>
    Keyed,
}

/// <summary>A place in the schema: the shape of a value and, where it is a field's, what the field says of lists.</summary>
internal readonly record struct FieldPlace(FieldShape Shape, FieldSchema? Field)
{
    private static readonly FieldShape s_unknown = new(FieldKind.Any) { IsGranular = true };

    /// <summary>The whole object of a type; null is one of which nothing is known.</summary>
    public static FieldPlace Root(TypeSchema? type) =>
        new(type is null ? s_unknown : new FieldShape(FieldKind.Object, type), null);

    public FieldStructure Structure(JsonNode? value)
    {
        if (Field is { Atomic: true })
        {
            return FieldStructure.Leaf;
        }

        return Shape.Kind switch
        {
            FieldKind.Object => Shape.Type!.Atomic ? FieldStructure.Leaf : FieldStructure.Map,
            FieldKind.Map => FieldStructure.Map,
            FieldKind.List when Field is { ListType: ListType.Set } => FieldStructure.Set,
            FieldKind.List when Field is { ListType: ListType.Map } => FieldStructure.Keyed,
            FieldKind.Any when Shape.IsGranular && value is JsonObject => FieldStructure.Map,
            _ => FieldStructure.Leaf,
        };
    }

    /// <summary>Whether a member is a field of a type, which has its owners below it, and not a key of a map.</summary>
    public bool IsNamed(string member) => Shape.Kind == FieldKind.Object && Shape.Type!.Field(member) is not null;

    public FieldPlace Member(string member)
    {
        switch (Shape.Kind)
        {
            case FieldKind.Object:
                return Shape.Type!.Field(member) is { } field ? new FieldPlace(field.Shape, field) : new FieldPlace(s_unknown, null);
            case FieldKind.Map:
                return new FieldPlace(Shape.Element!, null);
            default:
                return new FieldPlace(s_unknown, null);
        }
    }

    /// <summary>The members of a list.</summary>
    public FieldPlace Element => new(Shape.Element ?? s_unknown, null);

    /// <summary>The first object of a keyed list that has none of the keys: nothing can be said of who owns it.</summary>
    public int? FirstWithoutKeys(JsonArray list)
    {
        for (var i = 0; Field!.ListType == ListType.Map && i < list.Count; i++)
        {
            if (list[i] is JsonObject member && FieldElement.OfMember(member, Field) is null)
            {
                return i;
            }
        }

        return null;
    }

    /// <summary>A list's members by their path elements; several where a key stands twice.</summary>
    public List<(string Element, JsonNode? Item)> Items(JsonArray? list)
    {
        var items = new List<(string, JsonNode?)>(list?.Count ?? 0);
        foreach (var item in list ?? [])
        {
            var element = Field!.ListType == ListType.Set
                ? FieldElement.OfValue(item)
                : item is JsonObject member ? FieldElement.OfMember(member, Field) : null;
            if (element is not null)
            {
                items.Add((element, item));
            }
        }

        return items;
    }
}
