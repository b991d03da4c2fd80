using System.Text.Json.Nodes;

namespace EdgeSync.CloudCore.EmbeddedApi.ManagedFields;

/// <summary>Takes fields and members of lists out of a tree.</summary>
internal static class FieldRemoval
{
    /// <summary>A new tree without the fields of the set.</summary>
    public static JsonObject Remove(JsonObject node, FieldSet set, FieldPlace place) => Value(node, set, place) as JsonObject ?? [];

    /// <summary>The set, and in it also each named field that has something of the set below it.</summary>
    public static FieldSet WithNamedFields(FieldSet set, FieldPlace place)
    {
        var result = new FieldSet { IsMember = set.IsMember };
        foreach (var (element, child) in set.Children)
        {
            var inner = Inside(place, element);
            var made = WithNamedFields(child, inner);
            made.IsMember |= element[0] == 'f' && place.IsNamed(element[2..]);
            Copy(made, result.ChildOrNew(element));
        }

        return result;
    }

    private static void Copy(FieldSet from, FieldSet to)
    {
        to.IsMember = from.IsMember;
        foreach (var (element, child) in from.Children)
        {
            Copy(child, to.ChildOrNew(element));
        }
    }

    private static FieldPlace Inside(FieldPlace place, string element) =>
        element[0] == 'f' ? place.Member(element[2..]) : place.Element;

    /// <summary>What is left of a value; null where nothing is.</summary>
    private static JsonNode? Value(JsonNode? value, FieldSet set, FieldPlace place)
    {
        switch (place.Structure(value))
        {
            case FieldStructure.Map when value is JsonObject map:
                return Members(map, set, place);
            case FieldStructure.Set or FieldStructure.Keyed when value is JsonArray list:
                return Items(list, set, place);
            default:
                return value is JsonObject or JsonArray ? null : value?.DeepClone();
        }
    }

    private static JsonObject? Members(JsonObject map, FieldSet set, FieldPlace place)
    {
        var left = new JsonObject();
        foreach (var (name, value) in map)
        {
            var below = set.Child(FieldElement.OfField(name));
            if (below is { IsMember: true })
            {
                continue;
            }

            left[name] = below is null ? value?.DeepClone() : Value(value, below, place.Member(name));
        }

        foreach (var gone in left.Where(m => m.Value is null).Select(m => m.Key).ToList())
        {
            left.Remove(gone);
        }

        return left.Count == 0 ? null : left;
    }

    private static JsonArray? Items(JsonArray list, FieldSet set, FieldPlace place)
    {
        var left = new JsonArray();
        foreach (var (element, item) in place.Items(list))
        {
            var below = set.Child(element);
            if (below is not { IsMember: true })
            {
                left.Add(below is null ? item?.DeepClone() : Value(item, below, place.Element));
            }
        }

        return left.Count == 0 ? null : left;
    }
}
