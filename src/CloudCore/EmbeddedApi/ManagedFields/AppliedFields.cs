using System.Text.Json.Nodes;

namespace EdgeSync.CloudCore.EmbeddedApi.ManagedFields;

/// <summary>The fields that an object has, as the one who applies it owns them.</summary>
internal static class AppliedFields
{
    /// <exception cref="FormatException">A list has two members with the same key, or one without any; the message names it.</exception>
    public static FieldSet Of(JsonObject node, FieldPlace place, bool allowDuplicates)
    {
        var set = new FieldSet();
        Members(set, node, place, "", allowDuplicates);
        return set;
    }

    private static void Collect(FieldSet set, JsonNode? value, FieldPlace place, string path, bool allowDuplicates)
    {
        switch (place.Structure(value))
        {
            case FieldStructure.Map when value is JsonObject map:
                Members(set, map, place, path, allowDuplicates);
                break;
            case FieldStructure.Set or FieldStructure.Keyed when value is JsonArray list:
                Items(set, list, place, path, allowDuplicates);
                break;
            case FieldStructure.Leaf:
                set.IsMember = true;
                break;
        }
    }

    private static void Members(FieldSet set, JsonObject map, FieldPlace place, string path, bool allowDuplicates)
    {
        foreach (var (name, value) in map)
        {
            var child = set.ChildOrNew(FieldElement.OfField(name));
            Collect(child, value, place.Member(name), $"{path}.{name}", allowDuplicates);

            // an empty object is a field like another; so is each key of a map, with whatever it has below
            if (value is null or JsonObject { Count: 0 } || !place.IsNamed(name))
            {
                child.IsMember = true;
            }
        }
    }

    private static void Items(FieldSet set, JsonArray list, FieldPlace place, string path, bool allowDuplicates)
    {
        if (!allowDuplicates && place.FirstWithoutKeys(list) is { } index)
        {
            var keys = string.Join(' ', place.Field!.SortedKeys.Select(k => $"\"{k}\""));
            throw new FormatException(FormattableString.Invariant(
                $"{path}: element {index}: associative list with keys has an element that omits all key fields [{keys}] (and doesn't have default values for any key fields)"));
        }

        var seen = new HashSet<string>();
        foreach (var (element, item) in place.Items(list))
        {
            if (!seen.Add(element) && !allowDuplicates)
            {
                throw new FormatException($"{path}: duplicate entries for key {FieldElement.Describe([element])}");
            }

            var child = set.ChildOrNew(element);
            child.IsMember = true;
            Collect(child, item, place.Element, path + FieldElement.Describe([element]), allowDuplicates);
        }
    }
}
